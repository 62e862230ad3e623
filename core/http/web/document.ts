import type { Language } from "../../domain/language.ts"
import { assetUrl } from "./assets.ts"
import { type Html, html } from "./html.ts"

/**
 * The content policy of every page. No page has an inline script or style or loads anything from another host, so
 * nothing else is allowed; framing is refused because a framed payment button can be clicked by deceit.
 */
export const PAGE_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

/** For the page that posts a provider's form: browsers apply `form-action` to redirects after the post as well. */
const FORM_PAGE_CSP = PAGE_CSP.replace("form-action 'self'; ", "")

/** Every page in the gateway's theme. Its styles and scripts are links, each with a version or of a short life. */
export interface Page {
  readonly language: Language
  readonly title: string
  /** Addresses of stylesheets, loaded after the theme. */
  readonly styles?: ReadonlyArray<string>
  /** Further markup of the head. */
  readonly head?: Html
  readonly bodyClass?: string
  /** What stands between `<body>` and `</body>`. */
  readonly body: Html
  /** Address of the icon; default: PayHub's. */
  readonly icon?: string
}

/** The whole HTML document of a page. */
export const document = ({ language, title, styles = [], head, bodyClass, body, icon }: Page): string =>
  html`<!doctype html>
<html lang="${language === "zh" ? "zh-CN" : "en"}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="color-scheme" content="light dark">
<meta name="format-detection" content="telephone=no">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>${title}</title>
<link rel="icon" href="${icon ?? assetUrl("payhub.svg")}" type="image/svg+xml">
${[assetUrl("theme.css"), ...styles].map((href) => html`<link rel="stylesheet" href="${href}">\n`)}${head}
</head>
<body${bodyClass !== undefined && html` class="${bodyClass}"`}>
${body}
</body>
</html>
`.text

/** A page's response: nothing foreign runs in it, nobody frames it, no cache keeps it, no Referer tells its address. */
export const pageResponse = (
  status: number,
  text: string,
  {
    formTarget = "self",
    headers = {}
  }: { readonly formTarget?: "self" | "anywhere"; readonly headers?: Readonly<Record<string, string>> } = {}
): Response =>
  new Response(text, {
    status,
    headers: {
      ...headers,
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": formTarget === "self" ? PAGE_CSP : FORM_PAGE_CSP,
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY"
    }
  })

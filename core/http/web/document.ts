import { type Html, html } from "../../channel/html.ts"
import type { Language } from "../../domain/language.ts"
import { assetUrl } from "./assets.ts"

/**
 * What every page must be sent with. There is no inline script or style and no foreign host in any page, so nothing
 * else is allowed; frames are refused because a framed payment button can be clicked by deceit.
 */
export const PAGE_CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
  "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

/** For the page that posts a provider's form: browsers hold redirects after the post to `form-action` too. */
export const FORM_PAGE_CSP = PAGE_CSP.replace("form-action 'self'; ", "")

/**
 * A whole HTML document around `body`. `styles` names asset files that follow the theme, `head` is further markup of
 * the head, `icon` an address (PayHub's own unless given).
 */
export const document = (page: {
  readonly language: Language
  readonly title: string
  readonly styles: ReadonlyArray<string>
  readonly icon?: string | undefined
  readonly head?: Html
  readonly body: Html
}): string =>
  html`<!doctype html>
<html lang="${page.language === "zh" ? "zh-CN" : "en"}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="color-scheme" content="light dark">
<meta name="format-detection" content="telephone=no">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>${page.title}</title>
<link rel="icon" href="${page.icon ?? assetUrl("payhub.svg")}" type="image/svg+xml">
${["theme.css", ...page.styles].map((name) => html`<link rel="stylesheet" href="${assetUrl(name)}">\n`)}${page.head}
</head>
${page.body}
</html>
`.text

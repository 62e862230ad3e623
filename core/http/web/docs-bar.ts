import { type Html, html } from "../../channel/html.ts"
import type { Language } from "../../domain/language.ts"
import { SIGN_TOOL_PATH } from "../tools/sign-tool-path.ts"
import { assetUrl } from "./assets.ts"

/** The documentation's pages, as its bar links them. */
export const DOCS_PAGES = {
  reference: { path: "/swagger", zh: "接口文档", en: "API reference" },
  errors: { path: "/swagger/errors", zh: "错误码", en: "Errors" },
  sign: { path: SIGN_TOOL_PATH, zh: "签名调试", en: "Signature debugger" }
} as const

/** The bar over every page of the documentation. */
export const docsBar = (current: keyof typeof DOCS_PAGES, language: Language): Html => {
  const other = language === "zh" ? "en" : "zh"
  const links = Object.entries(DOCS_PAGES).map(
    ([name, { path, [language]: title }]) =>
      html`<a class="bar-link" href="${path}?lang=${language}"${name === current && html` aria-current="page"`}>${title}</a>`
  )
  return html`<header class="bar"><div class="bar-inner">
<a class="brand" href="/swagger?lang=${language}"><img src="${assetUrl("payhub.svg")}" width="28" height="28" alt="">PayHub</a>
<nav>${links}<a class="bar-link" href="${DOCS_PAGES[current].path}?lang=${other}" hreflang="${other}" lang="${other}">${other === "en" ? "English" : "中文"}</a></nav>
</div></header>`
}

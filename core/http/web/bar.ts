import type { Language } from "../../domain/language.ts"
import { assetUrl } from "./assets.ts"
import { type Html, html } from "./html.ts"

/** The bar over a wide page: PayHub's name, what stands beside it, links, and the way to the other language. */
export const bar = (page: {
  readonly language: Language
  /** The page's own path; the other language is the same path with `?lang=`. */
  readonly path: string
  /** What the name links. */
  readonly home: string
  readonly beside?: Html
  readonly links: ReadonlyArray<Html>
}): Html => {
  const { language, path, home, beside, links } = page
  const other = language === "zh" ? "en" : "zh"
  return html`<header class="bar"><div class="bar-inner">
<a class="brand" href="${home}?lang=${language}"><img src="${assetUrl("payhub.svg")}" width="28" height="28" alt="">PayHub</a>
${beside}
<nav>${links}<a class="bar-link language" href="${path}?lang=${other}" hreflang="${other === "en" ? "en" : "zh-CN"}" lang="${other === "en" ? "en" : "zh-CN"}">${other === "en" ? "English" : "中文"}</a></nav>
</div></header>`
}

import type { Language } from "../../domain/language.ts"
import { SIGN_TOOL_PATH } from "../tools/sign-tool-path.ts"
import { bar } from "./bar.ts"
import { type Html, html } from "./html.ts"

/** The documentation's pages, as its bar links them. */
const DOCS_PAGES = {
  reference: { path: "/swagger", title: { zh: "接口文档", en: "API reference" } },
  errors: { path: "/swagger/errors", title: { zh: "错误码", en: "Errors" } },
  sign: { path: SIGN_TOOL_PATH, title: { zh: "签名调试", en: "Signature debugger" } }
} as const

/** The bar over every page of the documentation. */
export const docsBar = (current: keyof typeof DOCS_PAGES, language: Language): Html =>
  bar({
    language,
    path: DOCS_PAGES[current].path,
    home: "/swagger",
    links: Object.entries(DOCS_PAGES).map(
      ([name, { path, title }]) =>
        html`<a class="bar-link" href="${path}?lang=${language}"${name === current && html` aria-current="page"`}>${title[language]}</a>`
    )
  })

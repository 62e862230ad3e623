import type { Language } from "../../core/domain/language.ts"
import { errorCatalogue } from "../../core/http/errors/catalogue.ts"
import { SIGN_TOOL_PATH } from "../../core/http/tools/sign-tool-path.ts"
import { assetUrl } from "../../core/http/web/assets.ts"
import { docsBar } from "../../core/http/web/docs-bar.ts"
import { document } from "../../core/http/web/document.ts"
import { type Html, html, jsonScript } from "../../core/http/web/html.ts"
import { docsAssetUrl } from "./assets.ts"
import { ENDPOINTS, operationId, TAGS, WEBHOOK } from "./endpoints.ts"
import { introSections } from "./intro.ts"

/** What the documentation's pages are made for. */
export interface DocsView {
  readonly language: Language
  /** Path of the page that lists the amounts at which the test-mode channel fails, if it has one. */
  readonly faultsPage?: string | undefined
}

/** A page of the documentation: its own content beside the navigation and the search, which all of them share. */
export const docsPage = (
  view: DocsView,
  page: {
    readonly name: "reference" | "errors"
    readonly title: string
    readonly styles?: ReadonlyArray<string>
    readonly head?: Html
    readonly content: Html
  }
): string => {
  const { language } = view
  const { name, title, styles = [], head, content } = page
  const texts = TEXTS[language]
  return document({
    language,
    title,
    styles: [assetUrl("docs.css"), docsAssetUrl("side.css"), ...styles],
    head: html`<script type="module" src="${docsAssetUrl("side.js")}"></script>
${head}`,
    bodyClass: `docs ${name}`,
    body: html`${docsBar(name, language)}
<div class="docs-columns">
<div class="side">
<div class="search" id="search" role="search" hidden>
<input id="search-input" type="search" role="combobox" aria-expanded="false" aria-controls="search-results" aria-autocomplete="list" aria-label="${texts.search}" placeholder="${texts.placeholder}" autocomplete="off" autocapitalize="off" spellcheck="false">
<kbd aria-hidden="true">/</kbd>
<ul id="search-results" role="listbox" aria-label="${texts.results}" hidden></ul>
<p class="sr" id="search-status" role="status"></p>
</div>
<details class="contents" id="contents">
<summary>${texts.contents}</summary>
<nav aria-label="${texts.contents}">
${navigation(view).map(
  ({ title, links }) => html`<h2>${title}</h2>
<ul>${links.map(({ href, text, tail }) => html`<li><a href="${href}">${text}${tail !== undefined && html`<small>${tail}</small>`}</a></li>`)}</ul>
`
)}</nav>
</details>
</div>
${content}
</div>
${jsonScript("side", { index: `/swagger/search?lang=${language}`, texts: { none: texts.none, found: texts.found } })}`
  })
}

const TEXTS = {
  zh: {
    search: "搜索接口、字段、错误",
    placeholder: "搜索接口、字段、错误",
    results: "搜索结果",
    none: "没有找到",
    found: "{count} 条结果",
    contents: "目录",
    guide: "接入说明",
    tryIt: "在线试用",
    errors: "错误码",
    fields: "字段错误（422）",
    tools: "工具",
    sign: "签名调试",
    faults: "沙箱的特殊金额",
    document: "OpenAPI 文档"
  },
  en: {
    search: "Search endpoints, fields, errors",
    placeholder: "Search the API",
    results: "Search results",
    none: "Nothing found",
    found: "{count} results",
    contents: "Contents",
    guide: "Guide",
    tryIt: "Try it",
    errors: "Errors",
    fields: "Field errors (422)",
    tools: "Tools",
    sign: "Signature debugger",
    faults: "The sandbox's magic amounts",
    document: "OpenAPI document"
  }
} as const satisfies Readonly<Record<Language, Readonly<Record<string, string>>>>

interface Link {
  readonly href: string
  readonly text: string
  /** A technical word under the text. */
  readonly tail?: string
}

interface LinkGroup {
  readonly title: string
  readonly links: ReadonlyArray<Link>
}

/** The address of a place on the reference page: a section, an operation, or `operation.field`. */
export const referenceHref = (language: Language, place: string): string => `/swagger?lang=${language}#${place}`
export const errorsHref = (language: Language, place: string): string => `/swagger/errors?lang=${language}#${place}`

/** Everything that the documentation's pages link, group by group. */
export const navigation = ({ language, faultsPage }: DocsView): ReadonlyArray<LinkGroup> => {
  const texts = TEXTS[language]
  const codes = [...new Set(errorCatalogue(language).map(({ code }) => code))]
  return [
    {
      title: texts.guide,
      links: [
        ...introSections(language).map(({ id, title }) => ({ href: referenceHref(language, id), text: title })),
        { href: referenceHref(language, "try"), text: texts.tryIt }
      ]
    },
    ...Object.entries(TAGS).map(([tag, title]) => ({
      title: title[language],
      links: ENDPOINTS.filter((endpoint) => endpoint.tag === tag).map((endpoint) => ({
        href: referenceHref(language, operationId(endpoint)),
        text: endpoint.summary[language],
        tail: endpoint.route.slice(endpoint.route.lastIndexOf("/") + 1)
      }))
    })),
    {
      title: WEBHOOK.group[language],
      links: [{ href: referenceHref(language, WEBHOOK.id), text: WEBHOOK.summary[language], tail: "notify_url" }]
    },
    {
      title: texts.errors,
      links: [
        ...codes.map((code) => ({ href: errorsHref(language, `code-${code}`), text: String(code) })),
        { href: errorsHref(language, "fields"), text: texts.fields }
      ]
    },
    {
      title: texts.tools,
      links: [
        { href: `${SIGN_TOOL_PATH}?lang=${language}`, text: texts.sign },
        ...(faultsPage === undefined ? [] : [{ href: `${faultsPage}?lang=${language}`, text: texts.faults }]),
        { href: `/swagger/json?lang=${language}`, text: texts.document }
      ]
    }
  ]
}

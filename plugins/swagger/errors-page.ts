import { type InLanguage, inLanguage, type Texts } from "../../core/domain/language.ts"
import { type CatalogueEntry, errorCatalogue, fieldEntries } from "../../core/http/errors/catalogue.ts"
import { type Html, html } from "../../core/http/web/html.ts"
import { type DocsView, docsPage } from "./docs-page.ts"

const errorsTexts = {
  title: { zh: "错误码", en: "Errors" },
  lead: {
    zh: '每个错误应答都是 {"code", "message", "data"}，HTTP 状态码等于 code。请按 code 与 data 编写程序，message 供人阅读。',
    en: 'Every error is {"code", "message", "data"}, and the HTTP status equals code. Program by code and data; messages are for people.'
  },
  message: { zh: "message", en: "message" },
  cause: { zh: "原因", en: "Cause" },
  remedy: { zh: "处理办法", en: "What to do" },
  fields: { zh: "字段错误（422）", en: "Field errors (422)" },
  fieldsLead: {
    zh: 'message 是第一个出错字段的说明；data.errors 以 {"字段": ["说明", …]} 列出全部。',
    en: "message is the first faulty field's; data.errors has them all as {field: [text, …]}."
  }
} satisfies Texts

type ErrorsTexts = InLanguage<typeof errorsTexts>

/** `/swagger/errors`, for `pageResponse`: every message that a merchant can be told, read from where it is defined. */
export const renderErrorsPage = (view: DocsView): string => {
  const { language } = view
  const texts = inLanguage(errorsTexts, language)
  const entries = errorCatalogue(language)
  const codes = [...new Set(entries.map(({ code }) => code))]
  const anchors = errorAnchors(entries)
  const fields = fieldEntries(language)
  return docsPage(view, {
    name: "errors",
    title: `${texts.title} · PayHub`,
    content: html`<main class="sheet">
<h1 class="headline">${texts.title}</h1>
<p class="lead">${texts.lead}</p>
<ul class="codes">${codes.map((code) => html`<li><a href="#code-${code}">${code}</a></li>`)}<li><a href="#fields">${texts.fields}</a></li></ul>
${codes.map((code) => {
  const first = entries.findIndex((entry) => entry.code === code)
  const some = entries.filter((entry) => entry.code === code)
  return html`<h2 id="code-${code}">${code}</h2>
${table(some, anchors.slice(first, first + some.length), texts)}`
})}
<h2 id="fields">${texts.fields}</h2>
<p class="lead">${texts.fieldsLead}</p>
${table(fields, errorAnchors(fields), texts)}
</main>`
  })
}

/** The id of each entry's row: its name, numbered where an error has several cases. */
export const errorAnchors = (entries: ReadonlyArray<CatalogueEntry>): ReadonlyArray<string> =>
  entries.map(({ name }, i) => {
    const before = entries.slice(0, i).filter((entry) => entry.name === name).length
    return before === 0 ? name : `${name}-${before + 1}`
  })

/** @param entries all of one status, which stand together in the catalogue */
const table = (entries: ReadonlyArray<CatalogueEntry>, anchors: ReadonlyArray<string>, texts: ErrorsTexts): Html =>
  html`<table class="table">
<thead><tr><th scope="col">${texts.message}</th><th scope="col">${texts.cause}</th><th scope="col">${texts.remedy}</th></tr></thead>
<tbody>
${entries.map(
  ({ name, message, cause, remedy, data, headers }, i) => html`<tr id="${anchors[i]}" data-error="${name}">
<th scope="row">${message}${details(data, headers)}</th><td>${cause}</td><td>${remedy}</td>
</tr>
`
)}</tbody>
</table>`

/** The data members and headers that accompany a message. */
const details = (data: CatalogueEntry["data"], headers: CatalogueEntry["headers"]): Html => {
  const names = Object.keys(headers).map((name) => name.replace(/\b[a-z]/g, (letter) => letter.toUpperCase()))
  const members = Object.keys(data ?? {}).map((name) => `data.${name}`)
  return html`${[...members, ...names].map((name) => html`<small>${name}</small>`)}`
}

import { type InLanguage, inLanguage, type Language, type Texts } from "../../core/domain/language.ts"
import { type CatalogueEntry, errorCatalogue, fieldEntries } from "../../core/http/errors/catalogue.ts"
import { assetUrl } from "../../core/http/web/assets.ts"
import { docsBar } from "../../core/http/web/docs-bar.ts"
import { document } from "../../core/http/web/document.ts"
import { type Html, html } from "../../core/http/web/html.ts"

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
export const renderErrorsPage = (language: Language): string => {
  const texts = inLanguage(errorsTexts, language)
  const entries = errorCatalogue(language)
  const codes = [...new Set(entries.map(({ code }) => code))]
  return document({
    language,
    title: `${texts.title} · PayHub`,
    styles: [assetUrl("docs.css")],
    body: html`${docsBar("errors", language)}
<main class="sheet">
<h1 class="headline">${texts.title}</h1>
<p class="lead">${texts.lead}</p>
<ul class="codes">${codes.map((code) => html`<li><a href="#code-${code}">${code}</a></li>`)}<li><a href="#fields">${texts.fields}</a></li></ul>
${codes.map(
  (code) => html`<h2 id="code-${code}">${code}</h2>
${table(
  entries.filter((entry) => entry.code === code),
  texts
)}`
)}
<h2 id="fields">${texts.fields}</h2>
<p class="lead">${texts.fieldsLead}</p>
${table(fieldEntries(language), texts)}
</main>`
  })
}

const table = (entries: ReadonlyArray<CatalogueEntry>, texts: ErrorsTexts): Html =>
  html`<table class="table">
<thead><tr><th scope="col">${texts.message}</th><th scope="col">${texts.cause}</th><th scope="col">${texts.remedy}</th></tr></thead>
<tbody>
${entries.map(
  ({ name, message, cause, remedy, data, headers }) => html`<tr data-error="${name}">
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

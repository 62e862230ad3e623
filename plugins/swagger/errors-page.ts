import { type Html, html } from "../../core/channel/html.ts"
import { inBothLanguages, type Language } from "../../core/domain/language.ts"
import { type CatalogueEntry, errorCatalogue, fieldEntries } from "../../core/http/errors/catalogue.ts"
import { docsBar } from "../../core/http/web/docs-bar.ts"
import { document } from "../../core/http/web/document.ts"

const texts = inBothLanguages({
  title: { zh: "错误码", en: "Errors" },
  lead: {
    zh: '每个错误应答都是 {"code", "message", "data"},HTTP 状态码等于 code。请按 code 与 data 编写程序,message 供人阅读。',
    en: 'Every error is {"code", "message", "data"}, and the HTTP status equals code. Program by code and data; messages are for people.'
  },
  message: { zh: "message", en: "message" },
  cause: { zh: "原因", en: "Cause" },
  remedy: { zh: "处理办法", en: "What to do" },
  fields: { zh: "字段错误(422)", en: "Field errors (422)" },
  fieldsLead: {
    zh: "message 是第一个出错字段的说明;data.errors 以 {字段: [说明, …]} 列出全部。",
    en: "message is the first faulty field's; data.errors has them all as {field: [text, …]}."
  }
})

/** `/swagger/errors`: every message that a merchant can get, made from the rows of core/http/errors. For PAGE_CSP. */
export const renderErrorsPage = (language: Language): string => {
  const words = texts[language]
  const entries = errorCatalogue(language)
  const codes = [...new Set(entries.map(({ code }) => code))]
  return document({
    language,
    title: `${words.title} · PayHub`,
    styles: ["docs.css"],
    body: html`<body>
${docsBar("errors", language)}
<main class="sheet">
<h1>${words.title}</h1>
<p class="lead">${words.lead}</p>
<ul class="codes">${codes.map((code) => html`<li><a href="#code-${code}">${code}</a></li>`)}<li><a href="#fields">${words.fields}</a></li></ul>
${codes.map(
  (code) => html`<h2 id="code-${code}">${code}</h2>
${table(
  entries.filter((entry) => entry.code === code),
  language
)}`
)}
<h2 id="fields">${words.fields}</h2>
<p class="lead">${words.fieldsLead}</p>
${table(fieldEntries(language), language)}
</main>
</body>`
  })
}

const table = (entries: ReadonlyArray<CatalogueEntry>, language: Language): Html => {
  const words = texts[language]
  return html`<table class="table">
<thead><tr><th scope="col">${words.message}</th><th scope="col">${words.cause}</th><th scope="col">${words.remedy}</th></tr></thead>
<tbody>
${entries.map(
  ({ name, message, cause, remedy, data, headers }) => html`<tr data-error="${name}">
<th scope="row">${message}${details(data, headers)}</th><td>${cause}</td><td>${remedy}</td>
</tr>
`
)}</tbody>
</table>`
}

/** The names of what comes with the message: members of data, then headers. */
const details = (data: CatalogueEntry["data"], headers: CatalogueEntry["headers"]): Html => {
  const names = Object.keys(headers).map((name) => name.replace(/\b[a-z]/g, (letter) => letter.toUpperCase()))
  const members = Object.keys(data ?? {}).map((name) => `data.${name}`)
  return html`${[...members, ...names].map((name) => html`<small>${name}</small>`)}`
}

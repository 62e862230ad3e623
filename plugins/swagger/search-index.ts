import type { Language } from "../../core/domain/language.ts"
import { type CatalogueEntry, errorCatalogue, fieldEntries } from "../../core/http/errors/catalogue.ts"
import { answers, webhookBody } from "./answers.ts"
import { type DocsView, errorsHref, navigation, referenceHref } from "./docs-page.ts"
import { ENDPOINTS, type Endpoint, operationId, WEBHOOK } from "./endpoints.ts"
import { errorAnchors } from "./errors-page.ts"
import { type JsonObject, requestSchema } from "./json-schema.ts"

/** A place that the search finds. */
export interface SearchEntry {
  /** What it is called: matches here come first. */
  readonly title: string
  /** Where it belongs: an endpoint, a status. */
  readonly where: string
  /** What it says. */
  readonly text: string
  readonly href: string
}

/** Every endpoint, section, tool, field and error message, in the order in which equal matches are shown. */
export const searchIndex = (view: DocsView): ReadonlyArray<SearchEntry> => {
  const { language } = view
  const links = navigation(view).flatMap(({ title, links }) =>
    links.map(({ href, text, tail = "" }) => ({ title: text, where: title, text: tail, href }))
  )
  const catalogues = [errorCatalogue(language), fieldEntries(language)]
  return [
    ...links,
    ...ENDPOINTS.flatMap((endpoint) => fieldsOf(endpoint, language)),
    ...webhookFields(language),
    ...catalogues.flatMap((entries) => errorsOf(entries, language))
  ]
}

const fieldsOf = (endpoint: Endpoint, language: Language): ReadonlyArray<SearchEntry> => {
  const { answer, request, query = {}, summary, route } = endpoint
  const id = operationId(endpoint)
  const where = `${summary[language]} · ${route.slice(route.lastIndexOf("/") + 1)}`
  const asked =
    request === undefined ? undefined : requestSchema(request.schema([]), request.docs, language, request.signed)
  const { data } = answers(language, {})[answer]
  return [
    ...Object.entries(query).map(([name, { text }]) => entry(name, where, text[language], language, `${id}.${name}`)),
    ...properties(asked).map(([name, text]) => entry(name, where, text, language, `${id}.${name}`)),
    ...properties(data).map(([name, text]) => entry(`data.${name}`, where, text, language, `${id}.data.${name}`))
  ]
}

const webhookFields = (language: Language): ReadonlyArray<SearchEntry> =>
  properties(webhookBody(language).data).map(([name, text]) =>
    entry(name, WEBHOOK.summary[language], text, language, `${WEBHOOK.id}.${name}`)
  )

const properties = (schema: JsonObject | undefined): ReadonlyArray<readonly [name: string, text: string]> =>
  Object.entries((schema?.properties ?? {}) as Readonly<Record<string, JsonObject>>).map(([name, { description }]) => [
    name,
    String(description ?? "")
  ])

const entry = (title: string, where: string, text: string, language: Language, place: string): SearchEntry => ({
  title,
  where,
  text: text.replaceAll(/[`*]/g, ""),
  href: referenceHref(language, place)
})

const errorsOf = (entries: ReadonlyArray<CatalogueEntry>, language: Language): ReadonlyArray<SearchEntry> => {
  const anchors = errorAnchors(entries)
  return entries.map(({ code, message, cause, remedy }, i) => ({
    title: message,
    where: String(code),
    text: `${cause} ${remedy}`,
    href: errorsHref(language, anchors[i] ?? "")
  }))
}

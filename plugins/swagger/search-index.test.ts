import { expect, test } from "bun:test"
import { errorCatalogue, fieldEntries } from "../../core/http/errors/catalogue.ts"
import { at, documents } from "./document.fixture.ts"
import { ENDPOINTS, operationId } from "./endpoints.ts"
import { renderErrorsPage } from "./errors-page.ts"
import { searchIndex } from "./search-index.ts"

test.each(["zh", "en"] as const)(
  "The search knows every endpoint, field and message, each at its place, in %s",
  (language) => {
    const entries = searchIndex({ language, faultsPage: "/sandbox/" })
    const named = new Map(entries.map(({ title, href }) => [`${title} ${href}`, true]))
    const [reference, errors] = [`/swagger?lang=${language}#`, `/swagger/errors?lang=${language}#`]
    const page = renderErrorsPage({ language })
    for (const { message } of [...errorCatalogue(language), ...fieldEntries(language)]) {
      const found = entries.find(({ title }) => title === message)
      expect([message, found?.href.startsWith(errors)]).toEqual([message, true])
      expect(page).toContain(`id="${found?.href.slice(errors.length)}"`)
    }
    const ids = new Set(ENDPOINTS.map(operationId))
    // The names of the document's schemas are those of the operations with a capital.
    const schemas = Object.entries(at(documents[language], "components", "schemas"))
    for (const [schema, { properties = {} }] of schemas as ReadonlyArray<[string, { properties?: object }]>) {
      const [, name = "", kind] = /^(\w+?)(Request|Data)$/.exec(schema) ?? []
      const id = name.charAt(0).toLowerCase() + name.slice(1)
      if (!ids.has(id)) continue
      for (const field of Object.keys(properties)) {
        const place = kind === "Data" ? `data.${field}` : field
        expect(named.has(`${place} ${reference}${id}.${place}`)).toBe(true)
      }
    }
    expect(named.has(`token ${reference}payState.token`)).toBe(true)
    expect(new Set(entries.map(({ href }) => href)).size).toBe(entries.length)
    expect(entries.some(({ href }) => href === `/sandbox/?lang=${language}`)).toBe(true)
    expect(searchIndex({ language }).some(({ href }) => href.startsWith("/sandbox"))).toBe(false)
  }
)

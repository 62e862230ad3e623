import { Exit } from "effect"
import type { ListedChannel } from "../../core/cashier/channel-list.ts"
import { CHANNEL_CODES } from "../../core/domain/channel-code.ts"
import type { Language } from "../../core/domain/language.ts"
import { merchantRoutes, payerCallRoutes } from "../../core/http/merchant/routes.ts"
import type { Json, JsonObject } from "./json-schema.ts"
import { openApiDocument } from "./openapi.ts"
import { isObject } from "./schema-check.fixture.ts"

/* The document of a gateway that has loaded every channel of the contract, and the means to read it. */

const run = () => Promise.resolve(Exit.die("not asked here"))

export const routes = [...merchantRoutes(run), ...payerCallRoutes(run)]

export const channels: ReadonlyArray<ListedChannel> = Object.entries(CHANNEL_CODES).map(([code, product], i) => ({
  product: { code, ...product, ...(i === 1 ? { minFen: 100, maxFen: 500_000 } : {}) },
  live: i % 2 === 0,
  test: true
}))

export const makeDocument = (language: Language, listed = channels): Promise<JsonObject> =>
  openApiDocument(routes, { language, publicUrl: "https://pay.example.com", version: "1.2.3", channels: listed })

export const documents: Readonly<Record<Language, JsonObject>> = {
  zh: await makeDocument("zh"),
  en: await makeDocument("en")
}

/** A member of the document by its path. */
export const at = (document: JsonObject, ...path: ReadonlyArray<string>): JsonObject => {
  let found: Json | undefined = document
  for (const step of path) found = isObject(found) ? found[step] : undefined
  if (!isObject(found)) throw new Error(`the document has no ${path.join(" → ")}`)
  return found
}

/** Every value in the document, with the path to it. */
export const everything = function* (
  value: Json,
  path: ReadonlyArray<string> = []
): Generator<[ReadonlyArray<string>, Json]> {
  yield [path, value]
  if (typeof value !== "object" || value === null) return
  for (const [key, member] of Object.entries(value)) yield* everything(member as Json, [...path, key])
}

interface Operation {
  readonly name: string
  readonly operation: JsonObject
}

export const operations = (document: JsonObject): ReadonlyArray<Operation> =>
  [...Object.entries(at(document, "paths")), ...Object.entries(at(document, "webhooks"))].flatMap(([path, item]) =>
    Object.entries(item as Readonly<Record<string, JsonObject>>).map(([method, operation]) => ({
      name: `${method.toUpperCase()} ${path}`,
      operation
    }))
  )

/** A property of a schema of the Chinese document. */
export const property = (schema: string, name: string): JsonObject =>
  at(documents.zh, "components", "schemas", schema, "properties", name)

import Ajv2020 from "ajv/dist/2020.js"
import type { Json, JsonObject } from "./json-schema.ts"

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** What `#/components/schemas/Name` points to. */
export const resolved = (ref: string, document: JsonObject): JsonObject | undefined => {
  let found: Json | undefined = document
  for (const step of ref.replace("#/", "").split("/")) found = isObject(found) ? found[step] : undefined
  return isObject(found) ? found : undefined
}

/**
 * Why a value does not fit a schema of the document, or undefined when it fits. A keyword that JSON Schema 2020-12 does
 * not have is an error, so that no rule is passed over in silence; `format` is only a hint to readers.
 */
export const misfit = (value: Json, schema: JsonObject, document: JsonObject): string | undefined => {
  const ajv = new Ajv2020({ strictSchema: true, validateFormats: false })
  // The schema's references point into the document's components.
  ajv.addVocabulary(["components"])
  const fits = ajv.compile({ ...schema, components: document.components ?? {} })
  return fits(value) ? undefined : ajv.errorsText(fits.errors)
}

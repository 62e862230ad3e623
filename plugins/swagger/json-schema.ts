import { Schema } from "effect"
import { INTEGER_RANGE } from "../../core/http/merchant/fields.ts"
import type { Language } from "../../core/http/web/language.ts"
import { COMMON, type FieldDoc } from "./field-docs.ts"

/** JSON as OpenAPI writes it. */
export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }
export type JsonObject = { readonly [key: string]: Json }

/** A whole number, or the same as decimal text: clients of many languages send every value as a string. */
export const integerOrText = (range: JsonObject): JsonObject => ({
  oneOf: [
    { type: "integer", ...range },
    { type: "string", pattern: "^[1-9][0-9]*$" }
  ]
})

/**
 * The request body of an endpoint as JSON Schema, made from the very schema that validates it. It does not say that more
 * parameters may come: generated clients would take any misspelt one, and their optional ones would not type-check.
 * @param docs each field's words, in the schema's order
 * @param signed adds the common parameters
 */
export const requestSchema = (
  schema: Schema.Top,
  docs: Readonly<Record<string, FieldDoc>>,
  language: Language,
  signed: boolean
): JsonObject => {
  const { properties, required } = Schema.toJsonSchemaDocument(schema, {
    includeAnnotationKey: (key) => key === INTEGER_RANGE
  }).schema as { readonly properties: Readonly<Record<string, JsonObject>>; readonly required?: ReadonlyArray<string> }
  const fields = Object.entries(properties).map(([name, property]) => {
    const needed = required?.includes(name) ?? false
    return [name, documented(onTheWire(property, needed), docs[name], language)] as const
  })
  const common = signed ? commonProperties(language) : {}
  return {
    type: "object",
    properties: { ...Object.fromEntries(fields), ...common },
    required: [...(required ?? []), ...Object.keys(common)]
  }
}

/** A property's schema as it is sent: flat, integers either way, and an empty text counting as absent. */
const onTheWire = (property: JsonObject, needed: boolean): JsonObject => {
  const { [INTEGER_RANGE]: range, allOf, ...rest } = property
  if (range !== undefined) return integerOrText(range as JsonObject)
  const checks = (allOf ?? []) as ReadonlyArray<JsonObject>
  return { ...rest, ...(needed ? { minLength: 1 } : {}), ...Object.assign({}, ...checks) }
}

/** The default stands in the words alone: some generators require a parameter that has one as a keyword. */
const documented = (schema: JsonObject, doc: FieldDoc | undefined, language: Language): JsonObject => {
  if (doc === undefined) return schema
  return { ...schema, description: doc.text[language] + defaultText(doc, language), examples: [doc.example] }
}

const defaultText = ({ default: value }: FieldDoc, language: Language): string =>
  value === undefined ? "" : language === "zh" ? `默认 \`${value}\`。` : ` Default \`${value}\`.`

const commonProperties = (language: Language): JsonObject => {
  const schemas: { readonly [Name in keyof typeof COMMON]: JsonObject } = {
    app_id: { type: "string", pattern: "^pk_(live|test)_[0-9A-Za-z]+$" },
    timestamp: integerOrText({ minimum: 1 }),
    nonce: { type: "string", minLength: 1, maxLength: 32 },
    sign: { type: "string", pattern: "^[0-9a-f]{64}$" }
  }
  return Object.fromEntries(
    Object.entries(schemas).map(([name, schema]) => [
      name,
      documented(schema, COMMON[name as keyof typeof COMMON], language)
    ])
  )
}

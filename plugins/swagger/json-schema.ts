import { Schema } from "effect"
import type { Language } from "../../core/domain/language.ts"
import { INTEGER_RANGE } from "../../core/http/merchant/fields.ts"
import { COMMON, type FieldDoc } from "./field-docs.ts"

/** Any JSON value. */
export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }
export type JsonObject = { readonly [key: string]: Json }

/** An integer or its decimal text: clients in many languages send every value as a string. */
const integerOrText = (range: JsonObject): JsonObject => ({
  oneOf: [
    { type: "integer", ...range },
    { type: "string", pattern: "^[1-9][0-9]*$" }
  ]
})

/**
 * An endpoint's request body as JSON Schema, made from the schema that validates it. It does not say that the gateway
 * accepts further parameters: generated clients would then accept misspelt ones, and their optional parameters would not
 * type-check.
 * @param docs the description and example of each field
 * @param signed whether to add the parameters that every signed call carries
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

/**
 * A property's schema as it is sent: its checks are merged into it, integers are numbers or text, and a required text is
 * not empty, because an empty one counts as absent.
 */
const onTheWire = (property: JsonObject, needed: boolean): JsonObject => {
  const { [INTEGER_RANGE]: range, allOf, ...rest } = property
  if (range !== undefined) return integerOrText(range as JsonObject)
  const checks = (allOf ?? []) as ReadonlyArray<JsonObject>
  return { ...rest, ...(needed ? { minLength: 1 } : {}), ...Object.assign({}, ...checks) }
}

/**
 * A schema with its description and example. A default is mentioned in the description only: some generators make a
 * parameter required if its schema has the keyword `default`.
 */
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

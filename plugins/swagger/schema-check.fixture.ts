import type { Json, JsonObject } from "./json-schema.ts"

/**
 * Why a value does not fit a schema of the document, or undefined if it fits. Only those keywords of JSON Schema are
 * checked that the document uses; any other keyword is a misfit, so that none is ignored in silence.
 */
export const misfit = (value: Json, schema: JsonObject, document: JsonObject, at = "$"): string | undefined => {
  for (const [keyword, rule] of Object.entries(schema)) {
    const why = check(keyword, rule, value, schema, document, at)
    if (why !== undefined) return why
  }
  return undefined
}

/** The schema to which `#/components/schemas/Name` points. */
export const resolved = (ref: string, document: JsonObject): JsonObject | undefined => {
  let found: Json | undefined = document
  for (const step of ref.replace("#/", "").split("/")) found = isObject(found) ? found[step] : undefined
  return isObject(found) ? found : undefined
}

export const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const ANNOTATIONS = ["description", "examples", "default", "format"]

const check = (keyword: string, rule: Json, value: Json, schema: JsonObject, document: JsonObject, at: string) => {
  const fails = (fine: boolean) =>
    fine ? undefined : `${at}: ${JSON.stringify(value)} against ${keyword} ${JSON.stringify(rule)}`
  const members = isObject(value) ? Object.entries(value) : []
  switch (keyword) {
    case "$ref": {
      const target = resolved(String(rule), document)
      return target === undefined ? `${at}: ${String(rule)} points nowhere` : misfit(value, target, document, at)
    }
    case "type":
      return fails([rule].flat().some((type) => isOfType(value, String(type))))
    case "enum":
      return fails((rule as ReadonlyArray<Json>).includes(value))
    case "pattern":
      return fails(typeof value !== "string" || new RegExp(String(rule), "u").test(value))
    case "minLength":
      return fails(typeof value !== "string" || [...value].length >= Number(rule))
    case "maxLength":
      return fails(typeof value !== "string" || [...value].length <= Number(rule))
    case "minimum":
      return fails(typeof value !== "number" || value >= Number(rule))
    case "maximum":
      return fails(typeof value !== "number" || value <= Number(rule))
    case "oneOf":
      return fails(
        (rule as ReadonlyArray<JsonObject>).filter((one) => misfit(value, one, document) === undefined).length === 1
      )
    case "required":
      return fails(!isObject(value) || (rule as ReadonlyArray<string>).every((name) => name in value))
    case "properties":
      return first(members, ([name, member]) => {
        const property = (rule as Readonly<Record<string, JsonObject>>)[name]
        return property && misfit(member, property, document, `${at}.${name}`)
      })
    case "additionalProperties":
      return first(members, ([name, member]) => {
        if (name in ((schema.properties ?? {}) as JsonObject)) return undefined
        return rule === false
          ? `${at}.${name} is one too many`
          : misfit(member, rule as JsonObject, document, `${at}.${name}`)
      })
    case "items":
      return Array.isArray(value)
        ? first([...value.entries()], ([i, item]) => misfit(item, rule as JsonObject, document, `${at}[${i}]`))
        : undefined
    default:
      return ANNOTATIONS.includes(keyword) ? undefined : `${at}: the keyword ${keyword} is not checked`
  }
}

const first = <A>(list: ReadonlyArray<A>, why: (item: A) => string | undefined): string | undefined => {
  for (const item of list) {
    const found = why(item)
    if (found !== undefined) return found
  }
  return undefined
}

const isOfType = (value: Json, type: string): boolean => {
  switch (type) {
    case "integer":
      return Number.isInteger(value)
    case "null":
      return value === null
    case "array":
      return Array.isArray(value)
    case "object":
      return isObject(value)
    default:
      return typeof value === type
  }
}

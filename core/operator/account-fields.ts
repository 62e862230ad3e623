import { Schema } from "effect"
import type { AnyProvider } from "../cashier/opened-account.ts"

/** The JSON Schema of a provider's account; null = part of its schema cannot be expressed in JSON Schema. */
export const accountSchema = (provider: AnyProvider): Schema.Json => {
  try {
    const { schema, definitions } = Schema.toJsonSchemaDocument(provider.account)
    return (Object.keys(definitions).length === 0 ? schema : { ...schema, $defs: definitions }) as Schema.Json
  } catch {
    return null
  }
}

/** The names of an account's fields; a field that some accounts can omit ends in "?". */
export const fieldNames = (schema: Schema.Json): ReadonlyArray<string> => {
  interface Shape {
    readonly properties?: object
    readonly required?: ReadonlyArray<string>
    readonly anyOf?: ReadonlyArray<Shape>
  }
  const whole = (schema ?? {}) as Shape
  const variants = whole.anyOf ?? [whole]
  const names = new Set(variants.flatMap(({ properties = {} }) => Object.keys(properties)))
  return [...names].map((name) => (variants.every(({ required = [] }) => required.includes(name)) ? name : `${name}?`))
}

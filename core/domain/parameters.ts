/**
 * One value of a flat request body. `text` is what the signature covers: a string's characters, a number exactly as it
 * stands in the JSON, `true`/`false`, and "" for null (contract section 3).
 */
export interface Parameter {
  readonly kind: "string" | "number" | "boolean" | "null"
  readonly text: string
}

/** A request's top-level parameters, in the order in which they were sent. */
export type Parameters = ReadonlyMap<string, Parameter>

/** The parameters as the pairs that a signature covers. */
export const signedPairs = (parameters: Parameters): ReadonlyArray<readonly [string, string]> => {
  const pairs: Array<readonly [string, string]> = []
  for (const [key, { text }] of parameters) pairs.push([key, text])
  return pairs
}

/** A plain decimal integer: no sign but a minus, no leading zeros, no fraction, no exponent, no -0. */
export const PLAIN_INTEGER = /^(0|-?[1-9]\d*)$/

/**
 * A parameter as the field schemas take it: undefined if it is absent, null or empty; text for a string or an integer
 * (clients send either for both); a boolean or a fraction, which no schema accepts, for the rest.
 */
export const fieldInput = (parameter: Parameter | undefined): string | number | boolean | undefined => {
  if (parameter === undefined || parameter.text === "") return undefined
  if (parameter.kind === "boolean") return parameter.text === "true"
  if (parameter.kind === "number" && !PLAIN_INTEGER.test(parameter.text)) return Number(parameter.text)
  return parameter.text
}

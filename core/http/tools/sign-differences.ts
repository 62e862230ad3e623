import type { Parameter, Parameters } from "../../domain/parameters.ts"
import { signedPairs } from "../../domain/parameters.ts"
import { canonicalString } from "../../domain/signature.ts"
import type { Finding, StringFault } from "./sign-findings.ts"
import { byBytes, ignoringCase } from "./sign-mistakes.ts"

type Pair = readonly [key: string, text: string]

/** How a merchant's string differs from the contract's section 3, part by part, in the string's order. */
export const differencesOf = (
  parameters: Parameters,
  built: string,
  secrets: ReadonlyArray<string>
): ReadonlyArray<Finding> => {
  const right = canonicalString(signedPairs(parameters))
  if (built.trimStart().startsWith("{")) return [{ code: "json-signed" }]
  const { text, findings } = withoutFrame(built, parameters, secrets)
  if (text === right) return findings
  if (text.replaceAll(/\s*([&=])\s*/g, "$1").trim() === right) return [...findings, { code: "white-space" }]
  if (right.includes("&") && !text.includes("&")) return [...findings, { code: "separator" }]

  const pairs = pairsOf(text, parameters)
  findings.push(...orderFindings(pairs))
  for (const [key, value] of pairs) {
    const finding = pairFinding(key, value, parameters)
    if (finding !== undefined) findings.push(finding)
  }
  const present = new Set(pairs.map(([key]) => plainKey(key, parameters)))
  for (const [key, { text: wanted }] of parameters) {
    if (key !== "sign" && wanted !== "" && !present.has(key)) findings.push({ code: "missing", parameter: key, wanted })
  }
  return findings
}

/** Removes what surrounds the pairs and reports it. */
const withoutFrame = (built: string, parameters: Parameters, secrets: ReadonlyArray<string>) => {
  const findings: Array<Finding> = []
  let text = built
  const cut = (code: StringFault, rest: string) => {
    if (!findings.some((finding) => finding.code === code)) findings.push({ code })
    text = rest
  }
  if (/^\s|\s$/.test(text)) cut("white-space", text.trim())
  if (text.startsWith("?")) cut("leading-question-mark", text.slice(1))
  const appended = /&(key|secret|app_secret|appsecret|secret_key)=[^&]*$/i.exec(text)
  if (appended !== null && !parameters.has(appended[1] ?? "")) cut("key-appended", text.slice(0, appended.index))
  for (const secret of secrets) {
    if (text.endsWith(secret)) cut("key-appended", text.slice(0, -secret.length))
    if (text.startsWith(secret)) cut("key-appended", text.slice(secret.length))
  }
  if (text.endsWith("&")) cut("trailing-separator", text.slice(0, -1))
  return { text, findings }
}

/**
 * The pairs of a string that was joined with `&`. A value may contain `&` itself: a segment belongs to the value before
 * it if that makes the value right, or if the segment does not begin with a parameter's name.
 */
const pairsOf = (text: string, parameters: Parameters): ReadonlyArray<Pair> => {
  const pairs: Array<[string, string]> = []
  for (const segment of text.split("&")) {
    const equals = segment.indexOf("=")
    const pair: [string, string] = equals < 0 ? [segment, ""] : [segment.slice(0, equals), segment.slice(equals + 1)]
    const before = pairs.at(-1)
    const wanted = before === undefined ? "" : (parameters.get(before[0])?.text ?? "")
    const longer = `${before?.[1]}&${segment}`
    const isValue =
      wanted.startsWith(longer) || (wanted.includes(`&${segment}`) && !parameters.has(plainKey(pair[0], parameters)))
    if (before !== undefined && isValue) before[1] = longer
    else pairs.push(pair)
  }
  return pairs
}

const orderFindings = (pairs: ReadonlyArray<Pair>): ReadonlyArray<Finding> => {
  const sorted = byBytes(pairs)
  const at = pairs.findIndex(([key], i) => key !== sorted[i]?.[0])
  if (at < 0) return []
  const folded = [...pairs].sort(ignoringCase)
  const code = pairs.every(([key], i) => key === folded[i]?.[0]) ? "sorted-ignoring-case" : "unsorted"
  return [{ code, parameter: pairs[at]?.[0] ?? "", given: pairs[at]?.[0] ?? "", wanted: sorted[at]?.[0] ?? "" }]
}

/** The key as it was sent, if the string contains it URL-encoded. */
const plainKey = (key: string, parameters: Parameters): string => {
  const decoded = decoded3986(key)
  return parameters.has(key) || decoded === undefined || !parameters.has(decoded) ? key : decoded
}

const pairFinding = (key: string, value: string, parameters: Parameters): Finding | undefined => {
  if (key === "sign") return { code: "sign-included", parameter: key }
  const name = plainKey(key, parameters)
  const sent = parameters.get(name)
  if (sent === undefined) return { code: "not-sent", parameter: key, given: value }
  if (sent.kind === "null") return { code: "null-kept", parameter: name, given: value }
  if (sent.text === "") return { code: "empty-kept", parameter: name, given: value }
  if (value === sent.text && name === key) return undefined
  return { code: valueFault(sent, value), parameter: name, given: value, wanted: sent.text }
}

/** Why a value differs from what was sent. */
const valueFault = ({ kind, text }: Parameter, value: string): StringFault => {
  if (decoded3986(value) === text || decoded3986(value.replaceAll("+", " ")) === text) return "url-encoded"
  if (value === JSON.stringify(text) || value === `"${text}"` || value === `'${text}'`) return "quoted"
  const isNumber = kind === "number" || /^-?\d+(\.\d+)?$/.test(text)
  if (isNumber && value.trim() !== "" && Number(value) === Number(text)) return "number-rewritten"
  if (kind === "boolean" && [text, text === "true" ? "1" : "0"].includes(value.toLowerCase()))
    return "boolean-rewritten"
  if (unescaped(value) === text) return "json-escaped"
  return value.trim() === text.trim() ? "white-space" : "value-differs"
}

const decoded3986 = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** Reads `\/` and `\u4e2d` as a JSON writer leaves them; undefined = not such a text. */
const unescaped = (text: string): string | undefined => {
  try {
    return JSON.parse(`"${text}"`) as string
  } catch {
    return undefined
  }
}

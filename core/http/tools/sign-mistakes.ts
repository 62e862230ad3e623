import { createHash, createHmac } from "node:crypto"
import { type Parameters, signedPairs } from "../../domain/parameters.ts"
import { canonicalString, hmacSha256, sameDigest } from "../../domain/signature.ts"
import type { SignFault, StringFault } from "./sign-findings.ts"

/** A mistake and the string that results from it. */
export interface Mistake {
  readonly code: StringFault
  readonly text: string
}

type Pair = readonly [key: string, text: string]

/**
 * Makes each known mistake with this request. Mistakes that result in the right string are left out (URL-encoding
 * changes nothing if there is nothing to encode).
 */
export const knownMistakes = (parameters: Parameters, secrets: ReadonlyArray<string>): ReadonlyArray<Mistake> => {
  const right = canonicalString(signedPairs(parameters))
  const sent = [...parameters].filter(([key]) => key !== "sign").map(([key, { text }]): Pair => [key, text])
  const kept = sent.filter(([, text]) => text !== "")
  const sorted = byBytes(kept)
  const kindOf = (key: string) => parameters.get(key)?.kind
  const rewritten = (kind: string, write: (text: string) => string) =>
    join(sorted.map(([key, text]): Pair => [key, kindOf(key) === kind ? write(text) : text]))
  const nullsAs = (word: string) =>
    join(byBytes([...kept, ...sent.filter(([key]) => kindOf(key) === "null").map(([key]): Pair => [key, word])]))

  const all: ReadonlyArray<Mistake> = [
    { code: "sorted-ignoring-case", text: join([...kept].sort(ignoringCase)) },
    { code: "unsorted", text: join(kept) },
    { code: "unsorted", text: join([...sorted].reverse()) },
    ...ENCODINGS.map(
      (encode): Mistake => ({
        code: "url-encoded",
        text: join(sorted.map(([key, text]): Pair => [encode(key), encode(text)]))
      })
    ),
    { code: "empty-kept", text: join(byBytes(sent.filter(([key]) => kindOf(key) !== "null"))) },
    { code: "null-kept", text: nullsAs("null") },
    { code: "null-kept", text: nullsAs("None") },
    { code: "null-kept", text: nullsAs("") },
    { code: "empty-kept", text: join(byBytes(sent)) },
    { code: "sign-included", text: join(byBytes([...kept, ["sign", parameters.get("sign")?.text ?? ""]])) },
    { code: "sign-included", text: join(byBytes([...kept, ["sign", ""]])) },
    { code: "quoted", text: rewritten("string", (text) => JSON.stringify(text)) },
    {
      code: "number-rewritten",
      text: rewritten("number", (text) => (/^-?\d+$/.test(text) ? `${text}.0` : String(Number(text))))
    },
    { code: "boolean-rewritten", text: rewritten("boolean", (text) => text.charAt(0).toUpperCase() + text.slice(1)) },
    { code: "boolean-rewritten", text: rewritten("boolean", (text) => (text === "true" ? "1" : "0")) },
    { code: "json-escaped", text: rewritten("string", (text) => text.replaceAll("/", "\\/")) },
    { code: "trailing-separator", text: `${right}&` },
    { code: "leading-question-mark", text: `?${right}` },
    ...["", ",", "|", ";", "\n"].map((between): Mistake => ({ code: "separator", text: join(sorted, between) })),
    ...["", "&"].map(
      (between): Mistake => ({ code: "values-only", text: sorted.map(([, text]) => text).join(between) })
    ),
    { code: "values-only", text: sorted.map(([key, text]) => key + text).join("") },
    ...secrets.flatMap((secret) => withSecret(right, secret).map((text): Mistake => ({ code: "key-appended", text }))),
    { code: "json-signed", text: jsonOf(parameters, true) },
    { code: "json-signed", text: jsonOf(parameters, false) }
  ]
  return all.filter(({ text }) => text !== right)
}

const join = (pairs: ReadonlyArray<Pair>, between = "&"): string =>
  pairs.map(([key, text]) => `${key}=${text}`).join(between)

/** Sorts by the bytes of the key, the contract's order. */
export const byBytes = (pairs: ReadonlyArray<Pair>): ReadonlyArray<Pair> =>
  [...pairs].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))

export const ignoringCase = ([a]: readonly [string, ...unknown[]], [b]: readonly [string, ...unknown[]]): number => {
  const [x, y] = [a.toLowerCase(), b.toLowerCase()]
  return x < y ? -1 : x > y ? 1 : 0
}

/** encodeURIComponent, RFC 3986 (PHP's rawurlencode), and forms (Java's URLEncoder, PHP's http_build_query). */
const ENCODINGS: ReadonlyArray<(text: string) => string> = [
  encodeURIComponent,
  (text) => encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`),
  (text) => new URLSearchParams([["", text]]).toString().slice(1)
]

/** The string with the secret put into it, in the ways of other payment platforms. */
const withSecret = (text: string, secret: string): ReadonlyArray<string> => [
  `${text}&key=${secret}`,
  `${text}&app_secret=${secret}`,
  `${text}&secret=${secret}`,
  `${text}&${secret}`,
  `${text}${secret}`,
  `${secret}${text}`,
  `${secret}${text}${secret}`
]

const jsonOf = (parameters: Parameters, withoutSign: boolean): string => {
  const members = [...parameters].filter(([key]) => !withoutSign || key !== "sign")
  const texts = members.map(([key, { kind, text }]) => {
    const value = kind === "string" ? JSON.stringify(text) : kind === "null" ? "null" : text
    return `${JSON.stringify(key)}:${value}`
  })
  return `{${texts.join(",")}}`
}

/**
 * Finds what was done wrong with a string and the right secret by doing the same. Only whole digests are compared, so
 * that nobody can learn anything about a signature that they do not have. undefined = 64 hex digits of something else.
 */
export const signFault = (text: string, made: string, secrets: ReadonlyArray<string>): SignFault | undefined => {
  const given = made.trim()
  const lower = given.toLowerCase()
  for (const secret of secrets) {
    const right = hmacSha256(secret, text)
    if (sameDigest(right, given)) return "sign-padded"
    if (sameDigest(right, lower)) return "upper-case"
    if (base64Texts(right).includes(given)) return "base64"
    const wholes = [text, ...withSecret(text, secret)]
    const keyed = (key: string, message: string) => sameDigest(hmacSha256(key, message), lower)
    if ([`${secret}\n`, `${secret}\r\n`, `${secret} `, ` ${secret}`, `"${secret}"`].some((key) => keyed(key, text))) {
      return "secret-padded"
    }
    if (keyed(text, secret)) return "swapped"
    if (wholes.some((whole) => sameDigest(hash("sha256", whole), lower))) return "plain-hash"
    if (sameDigest(createHmac("sha512", secret).update(text).digest("hex"), lower)) return "sha512"
  }
  return shapeFault(given)
}

const base64Texts = (hex: string): ReadonlyArray<string> => {
  const bytes = Buffer.from(hex, "hex")
  return [bytes.toString("base64"), bytes.toString("base64url"), Buffer.from(hex).toString("base64")]
}

const hash = (algorithm: string, text: string): string => createHash(algorithm).update(text).digest("hex")

const shapeFault = (sign: string): SignFault | undefined => {
  if (/^[0-9a-f]{64}$/i.test(sign)) return undefined
  if (/^[0-9a-f]{32}$/i.test(sign)) return "md5"
  if (/^[0-9a-f]{40}$/i.test(sign)) return "sha1"
  if (/^[0-9a-f]{128}$/i.test(sign)) return "sha512"
  return /^[\w+/-]{43}=?$/.test(sign) ? "base64" : "not-hex"
}

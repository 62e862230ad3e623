import { createHmac, timingSafeEqual } from "node:crypto"

type Pair = readonly [key: string, text: string]

/**
 * The string that requests and webhooks are signed over (contract section 3): every parameter but `sign`, those with an
 * empty text dropped, sorted by key in byte order, joined raw as `key=value&…`.
 * @param parameters key and the value's text as it stands on the wire; null values are given as ""
 */
export const canonicalString = (parameters: Iterable<Pair>): string => {
  const kept: Array<Pair> = []
  let compare = compareUnits
  for (const pair of parameters) {
    if (pair[0] === "sign" || pair[1] === "") continue
    // UTF-16 order is UTF-8 byte order except beside surrogates; with one, keys are compared as bytes.
    if (SURROGATE.test(pair[0])) compare = compareBytes
    kept.push(pair)
  }
  let text = ""
  for (const pair of kept.sort(compare)) text += text === "" ? `${pair[0]}=${pair[1]}` : `&${pair[0]}=${pair[1]}`
  return text
}

const SURROGATE = /[\ud800-\udfff]/
const compareUnits = (a: Pair, b: Pair): number => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0)
const compareBytes = (a: Pair, b: Pair): number => Buffer.compare(Buffer.from(a[0]), Buffer.from(b[0]))

/** HMAC-SHA256 as 64 lowercase hex digits. */
export const hmacSha256 = (secret: string, text: string): string =>
  createHmac("sha256", secret).update(text, "utf8").digest("hex")

/** Whether two digests (or other secrets' texts) are equal, in a time that does not depend on where they differ. */
export const sameDigest = (expected: string, given: string): boolean => {
  const a = Buffer.from(expected)
  const b = Buffer.from(given)
  return a.length === b.length && timingSafeEqual(a, b)
}

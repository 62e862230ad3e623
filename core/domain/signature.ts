import { createHmac, timingSafeEqual } from "node:crypto"

/**
 * The string that requests and webhooks are signed over (contract section 3): every parameter but `sign`, those with an
 * empty text dropped, sorted by key in byte order, joined raw as `key=value&…`.
 * @param parameters key and the value's text as it stands on the wire; null values are given as ""
 */
export const canonicalString = (parameters: Iterable<readonly [key: string, text: string]>): string => {
  const kept: Array<readonly [string, string]> = []
  for (const pair of parameters) if (pair[0] !== "sign" && pair[1] !== "") kept.push(pair)
  // UTF-8's order is UTF-16's too, except beside surrogates, where only the bytes decide.
  const compare = kept.some(([key]) => SURROGATE.test(key)) ? compareBytes : compareUnits
  return kept
    .sort(([a], [b]) => compare(a, b))
    .map(([key, text]) => `${key}=${text}`)
    .join("&")
}

const SURROGATE = /[\ud800-\udfff]/
const compareUnits = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
const compareBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

/** HMAC-SHA256 as 64 lowercase hex digits. */
export const hmacSha256 = (secret: string, text: string): string =>
  createHmac("sha256", secret).update(text, "utf8").digest("hex")

/** Whether two digests (or other secrets' texts) are equal, in a time that does not depend on where they differ. */
export const sameDigest = (expected: string, given: string): boolean => {
  const a = Buffer.from(expected)
  const b = Buffer.from(given)
  return a.length === b.length && timingSafeEqual(a, b)
}

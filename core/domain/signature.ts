import { createHmac, timingSafeEqual } from "node:crypto"

/**
 * The string that requests and webhooks are signed over (contract section 3): every parameter but `sign`, those with an
 * empty text dropped, sorted by key in byte order, joined raw as `key=value&…`.
 * @param parameters key and the value's text as it stands on the wire; null values are given as ""
 */
export const canonicalString = (parameters: Iterable<readonly [key: string, text: string]>): string => {
  const kept: Array<readonly [string, string]> = []
  for (const pair of parameters) if (pair[0] !== "sign" && pair[1] !== "") kept.push(pair)
  return kept
    .sort(([a], [b]) => compareBytes(a, b))
    .map(([key, text]) => `${key}=${text}`)
    .join("&")
}

/** UTF-8 byte order. It is UTF-16 order too, except beside surrogates, where only the bytes decide. */
const compareBytes = (a: string, b: string): number =>
  /[\ud800-\udfff]/.test(a + b) ? Buffer.compare(Buffer.from(a), Buffer.from(b)) : a < b ? -1 : a > b ? 1 : 0

/** HMAC-SHA256 as 64 lowercase hex digits. */
export const hmacSha256 = (secret: string, text: string): string =>
  createHmac("sha256", secret).update(text, "utf8").digest("hex")

/** Whether two hex digests are equal, in a time that does not depend on where they differ. */
export const sameDigest = (expected: string, given: string): boolean => {
  const a = Buffer.from(expected)
  const b = Buffer.from(given)
  return a.length === b.length && timingSafeEqual(a, b)
}

import { createHmac, randomBytes } from "node:crypto"
import { Redacted } from "effect"
import { sameDigest } from "../../core/channel/index.ts"

/*
 * The signatures of both sides of the sandbox. Each message carries three headers:
 *
 *   sandbox-timestamp   Unix milliseconds, 13 digits
 *   sandbox-nonce       32 hex digits; an answer repeats its request's
 *   sandbox-signature   HMAC-SHA256(signingKey, purpose LF timestamp LF nonce LF body), 64 lowercase hex digits
 *
 * The body is signed as its raw bytes. The purpose names the direction and the path ("request /sandbox/api/charge",
 * "answer /sandbox/api/charge", "notice"), so that no message can pass for one of another kind.
 */

export type SigningKey = Redacted.Redacted<string>
export type Purpose = `request ${string}` | `answer ${string}` | "notice"

/** Greatest distance of a request's timestamp from the provider's clock. Answers are bound by the nonce instead. */
export const FRESH_MS = 300_000

export interface SignatureHeaders extends Readonly<Record<string, string>> {
  readonly "sandbox-timestamp": string
  readonly "sandbox-nonce": string
  readonly "sandbox-signature": string
}

export const newNonce = (): string => randomBytes(16).toString("hex")

/** The three headers of a message whose body is sent exactly as given. */
export const signatureHeaders = (
  key: SigningKey,
  purpose: Purpose,
  body: string | Uint8Array,
  nowMs: number,
  nonce = newNonce()
): SignatureHeaders => ({
  "sandbox-timestamp": String(nowMs),
  "sandbox-nonce": nonce,
  "sandbox-signature": signature(key, purpose, String(nowMs), nonce, body)
})

/** The timestamp and nonce of a verified message; undefined = not signed by the other side. Its age is not judged. */
export const verified = (
  key: SigningKey,
  purpose: Purpose,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array
): { readonly timestampMs: number; readonly nonce: string } | undefined => {
  const timestamp = headers["sandbox-timestamp"] ?? ""
  const nonce = headers["sandbox-nonce"] ?? ""
  const given = headers["sandbox-signature"] ?? ""
  if (!/^\d{13}$/.test(timestamp) || !/^[0-9a-f]{32}$/.test(nonce)) return undefined
  return sameDigest(signature(key, purpose, timestamp, nonce, body), given)
    ? { timestampMs: Number(timestamp), nonce }
    : undefined
}

/**
 * A seal over texts that only this account can make (tickets, openids, paySigns): 128 bits, 32 hex digits.
 * @param purpose keeps the seals of different things apart
 * @param texts must not contain a line feed
 */
export const seal = (key: SigningKey, purpose: string, ...texts: ReadonlyArray<string>): string =>
  createHmac("sha256", Redacted.value(key))
    .update([`seal ${purpose}`, ...texts].join("\n"))
    .digest("hex")
    .slice(0, 32)

const signature = (
  key: SigningKey,
  purpose: Purpose,
  timestamp: string,
  nonce: string,
  body: string | Uint8Array
): string =>
  createHmac("sha256", Redacted.value(key)).update(`${purpose}\n${timestamp}\n${nonce}\n`).update(body).digest("hex")

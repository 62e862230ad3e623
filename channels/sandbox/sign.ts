import { createHmac, randomBytes } from "node:crypto"
import { Redacted } from "effect"
import { sameDigest } from "../../core/channel/index.ts"

/*
 * How the two sides of the sandbox sign. Each message carries three headers:
 *
 *   sandbox-timestamp   Unix milliseconds, 13 digits
 *   sandbox-nonce       32 hex digits; an answer repeats its request's
 *   sandbox-signature   HMAC-SHA256(signingKey, purpose LF timestamp LF nonce LF body), 64 lowercase hex digits
 *
 * The body is signed as its raw bytes. The purpose names the direction and the path ("request /sandbox/api/charge",
 * "answer /sandbox/api/charge", "notice"), so that no message can be passed off as another kind.
 */

export type SigningKey = Redacted.Redacted<string>
export type Purpose = `request ${string}` | `answer ${string}` | "notice"

/** How far a request's timestamp may be from the provider's clock. Answers are bound by the nonce instead. */
export const FRESH_MS = 300_000

export interface SignatureHeaders extends Readonly<Record<string, string>> {
  readonly "sandbox-timestamp": string
  readonly "sandbox-nonce": string
  readonly "sandbox-signature": string
}

export const newNonce = (): string => randomBytes(16).toString("hex")

/** The three headers of a message whose body goes out exactly as given. */
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

/** What a verified message was signed with; undefined = not the other side's word. Says nothing about its age. */
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
 * 128 bits, 32 hex digits, over some texts that only this account can make: tickets, openids, paySigns.
 * @param purpose keeps the seals of different things apart
 * @param texts none of them contains a line feed
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

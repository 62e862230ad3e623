import { type KeyObject, sign, verify } from "node:crypto"
import { canonicalString } from "../../../core/channel/index.ts"

/** A field's name and value as text; for notices every character stands for one byte as it came (Latin-1). */
export type Field = readonly [name: string, value: string]

/**
 * What requests and notices are signed over: every field but `sign` (so `sign_type` counts), those that are empty once
 * trimmed dropped, sorted by name in byte order, joined raw as `name=value&…`.
 * Source: protocols/channels.md A3, held against published production notifications of 2018 and 2021.
 */
export const baseString = (fields: Iterable<Field>): string => {
  const kept: Array<Field> = []
  for (const field of fields) if (field[1].trim() !== "") kept.push(field)
  return canonicalString(kept)
}

/** RSASSA-PKCS1-v1_5 with SHA-1, the only kind this gateway is known to speak with `sign_type=RSA`; Base64. */
export const signSha1Rsa = (text: string, privateKey: KeyObject): string =>
  sign("RSA-SHA1", Buffer.from(text, "utf8"), privateKey).toString("base64")

/**
 * Whether a Base64 signature over exactly these bytes is the key's. White space inside the Base64 is allowed (Java's old
 * encoder breaks lines); a spelling that decodes to the same bytes by dropping bits is not.
 */
export const verifySha1Rsa = (bytes: Uint8Array, signature: string, publicKey: KeyObject): boolean => {
  const base64 = signature.replaceAll(/\s/g, "")
  const decoded = Buffer.from(base64, "base64")
  return decoded.toString("base64") === base64 && decoded.length > 0 && verify("RSA-SHA1", bytes, publicKey, decoded)
}

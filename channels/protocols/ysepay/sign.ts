import { type KeyObject, sign, verify } from "node:crypto"
import { bytesOfBase64, canonicalString } from "../../../core/channel/index.ts"

/** A field's name and value as text. In a notice each character stands for one received byte (Latin-1). */
export type Field = readonly [name: string, value: string]

/**
 * The text that the signature of a request or notice covers: every field except `sign` (`sign_type` is included) and
 * those that are blank, sorted by name in byte order, joined unescaped as `name=value&…`.
 * Source: protocols/channels.md A3, checked against published production notifications of 2018 and 2021.
 */
export const baseString = (fields: Iterable<Field>): string => {
  const kept: Array<Field> = []
  for (const field of fields) if (field[1].trim() !== "") kept.push(field)
  return canonicalString(kept)
}

/** RSASSA-PKCS1-v1_5 with SHA-1, the only algorithm known for this gateway's `sign_type=RSA`; Base64. */
export const signSha1Rsa = (text: string, privateKey: KeyObject): string =>
  sign("RSA-SHA1", Buffer.from(text, "utf8"), privateKey).toString("base64")

/**
 * Whether the key's owner signed exactly these bytes. White space in the Base64 is allowed (Java's old encoder breaks
 * lines); another spelling that decodes to the same bytes because bits are dropped is not.
 */
export const verifySha1Rsa = (bytes: Uint8Array, signature: string, publicKey: KeyObject): boolean => {
  const decoded = bytesOfBase64(signature.replaceAll(/\s/g, ""))
  return decoded !== undefined && verify("RSA-SHA1", bytes, publicKey, decoded)
}

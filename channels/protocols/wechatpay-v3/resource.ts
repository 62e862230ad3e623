import { createDecipheriv } from "node:crypto"
import { Redacted, Schema } from "effect"
import { bytesOfBase64 } from "../../../core/channel/index.ts"

/** The encrypted part of a notice or of a certificate list (protocols/channels.md C5). */
export const EncryptedResource = Schema.Struct({
  algorithm: Schema.Literal("AEAD_AES_256_GCM"),
  /** Base64 of the ciphertext and its 16-byte tag. */
  ciphertext: Schema.String,
  /** 12 ASCII characters. */
  nonce: Schema.String,
  associated_data: Schema.optionalKey(Schema.NullOr(Schema.String))
})
export type EncryptedResource = typeof EncryptedResource.Type

/** Length of an APIv3 key, which is the AES-256 key itself in ASCII. */
export const API_V3_KEY_BYTES = 32

const TAG_BYTES = 16
const NONCE_BYTES = 12

/**
 * Opens AES-256-GCM. Undefined = it was changed on the way, or sealed with another APIv3 key. GCM authenticates the
 * ciphertext, the nonce and the associated data, so one changed bit is enough.
 */
export const openResource = (apiV3Key: Redacted.Redacted<string>, resource: EncryptedResource): string | undefined => {
  const sealed = bytesOfBase64(resource.ciphertext)
  const nonce = Buffer.from(resource.nonce, "utf8")
  // GCM itself takes nonces and tags of other lengths, which are easier to forge.
  if (sealed === undefined || sealed.length < TAG_BYTES || nonce.length !== NONCE_BYTES) return undefined
  try {
    const key = Buffer.from(Redacted.value(apiV3Key), "utf8")
    const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES })
    decipher.setAAD(Buffer.from(resource.associated_data ?? "", "utf8"))
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
    return Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()]).toString("utf8")
  } catch {
    return undefined
  }
}

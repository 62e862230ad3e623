import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto"
import { Context, Effect, Layer, Redacted, Schema } from "effect"

/** A sealed text that this master key did not seal, or that was moved or changed. */
export class VaultRefused extends Schema.TaggedError<VaultRefused>()("VaultRefused", { purpose: Schema.String }) {
  override get message() {
    return `a stored secret (${this.purpose}) does not open with this PAYHUB_MASTER_KEY`
  }
}

/**
 * Secrets at rest: AES-256-GCM under the master key. The purpose (`merchant:pk_…`, `account:acc_…`) is authenticated
 * with the text, so that a sealed secret moved to another row does not open there.
 */
export class Vault extends Context.Service<
  Vault,
  {
    readonly seal: (text: Redacted.Redacted<string>, purpose: string) => string
    readonly open: (sealed: string, purpose: string) => Effect.Effect<Redacted.Redacted<string>, VaultRefused>
  }
>()("payhub/pipeline/Vault") {
  /** @param masterKey 32 bytes in Base64 */
  static readonly layer = (masterKey: Redacted.Redacted<string>): Layer.Layer<Vault> => {
    const key = Buffer.from(Redacted.value(masterKey), "base64")
    return Layer.succeed(Vault, {
      seal: (text, purpose) => {
        const nonce = randomBytes(12)
        const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(Buffer.from(purpose))
        const sealed = Buffer.concat([cipher.update(Redacted.value(text), "utf8"), cipher.final()])
        return `v1.${Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString("base64")}`
      },
      open: (sealed, purpose) =>
        Effect.try({
          try: () => {
            const bytes = Buffer.from(sealed.replace(/^v1\./, ""), "base64")
            const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, 12))
              .setAAD(Buffer.from(purpose))
              .setAuthTag(bytes.subarray(-16))
            return Redacted.make(
              Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString("utf8")
            )
          },
          catch: () => new VaultRefused({ purpose })
        })
    })
  }
}

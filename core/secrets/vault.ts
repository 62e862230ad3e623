import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto"
import { Context, Effect, Layer, Redacted, Schema } from "effect"
import { bytesOfBase64 } from "../domain/base64.ts"

/**
 * The key that seals, and other keys that still open: those before a rotation, or the one that a rotation has added.
 */
export interface MasterKeys {
  readonly current: Redacted.Redacted<string>
  /** Reads the keys again on each call, because a rotation changes the file while the gateway runs. */
  readonly others: () => ReadonlyArray<Redacted.Redacted<string>>
}

/** A sealed text does not open: another master key sealed it, or it was moved or changed. */
export class VaultRefused extends Schema.TaggedError<VaultRefused>()("VaultRefused", { purpose: Schema.String }) {
  override get message() {
    return `a stored secret (${this.purpose}) does not open with this PAYHUB_MASTER_KEY`
  }
}

/**
 * Secrets at rest: AES-256-GCM with the master key. The purpose (`merchant:pk_…`, `account:acc_…`) is authenticated
 * with the text, so that a sealed secret moved to another row does not open there. A sealed text names its key by a
 * fingerprint: `v1.<8 hex digits>.<Base64 of nonce, ciphertext and tag>`.
 */
export class Vault extends Context.Service<
  Vault,
  {
    readonly seal: (text: Redacted.Redacted<string>, purpose: string) => string
    readonly open: (sealed: string, purpose: string) => Effect.Effect<Redacted.Redacted<string>, VaultRefused>
    /** Whether a text was sealed with the current key. */
    readonly isCurrent: (sealed: string) => boolean
  }
>()("payhub/secrets/Vault") {
  static readonly layer = (keys: MasterKeys | Redacted.Redacted<string>): Layer.Layer<Vault> =>
    Layer.succeed(Vault, makeVault(Redacted.isRedacted(keys) ? { current: keys, others: () => [] } : keys))
}

const NONCE_BYTES = 12
const TAG_BYTES = 16

interface Key {
  readonly id: string
  readonly bytes: Buffer
}

const keyOf = (masterKey: Redacted.Redacted<string>): Key => {
  const bytes = Buffer.from(Redacted.value(masterKey), "base64")
  return { bytes, id: createHash("sha256").update("payhub/key-id").update(bytes).digest("hex").slice(0, 8) }
}

export const makeVault = (keys: MasterKeys): Vault["Service"] => {
  const current = keyOf(keys.current)
  const known = new Map([[current.id, current]])
  const keyNamed = (id: string): Key | undefined => {
    if (!known.has(id)) for (const other of keys.others().map(keyOf)) known.set(other.id, other)
    return known.get(id)
  }
  return {
    seal: (text, purpose) => {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv("aes-256-gcm", current.bytes, nonce).setAAD(Buffer.from(purpose))
      const sealed = Buffer.concat([cipher.update(Redacted.value(text), "utf8"), cipher.final()])
      return `v1.${current.id}.${Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString("base64")}`
    },
    open: (sealed, purpose) =>
      Effect.try({
        try: () => {
          const [version, id = "", text = "", ...more] = sealed.split(".")
          const key = keyNamed(id)
          const bytes = bytesOfBase64(text)
          if (version !== "v1" || more.length > 0 || key === undefined || bytes === undefined) {
            throw new VaultRefused({ purpose })
          }
          // A shorter tag would be easier to forge: GCM takes tags from 4 bytes unless the length is set.
          const options = { authTagLength: TAG_BYTES }
          const decipher = createDecipheriv("aes-256-gcm", key.bytes, bytes.subarray(0, NONCE_BYTES), options)
            .setAAD(Buffer.from(purpose))
            .setAuthTag(bytes.subarray(NONCE_BYTES).subarray(-TAG_BYTES))
          const opened = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES))
          return Redacted.make(Buffer.concat([opened, decipher.final()]).toString("utf8"))
        },
        catch: () => new VaultRefused({ purpose })
      }),
    isCurrent: (sealed) => sealed.startsWith(`v1.${current.id}.`)
  }
}

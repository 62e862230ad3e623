import { Effect, Redacted, Schema } from "effect"
import { Channels } from "../cashier/channels.ts"
import type { AnyProvider } from "../cashier/opened-account.ts"
import { OwnUrl } from "../config/own-url.ts"
import type { StoredAccount } from "../pipeline/persistence/accounts.ts"
import { Vault } from "../secrets/vault.ts"

/** An account as operators see it. Times are ISO 8601 in UTC. */
export const AccountView = Schema.Struct({
  id: Schema.String,
  provider: Schema.String,
  name: Schema.String,
  enabled: Schema.Boolean,
  /** Basis points of the amount. */
  fee_rate_bp: Schema.Number,
  /** Where the provider sends this account's notices; operators enter it at the provider. */
  notice_url: Schema.String,
  created_at: Schema.String,
  /** Why the settings cannot be read; null = they can. */
  problem: Schema.NullOr(Schema.String),
  /** Secrets as "<redacted>". */
  settings: Schema.Json
})

/** Decrypts an account's settings as they were given. Fails with VaultRefused. */
export const unsealSettings = (stored: StoredAccount) =>
  Effect.gen(function* () {
    const vault = yield* Vault
    const text = yield* vault.open(stored.sealed, `account:${stored.id}`)
    return { raw: JSON.parse(Redacted.value(text)) as unknown }
  })

export const accountView = (stored: StoredAccount) =>
  Effect.gen(function* () {
    const { providers } = yield* Channels
    const ownUrl = yield* OwnUrl
    const provider = providers.find(({ id }) => id === stored.provider)
    const { settings, problem } = yield* shownSettings(stored, provider)
    const view: typeof AccountView.Type = {
      id: stored.id,
      provider: stored.provider,
      name: stored.name,
      enabled: stored.enabled,
      fee_rate_bp: stored.feeRateBp,
      notice_url: ownUrl.notice(stored.id),
      created_at: stored.createdAt.toISOString(),
      problem,
      settings
    }
    return view
  })

const shownSettings = (stored: StoredAccount, provider: AnyProvider | undefined) =>
  Effect.gen(function* () {
    if (provider === undefined) return { settings: null, problem: `no channel provider "${stored.provider}" is loaded` }
    const { raw } = yield* unsealSettings(stored)
    const decoded: unknown = yield* Schema.decodeUnknownEffect(provider.account)(raw)
    return { settings: redact(decoded), problem: null }
  }).pipe(
    Effect.catchTag(["VaultRefused", "SchemaError"], (reason) =>
      Effect.succeed({
        settings: null,
        // A schema error's own message could quote a secret.
        problem: reason._tag === "VaultRefused" ? reason.message : "the settings do not match the provider's fields"
      })
    )
  )

/** Decoded settings as JSON, every Redacted as "<redacted>": a secret that is never unwrapped cannot be shown. */
const redact = (value: unknown): Schema.Json => {
  if (Redacted.isRedacted(value)) return "<redacted>"
  if (value === null || typeof value === "string" || typeof value === "boolean") return value
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value)
  if (value instanceof Date) return value.toISOString()
  if (Array.isArray(value)) return value.map(redact)
  if (ArrayBuffer.isView(value)) return `<${value.byteLength} bytes>`
  if (typeof value !== "object") return String(value)
  const shown: Record<string, Schema.Json> = {}
  for (const [key, member] of Object.entries(value)) if (member !== undefined) shown[key] = redact(member)
  return shown
}

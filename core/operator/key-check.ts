import { Effect, Redacted } from "effect"
import { StartRefused } from "../config/start-refused.ts"
import { ChannelFacts } from "../pipeline/persistence/channel-facts.ts"
import { Vault } from "../secrets/vault.ts"

/** The fact that holds a text which only this database's master key opens. */
export const KEY_CHECK = { provider: "payhub", key: "key-check", purpose: "key-check" } as const

/**
 * Requires the master key with which this database was first opened: a lost key shows at the start, not at an order.
 */
export const checkMasterKey = Effect.gen(function* () {
  const facts = yield* ChannelFacts
  const vault = yield* Vault
  const stored = yield* facts.update(KEY_CHECK.provider, KEY_CHECK.key, (value) =>
    value === null ? { sealed: vault.seal(Redacted.make("payhub"), KEY_CHECK.purpose) } : value
  )
  yield* vault.open(String(stored.sealed), KEY_CHECK.purpose)
}).pipe(
  Effect.catchTag("VaultRefused", () =>
    Effect.fail(
      new StartRefused({
        variable: "PAYHUB_MASTER_KEY",
        message:
          "PAYHUB_MASTER_KEY is not the key that this database was sealed with; start with the key it was made with."
      })
    )
  ),
  Effect.catchTag("StoreUnavailable", () =>
    Effect.fail(
      new StartRefused({
        variable: "DATABASE_URL",
        message: "DATABASE_URL: the database stopped answering during the start."
      })
    )
  )
)

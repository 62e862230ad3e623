import { Clock, Effect, Redacted, Schema } from "effect"
import { Settings } from "../config/gateway-config.ts"
import { Accounts } from "../pipeline/persistence/accounts.ts"
import { ChannelFacts } from "../pipeline/persistence/channel-facts.ts"
import { Merchants } from "../pipeline/persistence/merchants.ts"
import { addFileKey, dropOldFileKeys } from "../secrets/master-key.ts"
import { type MasterKeys, makeVault, type Vault } from "../secrets/vault.ts"
import { KEY_CHECK } from "./key-check.ts"
import { OperatorError, operation } from "./operation.ts"

/**
 * Reseals every stored secret. With a key file, the command draws the new key itself, and gateways on the same data
 * folder read it from there. With PAYHUB_MASTER_KEY, the operator has first set it to the new key and
 * PAYHUB_MASTER_KEY_OLD to the old one, for the gateways too.
 */
export const keyRotate = operation({
  name: "key.rotate",
  summary: "Reseal every stored secret with a new master key",
  permission: "keys:write",
  scope: "gateway",
  input: Schema.Struct({}),
  output: Schema.Struct({
    merchants: Schema.Number,
    accounts: Schema.Number,
    key: Schema.String,
    old_key: Schema.NullOr(Schema.String)
  }),
  confirm:
    "Every stored secret is sealed anew. Keep a backup of the old key as long as your oldest database backup, which nothing else opens; with a key file, the old key is copied to a dated file beside it.",
  afterword: ({ key, old_key }) =>
    old_key === null
      ? "Everything is sealed with PAYHUB_MASTER_KEY now; PAYHUB_MASTER_KEY_OLD can be removed. Keep the old key as long as your oldest database backup."
      : `Everything is sealed with the new key in ${key}. Back it up. The old key is in ${old_key}: keep it as long as your oldest database backup.`,
  run: Effect.fnUntraced(function* () {
    const config = yield* Settings
    const byFile = config.masterKey === null
    const { keys, kept } = yield* newKeys
    const done = yield* resealAll(makeVault(keys)).pipe(
      Effect.catchTag("VaultRefused", (refused) =>
        Effect.fail(
          new OperatorError({
            message: `${refused.message} nor with PAYHUB_MASTER_KEY_OLD. Nothing was lost: set the key it was sealed with and run this again.`
          })
        )
      )
    )
    if (byFile) yield* fileStep(() => dropOldFileKeys(config, keys))
    return { ...done, key: byFile ? `${config.dataFolder}/master.key` : "environment", old_key: kept }
  })
})

const newKeys = Effect.gen(function* () {
  const config = yield* Settings
  const { masterKey, masterKeyOld } = config
  if (masterKey === null) {
    const nowMs = yield* Clock.currentTimeMillis
    return yield* fileStep(() => addFileKey(config, new Date(nowMs)))
  }
  if (masterKeyOld === null) {
    return yield* new OperatorError({
      message:
        "Set PAYHUB_MASTER_KEY to the new key (`openssl rand -base64 32`) and PAYHUB_MASTER_KEY_OLD to the one in use, restart the gateways with both, then run this again."
    })
  }
  const keys: MasterKeys = { current: masterKey, others: () => [masterKeyOld] }
  return { keys, kept: null }
})

/** Skips what the current key has sealed already, so an interrupted rotation can simply be run again. */
const resealAll = Effect.fnUntraced(function* (vault: Vault["Service"]) {
  const merchants = yield* Merchants
  const accounts = yield* Accounts
  const facts = yield* ChannelFacts
  const resealed = Effect.fnUntraced(function* (sealed: string, purpose: string) {
    return vault.seal(yield* vault.open(sealed, purpose), purpose)
  })
  let changedMerchants = 0
  for (const { id, appId } of yield* merchants.list()) {
    const stored = yield* merchants.findById(id)
    for (const secret of stored?.secrets ?? []) {
      if (vault.isCurrent(secret.sealed)) continue
      yield* merchants.resealSecret(id, secret.id, yield* resealed(secret.sealed, `merchant:${appId}`))
      changedMerchants++
    }
  }
  let changedAccounts = 0
  for (const { id, sealed } of yield* accounts.listAll()) {
    if (vault.isCurrent(sealed)) continue
    yield* accounts.reseal(id, yield* resealed(sealed, `account:${id}`))
    changedAccounts++
  }
  const check = yield* facts.get(KEY_CHECK.provider, KEY_CHECK.key)
  if (check !== null && !vault.isCurrent(String(check.sealed))) {
    const sealed = vault.seal(Redacted.make("payhub"), KEY_CHECK.purpose)
    yield* facts.update(KEY_CHECK.provider, KEY_CHECK.key, () => ({ sealed }))
  }
  return { merchants: changedMerchants, accounts: changedAccounts }
})

const fileStep = <A>(step: () => Promise<A>): Effect.Effect<A, OperatorError> =>
  Effect.tryPromise({
    try: step,
    catch: (error) =>
      new OperatorError({
        message: `The key file could not be written: ${error instanceof Error ? error.message : error}.`
      })
  })

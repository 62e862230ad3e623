import { Clock, Effect, Redacted } from "effect"
import { Channels } from "../cashier/channels.ts"
import type { StoreUnavailable } from "../domain/errors.ts"
import { Accounts } from "../pipeline/persistence/accounts.ts"
import { ChannelFacts } from "../pipeline/persistence/channel-facts.ts"
import { Merchants } from "../pipeline/persistence/merchants.ts"
import type { Persistence } from "../pipeline/persistence/persistence.ts"
import { Vault, type VaultRefused } from "../secrets/vault.ts"
import { newAppId, newAppSecret } from "./credentials.ts"

/** Where the book says which merchant `/demo` acts as: `{ app_id }`. */
export const DEMO_BOOK = ["payhub", "demo-merchant"] as const

/** A start that has not made its merchant after this long died between the two steps; another one finishes it. */
const UNFINISHED_MS = 30_000

/** The first merchant, to be printed this once. */
export interface FirstMerchant {
  readonly app_id: string
  readonly app_secret: Redacted.Redacted<string>
}

/**
 * What a gateway needs before it serves: the account of the provider that serves test mode, and in an empty database
 * one test merchant named "Demo", with a wider throttle than the standard so that a person can try things. Any number
 * of gateways may start at once: one merchant is made, and one of them, whose answer is not null, prints it.
 */
export const ensureFirstStart: Effect.Effect<
  FirstMerchant | null,
  StoreUnavailable | VaultRefused,
  Persistence | Vault | Channels
> = Effect.suspend(() => Effect.andThen(ensureTestAccount, ensureDemoMerchant))

const ensureTestAccount = Effect.gen(function* () {
  const accounts = yield* Accounts
  const { providers } = yield* Channels
  const vault = yield* Vault
  for (const { id, testMode } of providers) {
    // The id is the provider's, so that of gateways starting at once one makes it and the others do nothing.
    if (testMode === undefined || (yield* accounts.find(id)) !== null) continue
    const settings = Redacted.make(JSON.stringify(testMode.newAccount()))
    const sealed = vault.seal(settings, `account:${id}`)
    yield* accounts.create({ id, provider: id, name: "Test mode", feeRateBp: testMode.feeRateBp, sealed })
  }
})

const ensureDemoMerchant = Effect.gen(function* () {
  const merchants = yield* Merchants
  const facts = yield* ChannelFacts
  const vault = yield* Vault
  if ((yield* merchants.list()).length > 0) return null
  const draft = newAppId("test")
  const nowMs = yield* Clock.currentTimeMillis
  const sealed = vault.seal(newAppSecret("test"), `merchant:${draft}`)
  // The book decides whose draft is made. It keeps the sealed secret until then, so that what a dying gateway began is
  // finished as the same merchant: two that finish it at once meet at the app_id, which is unique.
  const chosen = yield* facts.update(...DEMO_BOOK, (entry) => entry ?? { app_id: draft, sealed, at: nowMs })
  const { app_id: appId, sealed: chosenSealed, at } = chosen
  if (typeof appId !== "string" || typeof chosenSealed !== "string") return null
  if (appId !== draft && nowMs - Number(at) < UNFINISHED_MS) return null
  const made = yield* merchants
    .create({
      appId,
      name: "Demo",
      mode: "test",
      callbackUrl: null,
      allowIps: [],
      throttle: { count: 20, windowMs: 1_000 },
      accounts: null,
      sealedSecret: chosenSealed
    })
    .pipe(
      Effect.as(true),
      Effect.catchTag("StoreUnavailable", (failure) =>
        Effect.flatMap(merchants.find(appId), (found) =>
          found === null ? Effect.fail(failure) : Effect.succeed(false)
        )
      )
    )
  yield* facts.update(...DEMO_BOOK, () => ({ app_id: appId }))
  if (!made) return null
  return { app_id: appId, app_secret: yield* vault.open(chosenSealed, `merchant:${appId}`) }
})

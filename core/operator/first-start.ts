import { Clock, Effect, Redacted } from "effect"
import { Channels } from "../cashier/channels.ts"
import type { StoreUnavailable } from "../domain/errors.ts"
import { Accounts } from "../pipeline/persistence/accounts.ts"
import { ChannelFacts } from "../pipeline/persistence/channel-facts.ts"
import { Merchants } from "../pipeline/persistence/merchants.ts"
import type { Persistence } from "../pipeline/persistence/persistence.ts"
import { Vault, type VaultRefused } from "../secrets/vault.ts"
import { newAppId, newAppSecret } from "./credentials.ts"

/** The fact that names the merchant of `/demo`: `{ app_id }`. */
export const DEMO_MERCHANT_FACT = ["payhub", "demo-merchant"] as const

/** A start that has not made its merchant after this long has died between the two steps; another start finishes it. */
const UNFINISHED_MS = 30_000

/** The first merchant, whose secret is printed only once. */
export interface FirstMerchant {
  readonly app_id: string
  readonly app_secret: Redacted.Redacted<string>
}

/**
 * Makes what a gateway needs before it serves: the account of the test-mode provider, and in an empty database one test
 * merchant named "Demo", with a wider throttle than the default so that a person can try things. Any number of gateways
 * may start at once: one merchant is made, and the one gateway whose result is not null prints it.
 * @param demo whether `/demo` is served; without it, no merchant is made, because in production nobody asked for one
 */
export const ensureFirstStart = (
  demo: boolean
): Effect.Effect<FirstMerchant | null, StoreUnavailable | VaultRefused, Persistence | Vault | Channels> =>
  Effect.suspend(() => Effect.andThen(ensureTestAccount, demo ? ensureDemoMerchant : Effect.succeed(null)))

const ensureTestAccount = Effect.gen(function* () {
  const accounts = yield* Accounts
  const { providers } = yield* Channels
  const vault = yield* Vault
  for (const { id, testMode } of providers) {
    // The account has the provider's id, so that of gateways that start at once only one makes it.
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
  // The fact decides whose draft becomes the merchant. It keeps the sealed secret until then, so that another gateway
  // can finish the same merchant if this one dies; of two that finish it at once, the unique app_id lets one succeed.
  const chosen = yield* facts.update(...DEMO_MERCHANT_FACT, (entry) => entry ?? { app_id: draft, sealed, at: nowMs })
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
  yield* facts.update(...DEMO_MERCHANT_FACT, () => ({ app_id: appId }))
  if (!made) return null
  return { app_id: appId, app_secret: yield* vault.open(chosenSealed, `merchant:${appId}`) }
})

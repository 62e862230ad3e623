import { Cache, Context, Duration, Effect, Exit, Layer } from "effect"
import type { StoreUnavailable } from "../../domain/errors.ts"
import type { Merchant, MerchantSecret } from "../../domain/merchant.ts"
import { Vault } from "../../secrets/vault.ts"
import { Merchants, type StoredMerchant } from "../persistence/merchants.ts"

/** A merchant with its live secrets opened. */
export interface KnownMerchant {
  readonly merchant: Merchant
  readonly secrets: ReadonlyArray<MerchantSecret>
}

/** How long a merchant is trusted without asking the store, should an invalidation be lost. */
const CACHED_FOR = Duration.seconds(30)

/** Beyond this many, the merchants that were not asked for longest are dropped; one is about 1 KiB. */
const CACHED_MAX = 50_000

/** Merchants by app_id and by id, cached; the store's signals drop what has changed. */
export class MerchantDirectory extends Context.Service<
  MerchantDirectory,
  {
    readonly byAppId: (appId: string) => Effect.Effect<KnownMerchant | null, StoreUnavailable>
    readonly byId: (merchantId: number) => Effect.Effect<KnownMerchant | null, StoreUnavailable>
    /** Drops one merchant, or all. */
    readonly forget: (appId?: string) => void
  }
>()("payhub/pipeline/MerchantDirectory") {
  static readonly layer: Layer.Layer<MerchantDirectory, never, Merchants | Vault> = Layer.effect(
    MerchantDirectory,
    Effect.gen(function* () {
      const merchants = yield* Merchants
      const vault = yield* Vault
      /** An id's app_id never changes. */
      const appIds = new Map<number, string>()

      const openSecrets = Effect.fnUntraced(function* ({ merchant, secrets }: StoredMerchant) {
        const opened: Array<MerchantSecret> = []
        for (const { sealed, ...rest } of secrets) {
          const secret = yield* Effect.orDie(vault.open(sealed, `merchant:${merchant.appId}`))
          opened.push({ ...rest, secret })
        }
        return { merchant, secrets: opened } satisfies KnownMerchant
      })

      const load = Effect.fnUntraced(function* (appId: string) {
        const stored = yield* merchants.find(appId)
        if (stored === null) return null
        appIds.set(stored.merchant.id, appId)
        return yield* openSecrets(stored)
      }, Effect.uninterruptible)

      const cache = yield* Cache.makeWith(load, {
        capacity: CACHED_MAX,
        // Failures and unknown merchants are asked for again at once.
        timeToLive: (exit) => (Exit.isSuccess(exit) && exit.value !== null ? CACHED_FOR : Duration.zero)
      })

      return MerchantDirectory.of({
        byAppId: (appId) => Cache.get(cache, appId),
        byId: Effect.fnUntraced(function* (merchantId) {
          const known = appIds.get(merchantId) ?? (yield* merchants.findById(merchantId))?.merchant.appId
          return known === undefined ? null : yield* Cache.get(cache, known)
        }),
        forget: (appId) =>
          Effect.runSync(appId === undefined ? Cache.invalidateAll(cache) : Cache.invalidate(cache, appId))
      })
    })
  )
}

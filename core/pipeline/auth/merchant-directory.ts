import { Cache, Clock, Context, Duration, Effect, Exit, Layer } from "effect"
import type { StoreUnavailable } from "../../domain/errors.ts"
import type { Merchant, MerchantSecret } from "../../domain/merchant.ts"
import { Vault } from "../../secrets/vault.ts"
import { Merchants, type StoredMerchant } from "../persistence/merchants.ts"
import { SeenKeys } from "../persistence/seen-keys.ts"

/** A merchant with its decrypted secrets. */
export interface KnownMerchant {
  readonly merchant: Merchant
  readonly secrets: ReadonlyArray<MerchantSecret>
}

/** How long a merchant is served from the cache: the bound on a lost invalidation. */
const CACHED_FOR = Duration.seconds(30)

/** Cached merchants, about 1 KiB each; beyond this many, the least recently used are dropped. */
const CACHED_MAX = 50_000

/** Merchants by app_id and by id, cached; the store's signals drop those that changed. */
export class MerchantDirectory extends Context.Service<
  MerchantDirectory,
  {
    readonly byAppId: (appId: string) => Effect.Effect<KnownMerchant | null, StoreUnavailable>
    readonly byId: (merchantId: number) => Effect.Effect<KnownMerchant | null, StoreUnavailable>
    /** This process has never found the merchant and would have to ask the store about it. */
    readonly isNew: (appId: string) => boolean
    /** Drops one merchant from the cache, or all of them. */
    readonly forget: (appId?: string) => void
  }
>()("payhub/pipeline/MerchantDirectory") {
  static readonly layer: Layer.Layer<MerchantDirectory, never, Merchants | Vault> = Layer.effect(
    MerchantDirectory,
    Effect.gen(function* () {
      const merchants = yield* Merchants
      const vault = yield* Vault
      /** Never dropped: a merchant's app_id does not change. */
      const appIds = new Map<number, string>()
      const seen = new SeenKeys(yield* Clock.Clock)

      const openSecrets = Effect.fnUntraced(function* ({ merchant, secrets }: StoredMerchant) {
        const opened: Array<MerchantSecret> = []
        for (const { sealed, ...rest } of secrets) {
          const secret = yield* Effect.orDie(vault.open(sealed, `merchant:${merchant.appId}`))
          opened.push({ ...rest, secret })
        }
        return { merchant, secrets: opened } satisfies KnownMerchant
      })

      const load = Effect.fnUntraced(function* (appId: string) {
        const stored = yield* seen.noting(appId, merchants.find(appId))
        if (stored === null) return null
        appIds.set(stored.merchant.id, appId)
        return yield* openSecrets(stored)
      }, Effect.uninterruptible)

      const cache = yield* Cache.makeWith(load, {
        capacity: CACHED_MAX,
        // Failures are not cached, and unknown merchants not here, where they would drop known ones.
        timeToLive: (exit) => (Exit.isSuccess(exit) && exit.value !== null ? CACHED_FOR : Duration.zero)
      })

      return MerchantDirectory.of({
        byAppId: (appId) => (seen.isAbsent(appId) ? Effect.succeed(null) : Cache.get(cache, appId)),
        byId: Effect.fnUntraced(function* (merchantId) {
          const known = appIds.get(merchantId) ?? (yield* merchants.findById(merchantId))?.merchant.appId
          return known === undefined ? null : yield* Cache.get(cache, known)
        }),
        isNew: (appId) => seen.isNew(appId),
        forget: (appId) => {
          seen.forget(appId)
          Effect.runSync(appId === undefined ? Cache.invalidateAll(cache) : Cache.invalidate(cache, appId))
        }
      })
    })
  )
}

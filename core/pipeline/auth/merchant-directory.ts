import { Clock, Context, Effect, Layer } from "effect"
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
const CACHE_MS = 30_000

/** Beyond this many the oldest entries go; a merchant is about 1 KiB. */
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
      const clock = yield* Clock.Clock
      const cached = new Map<string, { readonly known: KnownMerchant; readonly untilMs: number }>()
      const appIdOf = new Map<number, string>()
      // Counts drops, so that an answer that was read before a drop is not cached after it.
      let drops = 0

      const openAll = Effect.fnUntraced(function* (stored: StoredMerchant) {
        const secrets: Array<MerchantSecret> = []
        for (const { sealed, ...rest } of stored.secrets) {
          const secret = yield* Effect.orDie(vault.open(sealed, `merchant:${stored.merchant.appId}`))
          secrets.push({ ...rest, secret })
        }
        return { merchant: stored.merchant, secrets } satisfies KnownMerchant
      })

      const load = Effect.fnUntraced(function* (read: Effect.Effect<StoredMerchant | null, StoreUnavailable>) {
        const before = drops
        const stored = yield* read
        if (stored === null) return null
        const known = yield* openAll(stored)
        if (drops === before) {
          const { appId, id } = known.merchant
          if (cached.size >= CACHED_MAX) cached.delete(cached.keys().next().value ?? "")
          cached.set(appId, { known, untilMs: clock.currentTimeMillisUnsafe() + CACHE_MS })
          appIdOf.set(id, appId)
        }
        return known
      })

      const fresh = (appId: string | undefined): KnownMerchant | undefined => {
        const entry = appId === undefined ? undefined : cached.get(appId)
        return entry !== undefined && entry.untilMs > clock.currentTimeMillisUnsafe() ? entry.known : undefined
      }

      return MerchantDirectory.of({
        byAppId: (appId) => {
          const known = fresh(appId)
          return known === undefined ? load(merchants.find(appId)) : Effect.succeed(known)
        },
        byId: (merchantId) => {
          const known = fresh(appIdOf.get(merchantId))
          return known === undefined ? load(merchants.findById(merchantId)) : Effect.succeed(known)
        },
        forget: (appId) => {
          drops++
          if (appId === undefined) cached.clear()
          else cached.delete(appId)
        }
      })
    })
  )
}

import { Context, Effect, Layer } from "effect"
import { NonceUsed, type StoreUnavailable, ThrottleExceeded } from "../../domain/errors.ts"
import type { Merchant } from "../../domain/merchant.ts"
import { logSampled } from "../../observe/sampled-log.ts"

/** Half the nonce window: a request's timestamp may differ this much from the server's clock, either way. */
export const TIMESTAMP_TOLERANCE_S = 300

/** Covers the whole second that a timestamp stands for and differences between the gateways' clocks. */
const NONCE_MARGIN_MS = 5_000

/** A nonce is remembered while a request that carries it could still pass the timestamp check. */
const NONCE_WINDOW_MS = 2 * TIMESTAMP_TOLERANCE_S * 1000 + NONCE_MARGIN_MS

/** Stores drop nonces by the minute: a merchant that has used up its share may have room again after this long. */
const SHARE_RETRY_MS = 60_000

/**
 * Where used nonces are kept. Every store promises that of any number of concurrent claims exactly one is true, and
 * that no owner's nonces take the room of all others'.
 */
export class ReplayStore extends Context.Service<
  ReplayStore,
  {
    /**
     * true = first use within `windowMs`, now remembered for as long. "over-share" = the owner holds as many as it may:
     * not claimed, while others still can.
     * @param owner the merchant's app_id; a cluster keeps all of an owner's nonces on one node
     */
    readonly claim: (
      owner: string,
      nonce: string,
      windowMs: number
    ) => Effect.Effect<boolean | "over-share", StoreUnavailable>
  }
>()("payhub/pipeline/ReplayStore") {}

/** Policy: a nonce belongs to its merchant and is claimed only after the signature has verified. */
export class Replay extends Context.Service<
  Replay,
  {
    /**
     * Claims a nonce. ThrottleExceeded: the merchant has used up its share of the store, by calls that were refused
     * with 429 too, because the nonce is claimed before the throttle (contract section 4).
     */
    readonly claim: (
      merchant: Merchant,
      nonce: string
    ) => Effect.Effect<void, NonceUsed | ThrottleExceeded | StoreUnavailable>
  }
>()("payhub/pipeline/Replay") {
  static readonly layer: Layer.Layer<Replay, never, ReplayStore> = Layer.effect(
    Replay,
    Effect.gen(function* () {
      const store = yield* ReplayStore
      return Replay.of({
        claim: Effect.fnUntraced(function* (merchant: Merchant, nonce: string) {
          const { appId } = merchant
          const first = yield* store.claim(appId, nonce, NONCE_WINDOW_MS)
          if (first === true) return
          if (first === false) return yield* new NonceUsed()
          yield* logSampled(Effect.logWarning, "a merchant has used up its share of the nonce store", appId, { appId })
          return yield* new ThrottleExceeded({ retryAfterMs: SHARE_RETRY_MS, windowMs: SHARE_RETRY_MS })
        })
      })
    })
  )
}

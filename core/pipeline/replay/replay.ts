import { Context, Effect, Layer } from "effect"
import { NonceUsed, type StoreUnavailable } from "../../domain/errors.ts"
import type { Merchant } from "../../domain/merchant.ts"

/** Half the nonce window: a request's timestamp may differ this much from the server's clock, either way. */
export const TIMESTAMP_TOLERANCE_S = 300

/** Covers the whole second that a timestamp stands for and differences between the gateways' clocks. */
const NONCE_MARGIN_MS = 5_000

/** A nonce is remembered while a request that carries it could still pass the timestamp check. */
const NONCE_WINDOW_MS = 2 * TIMESTAMP_TOLERANCE_S * 1000 + NONCE_MARGIN_MS

/** Where used nonces are kept. Every store promises that of any number of concurrent claims exactly one is true. */
export class ReplayStore extends Context.Service<
  ReplayStore,
  {
    /** true = first use within `windowMs`, now remembered for as long. */
    readonly claim: (key: string, windowMs: number) => Effect.Effect<boolean, StoreUnavailable>
  }
>()("payhub/pipeline/ReplayStore") {}

/** Policy: a nonce belongs to its merchant and is claimed only after the signature has verified. */
export class Replay extends Context.Service<
  Replay,
  { readonly claim: (merchant: Merchant, nonce: string) => Effect.Effect<void, NonceUsed | StoreUnavailable> }
>()("payhub/pipeline/Replay") {
  static readonly layer: Layer.Layer<Replay, never, ReplayStore> = Layer.effect(
    Replay,
    Effect.gen(function* () {
      const store = yield* ReplayStore
      return Replay.of({
        claim: Effect.fnUntraced(function* (merchant: Merchant, nonce: string) {
          const first = yield* store.claim(`nonce:{${merchant.appId}}:${nonce}`, NONCE_WINDOW_MS)
          if (!first) return yield* new NonceUsed()
        })
      })
    })
  )
}

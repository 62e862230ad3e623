import { Effect, Layer } from "effect"
import { StoreUnavailable } from "../../core/domain/errors.ts"
import { NonceTable } from "../../core/pipeline/replay/nonce-table.ts"
import { ReplayStore } from "../../core/pipeline/replay/replay.ts"
import { ThrottleStore } from "../../core/pipeline/throttle/throttle.ts"
import { WindowTable } from "../../core/pipeline/throttle/window-table.ts"
import type { Plugin } from "../../core/start/plugin.ts"

/**
 * Throttle slots and nonces in the gateway's own process: the embedded default. It is right for a single process;
 * several processes behind one address count each for themselves (plugins/redis counts for all). Everything is
 * forgotten when the process ends; a replayed create still makes no second order, because merchant_order_no is unique
 * for ever.
 *
 * Memory is bounded by WINDOW_KEYS_MAX (core/pipeline/throttle/window-table.ts) and NONCES_MAX
 * (core/pipeline/replay/nonce-table.ts). A store that is full of live entries answers StoreUnavailable for new ones
 * rather than forget one that it promised to keep. No merchant can fill the nonces alone: each may hold a share of
 * what is free.
 */
export const memory: Required<Pick<Plugin, "name" | "throttleStore" | "replayStore">> = {
  name: "memory",
  throttleStore: Layer.sync(ThrottleStore, () => {
    const windows = new WindowTable()
    return ThrottleStore.of({
      take: (key, count, windowMs) =>
        Effect.clockWith((clock) => {
          const waitMs = windows.take(key, count, windowMs, Number(clock.monotonicTimeNanosUnsafe()) / 1e6)
          return waitMs === "full" ? full : Effect.succeed(waitMs)
        })
    })
  }),
  replayStore: Layer.sync(ReplayStore, () => {
    const nonces = new NonceTable()
    return ReplayStore.of({
      claim: (owner, nonce, windowMs) =>
        Effect.clockWith((clock) => {
          const first = nonces.claim(owner, nonce, windowMs, Number(clock.monotonicTimeNanosUnsafe()) / 1e6)
          return first === "full" ? full : Effect.succeed(first)
        })
    })
  })
}

const full = Effect.fail(new StoreUnavailable({ store: "memory" }))

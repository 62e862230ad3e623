import { Context, Effect, Layer } from "effect"
import { type StoreUnavailable, ThrottleExceeded } from "../../domain/errors.ts"
import type { Merchant } from "../../domain/merchant.ts"
import type { ThrottleRule } from "../../domain/throttle-rule.ts"

/**
 * Where slots are counted. Every store (plugins/memory, plugins/redis) promises that in any span of `windowMs` at most
 * `count` takes of one key succeed, whichever process asks.
 */
export class ThrottleStore extends Context.Service<
  ThrottleStore,
  {
    /** Takes one slot and returns 0, or takes nothing and returns the milliseconds until a slot is free. */
    readonly take: (key: string, count: number, windowMs: number) => Effect.Effect<number, StoreUnavailable>
  }
>()("payhub/pipeline/ThrottleStore") {}

/** Orders and queries have separate slots, so that an order does not block its own query (contract section 4). */
export type ThrottleKind = "order" | "query"

/** Policy: who shares a slot, and how many there are. */
export class Throttle extends Context.Service<
  Throttle,
  {
    /** Takes one slot of a merchant's address; ThrottleExceeded says how long until one is free. */
    readonly take: (
      merchant: Merchant,
      clientIp: string,
      kind: ThrottleKind
    ) => Effect.Effect<void, ThrottleExceeded | StoreUnavailable>
    /** Takes one of `rule`'s slots of another key (pay tokens, wrong signatures). */
    readonly takeKey: (
      key: string,
      rule: Exclude<ThrottleRule, "off">
    ) => Effect.Effect<void, ThrottleExceeded | StoreUnavailable>
    /** Whether a merchant is throttled at all. */
    readonly applies: (merchant: Merchant) => boolean
  }
>()("payhub/pipeline/Throttle") {
  /** @param standard the rule for merchants without one of their own */
  static readonly layer = (standard: ThrottleRule): Layer.Layer<Throttle, never, ThrottleStore> =>
    Layer.effect(
      Throttle,
      Effect.gen(function* () {
        const store = yield* ThrottleStore
        const takeKey = Effect.fnUntraced(function* (key: string, rule: Exclude<ThrottleRule, "off">) {
          const retryAfterMs = yield* store.take(key, rule.count, rule.windowMs)
          if (retryAfterMs > 0) return yield* new ThrottleExceeded({ retryAfterMs, windowMs: rule.windowMs })
        })
        return Throttle.of({
          takeKey,
          applies: (merchant) => (merchant.throttle ?? standard) !== "off",
          take: (merchant, clientIp, kind) => {
            const rule = merchant.throttle ?? standard
            // The braces are Redis Cluster's hash tag: they keep a merchant's keys on one node.
            return rule === "off" ? Effect.void : takeKey(`throttle:{${merchant.appId}}:${kind}:${clientIp}`, rule)
          }
        })
      })
    )
}

/** Makes a refusal's message name the time to wait instead of the window, for keys whose window means nothing to callers. */
export const namingTheWait = <A, E, R>(
  taken: Effect.Effect<A, E | ThrottleExceeded, R>
): Effect.Effect<A, E | ThrottleExceeded, R> =>
  Effect.mapError(taken, (error) =>
    error instanceof ThrottleExceeded
      ? new ThrottleExceeded({ retryAfterMs: error.retryAfterMs, windowMs: error.retryAfterMs })
      : error
  )

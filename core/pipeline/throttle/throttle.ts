import { Clock, Context, Effect, Layer } from "effect"
import { hostOf } from "../../domain/address-range.ts"
import { type StoreUnavailable, ThrottleExceeded } from "../../domain/errors.ts"
import type { Merchant } from "../../domain/merchant.ts"
import type { ThrottleRule } from "../../domain/throttle-rule.ts"
import { StrangerTable } from "./stranger-table.ts"

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

/** What is counted by address alone, because nobody has proven who calls. */
export type StrangerKind =
  | "wrong-signature"
  | "sign-check"
  | "demo"
  | "unknown-merchant"
  | "unknown-account"
  | "odd-token"

type Rule = Exclude<ThrottleRule, "off">

/**
 * Lookups that find nothing, per address: each costs a query of the store. Wide, because many callers may share an
 * address; only keys that this process has never found are refused beyond it.
 */
const MISSES: Rule = { count: 60, windowMs: 10_000 }

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
    /**
     * Takes one of `rule`'s slots of another key. The store is shared by all merchants and bounded, so the key must
     * belong to something that the gateway has made and verified (a pay token), never to what a stranger can invent.
     */
    readonly takeKey: (key: string, rule: Rule) => Effect.Effect<void, ThrottleExceeded | StoreUnavailable>
    /**
     * Counts a call of somebody unknown by the address. Counted in this process alone, on Redis too: strangers cost
     * neither a round trip nor the merchants' memory. N processes let N times the rule pass.
     */
    readonly takeStranger: (kind: StrangerKind, clientIp: string, rule: Rule) => Effect.Effect<void, ThrottleExceeded>
    /**
     * Runs a lookup for somebody unknown. Only a lookup that finds nothing (null) counts, but an address that has had
     * 60 of them within 10 s is refused (ThrottleExceeded) before the store is asked.
     */
    readonly lookup: <A, E, R>(
      kind: StrangerKind,
      clientIp: string,
      find: Effect.Effect<A | null, E, R>
    ) => Effect.Effect<A | null, E | ThrottleExceeded, R>
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
        const clock = yield* Clock.Clock
        const strangers = new StrangerTable()
        const nowMs = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
        const takeKey = Effect.fnUntraced(function* (key: string, rule: Rule) {
          const retryAfterMs = yield* store.take(key, rule.count, rule.windowMs)
          if (retryAfterMs > 0) return yield* new ThrottleExceeded({ retryAfterMs, windowMs: rule.windowMs })
        })
        const takeStranger = (kind: StrangerKind, clientIp: string, { count, windowMs }: Rule) =>
          Effect.suspend(() => {
            const retryAfterMs = strangers.take(strangerKey(kind, clientIp), count, windowMs, nowMs())
            return retryAfterMs === 0 ? Effect.void : Effect.fail(new ThrottleExceeded({ retryAfterMs, windowMs }))
          })
        return Throttle.of({
          takeKey,
          takeStranger,
          lookup: Effect.fnUntraced(function* (kind, clientIp, find) {
            const waitMs = strangers.waitMs(strangerKey(kind, clientIp), MISSES.count, nowMs())
            if (waitMs > 0) return yield* new ThrottleExceeded({ retryAfterMs: waitMs, windowMs: MISSES.windowMs })
            const found = yield* find
            // Lookups under way together may all miss: the limit is passed by at most as many.
            if (found === null) yield* Effect.ignore(takeStranger(kind, clientIp, MISSES))
            return found
          }),
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

const strangerKey = (kind: StrangerKind, clientIp: string): string => `${kind} ${hostOf(clientIp)}`

/** Makes a refusal's message name the time to wait instead of the window, for keys whose window means nothing to callers. */
export const namingTheWait = <A, E, R>(
  taken: Effect.Effect<A, E | ThrottleExceeded, R>
): Effect.Effect<A, E | ThrottleExceeded, R> =>
  Effect.mapError(taken, (error) =>
    error instanceof ThrottleExceeded
      ? new ThrottleExceeded({ retryAfterMs: error.retryAfterMs, windowMs: error.retryAfterMs })
      : error
  )

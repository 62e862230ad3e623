import { describe, expect, test } from "bun:test"
import { Effect, type Layer } from "effect"
import { TestClock } from "effect/testing"
import type { StartRefused } from "../../../core/config/start-refused.ts"
import { ThrottleExceeded } from "../../../core/domain/errors.ts"
import type { Merchant } from "../../../core/domain/merchant.ts"
import { Throttle, ThrottleStore } from "../../../core/pipeline/throttle/throttle.ts"
import { passing, type StoreTime, uniqueKey } from "./store-time.ts"

/** The promise of ThrottleStore (core/pipeline/throttle/throttle.ts), which every store keeps. */
export const throttleSuite = (
  name: string,
  store: Layer.Layer<ThrottleStore, StartRefused>,
  clock: StoreTime
): void => {
  const run = <A, E>(effect: Effect.Effect<A, E, ThrottleStore>): Promise<A> =>
    Effect.runPromise(
      clock === "test"
        ? effect.pipe(Effect.provide(store), Effect.provide(TestClock.layer()))
        : effect.pipe(Effect.provide(store))
    )
  const pass = passing(clock)
  // Redis goes by its own clock, so this window takes real time: long enough for a busy machine, short enough to wait.
  const windowMs = clock === "test" ? 3_000 : 1_000

  describe(`Throttle on ${name}`, () => {
    test("refuses the second call inside the window and lets the next one in when it ends", () =>
      run(
        Effect.gen(function* () {
          const { take } = yield* ThrottleStore
          const key = uniqueKey("throttle")
          expect(yield* take(key, 1, windowMs)).toBe(0)
          const waitMs = yield* take(key, 1, windowMs)
          expect(waitMs).toBeGreaterThan(windowMs / 2)
          expect(waitMs).toBeLessThanOrEqual(windowMs)
          yield* pass(waitMs)
          expect(yield* take(key, 1, windowMs)).toBe(0)
          expect(yield* take(key, 1, windowMs)).toBeGreaterThan(0)
        })
      ))

    test("a refused call takes no slot, so asking again and again does not put off the next one", () =>
      run(
        Effect.gen(function* () {
          const { take } = yield* ThrottleStore
          const key = uniqueKey("throttle")
          expect(yield* take(key, 1, windowMs)).toBe(0)
          yield* pass(windowMs / 2)
          for (let i = 0; i < 20; i++) expect(yield* take(key, 1, windowMs)).toBeGreaterThan(0)
          yield* pass(yield* take(key, 1, windowMs))
          expect(yield* take(key, 1, windowMs)).toBe(0)
        })
      ))

    test("the end of a window lets in exactly as many as were taken at its beginning", () =>
      run(
        Effect.gen(function* () {
          const { take } = yield* ThrottleStore
          const key = uniqueKey("throttle")
          expect(yield* take(key, 3, windowMs)).toBe(0)
          expect(yield* take(key, 3, windowMs)).toBe(0)
          yield* pass(windowMs / 2)
          expect(yield* take(key, 3, windowMs)).toBe(0)
          // Under a rule of two, a slot is free once both early calls have left: Redis may have taken them some
          // milliseconds apart.
          yield* pass(yield* take(key, 2, windowMs))
          const answers = yield* Effect.all(
            Array.from({ length: 5 }, () => take(key, 3, windowMs)),
            { concurrency: "unbounded" }
          )
          expect(answers.filter((waitMs) => waitMs === 0).length).toBe(2)
        })
      ))

    test("of 100 calls at once exactly as many pass as there are slots", () =>
      run(
        Effect.gen(function* () {
          const { take } = yield* ThrottleStore
          const key = uniqueKey("throttle")
          const answers = yield* Effect.all(
            Array.from({ length: 100 }, () => take(key, 7, 60_000)),
            { concurrency: "unbounded" }
          )
          expect(answers.filter((waitMs) => waitMs === 0).length).toBe(7)
        })
      ))

    test("keys do not share slots", () =>
      run(
        Effect.gen(function* () {
          const { take } = yield* ThrottleStore
          for (let i = 0; i < 50; i++) expect(yield* take(uniqueKey("throttle"), 1, 60_000)).toBe(0)
        })
      ))

    test("a rule that was tightened counts the calls of the rule before it", () =>
      run(
        Effect.gen(function* () {
          const { take } = yield* ThrottleStore
          const key = uniqueKey("throttle")
          expect(yield* take(key, 3, windowMs)).toBe(0)
          expect(yield* take(key, 3, windowMs)).toBe(0)
          yield* pass(windowMs / 2)
          expect(yield* take(key, 3, windowMs)).toBe(0)
          // Two slots: one is free when the second-last call has left, half a window from now.
          const waitMs = yield* take(key, 2, windowMs)
          expect(waitMs).toBeLessThanOrEqual(windowMs / 2)
          // One slot: free when the last call has left.
          const longerMs = yield* take(key, 1, windowMs)
          expect(longerMs).toBeGreaterThan(windowMs / 2)
          yield* pass(longerMs)
          expect(yield* take(key, 1, windowMs)).toBe(0)
        })
      ))

    test("counts thousands in a window exactly, and frees them at most a thousandth of it late", () =>
      run(
        Effect.gen(function* () {
          const { take } = yield* ThrottleStore
          const key = uniqueKey("throttle")
          const longMs = 20_000
          const answers = yield* Effect.all(
            Array.from({ length: 2_600 }, () => take(key, 2_500, longMs)),
            { concurrency: "unbounded" }
          )
          expect(answers.filter((waitMs) => waitMs === 0).length).toBe(2_500)
          const waitMs = yield* take(key, 2_500, longMs)
          expect(waitMs).toBeGreaterThan(longMs / 2)
          expect(waitMs).toBeLessThanOrEqual(longMs + longMs / 1_000)
          // Only a clock that the test moves can pass 20 s.
          if (clock !== "test") return
          yield* pass(waitMs - 1)
          expect(yield* take(key, 2_500, longMs)).toBe(1)
          yield* pass(1)
          for (let i = 0; i < 2_500; i++) expect(yield* take(key, 2_500, longMs)).toBe(0)
          expect(yield* take(key, 2_500, longMs)).toBeGreaterThan(0)
        })
      ))

    test("a merchant is told the window and how long to wait, and queries have a slot of their own", () =>
      run(
        Effect.gen(function* () {
          const throttle = yield* Throttle
          const merchant = merchantNamed(uniqueKey("pk_test"))
          yield* throttle.take(merchant, "203.0.113.7", "order")
          yield* throttle.take(merchant, "203.0.113.7", "query")
          yield* throttle.take(merchant, "203.0.113.8", "order")
          const refused = yield* Effect.flip(throttle.take(merchant, "203.0.113.7", "order"))
          expect(refused).toBeInstanceOf(ThrottleExceeded)
          const { retryAfterMs, windowMs: named } = refused as ThrottleExceeded
          expect(named).toBe(windowMs)
          yield* pass(retryAfterMs)
          yield* throttle.take(merchant, "203.0.113.7", "order")
        }).pipe(Effect.provide(Throttle.layer({ count: 1, windowMs })))
      ))
  })
}

const merchantNamed = (appId: string): Merchant => ({
  id: 1,
  appId,
  name: "throttled",
  mode: "test",
  active: true,
  callbackUrl: null,
  allowIps: [],
  throttle: null,
  accounts: null,
  createdAt: new Date(0)
})

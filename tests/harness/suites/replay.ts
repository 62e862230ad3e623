import { describe, expect, test } from "bun:test"
import { Effect, type Layer } from "effect"
import { TestClock } from "effect/testing"
import type { StartRefused } from "../../../core/config/start-refused.ts"
import { ReplayStore } from "../../../core/pipeline/replay/replay.ts"
import { passing, type StoreTime, uniqueKey } from "./store-time.ts"

const OWNER = "pk_test_owner"

/** The promise of ReplayStore (core/pipeline/replay/replay.ts), which every store keeps. */
export const replaySuite = (name: string, store: Layer.Layer<ReplayStore, StartRefused>, clock: StoreTime): void => {
  const run = <A, E>(effect: Effect.Effect<A, E, ReplayStore>): Promise<A> =>
    Effect.runPromise(
      clock === "test"
        ? effect.pipe(Effect.provide(store), Effect.provide(TestClock.layer()))
        : effect.pipe(Effect.provide(store))
    )
  const pass = passing(clock)
  const windowMs = clock === "test" ? 600_000 : 500

  describe(`Replay on ${name}`, () => {
    test("a nonce is good once", () =>
      run(
        Effect.gen(function* () {
          const { claim } = yield* ReplayStore
          const nonce = uniqueKey("nonce")
          expect(yield* claim(OWNER, nonce, windowMs)).toBe(true)
          expect(yield* claim(OWNER, nonce, windowMs)).toBe(false)
          expect(yield* claim(OWNER, uniqueKey("nonce"), windowMs)).toBe(true)
        })
      ))

    test("of 100 claims of one nonce at once exactly one succeeds", () =>
      run(
        Effect.gen(function* () {
          const { claim } = yield* ReplayStore
          for (let round = 0; round < 5; round++) {
            const nonce = uniqueKey("nonce")
            const claims = Array.from({ length: 100 }, () => claim(OWNER, nonce, 60_000))
            const answers = yield* Effect.all(claims, { concurrency: "unbounded" })
            expect(answers.filter((first) => first).length).toBe(1)
          }
        })
      ))

    test("a nonce is remembered to the end of its window, and a refused claim does not lengthen it", () =>
      run(
        Effect.gen(function* () {
          const { claim } = yield* ReplayStore
          const nonce = uniqueKey("nonce")
          expect(yield* claim(OWNER, nonce, windowMs)).toBe(true)
          yield* pass(windowMs / 2)
          expect(yield* claim(OWNER, nonce, windowMs)).toBe(false)
          // Redis's clock and the timer differ by some milliseconds; the test's clock is exact.
          yield* pass(windowMs / 2 - (clock === "test" ? 1 : windowMs / 4))
          expect(yield* claim(OWNER, nonce, windowMs)).toBe(false)
          yield* pass(clock === "test" ? 1 : windowMs / 4 + 20)
          expect(yield* claim(OWNER, nonce, windowMs)).toBe(true)
          expect(yield* claim(OWNER, nonce, windowMs)).toBe(false)
        })
      ))

    test("thousands of nonces are told apart", () =>
      run(
        Effect.gen(function* () {
          const { claim } = yield* ReplayStore
          const tag = uniqueKey("nonce")
          const nonces = Array.from({ length: 3_000 }, (_, i) => `${tag}:${i}`)
          const claimAll = Effect.forEach(nonces, (nonce) => claim(OWNER, nonce, 60_000), { concurrency: "unbounded" })
          expect((yield* claimAll).filter((first) => !first)).toEqual([])
          expect((yield* claimAll).filter((first) => first)).toEqual([])
        })
      ))
  })
}

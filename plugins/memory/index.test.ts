import { expect, test } from "bun:test"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { StoreUnavailable } from "../../core/domain/errors.ts"
import { ReplayStore } from "../../core/pipeline/replay/replay.ts"
import { ThrottleStore } from "../../core/pipeline/throttle/throttle.ts"
import { WINDOW_KEYS_MAX } from "../../core/pipeline/throttle/window-table.ts"
import { replaySuite } from "../../tests/harness/suites/replay.ts"
import { throttleSuite } from "../../tests/harness/suites/throttle.ts"
import { memory } from "./index.ts"

const { throttleStore, replayStore } = memory

throttleSuite("memory", throttleStore, "test")
replaySuite("memory", replayStore, "test")

test("two gateways in one process do not share slots or nonces", async () => {
  const once = Effect.gen(function* () {
    expect(yield* (yield* ThrottleStore).take("throttle:{a}:1", 1, 3_000)).toBe(0)
    expect(yield* (yield* ReplayStore).claim("a", "1", 3_000)).toBe(true)
  })
  const stores = Layer.merge(throttleStore, replayStore)
  await Effect.runPromise(Effect.provide(once, stores))
  await Effect.runPromise(Effect.provide(once, stores))
})

test("a one-second window of a million lets a million calls through, and not one more", () =>
  Effect.runPromise(
    Effect.gen(function* () {
      const { take } = yield* ThrottleStore
      const takeMany = (calls: number) =>
        Effect.gen(function* () {
          let passed = 0
          for (let i = 0; i < calls; i++) if ((yield* take("throttle:{a}:1", 1_000_000, 1_000)) === 0) passed++
          return passed
        })
      expect(yield* takeMany(600_000)).toBe(600_000)
      yield* TestClock.adjust(500)
      expect(yield* takeMany(500_000)).toBe(400_000)
      yield* TestClock.adjust(500)
      expect(yield* takeMany(700_000)).toBe(600_000)
    }).pipe(Effect.provide(throttleStore), Effect.provide(TestClock.layer()))
  ))

test("a store full of live keys refuses new keys as unavailable, still serves the old ones, and recovers", () =>
  Effect.runPromise(
    Effect.gen(function* () {
      const { take } = yield* ThrottleStore
      for (let i = 0; i < WINDOW_KEYS_MAX; i++) yield* take(`throttle:{a}:${i}`, 2, 3_000)
      expect(yield* Effect.flip(take("throttle:{a}:new", 2, 3_000))).toEqual(new StoreUnavailable({ store: "memory" }))
      expect(yield* take("throttle:{a}:0", 2, 3_000)).toBe(0)
      expect(yield* take("throttle:{a}:0", 2, 3_000)).toBe(3_000)
      yield* TestClock.adjust(3_000)
      expect(yield* take("throttle:{a}:new", 2, 3_000)).toBe(0)
    }).pipe(Effect.provide(throttleStore), Effect.provide(TestClock.layer()))
  ))

import { describe, expect, test } from "bun:test"
import { Clock, Deferred, Effect } from "effect"
import { TestClock } from "effect/testing"
import { SeenKeys } from "./seen-keys.ts"

const run = (work: (seen: SeenKeys) => Effect.Effect<void>): Promise<void> =>
  Effect.runPromise(
    Clock.clockWith((clock) => work(new SeenKeys(clock))).pipe(Effect.provide(TestClock.layer())) as Effect.Effect<void>
  )
const absent = Effect.succeed(null)

describe("SeenKeys", () => {
  test("takes a key that the store did not have to be absent for 5 s", () =>
    run((seen) =>
      Effect.gen(function* () {
        expect([seen.isNew("a"), seen.isAbsent("a")]).toEqual([true, false])
        yield* seen.noting("a", absent)
        expect([seen.isNew("a"), seen.isAbsent("a")]).toEqual([false, true])
        yield* TestClock.adjust("5 seconds")
        expect([seen.isNew("a"), seen.isAbsent("a")]).toEqual([true, false])
      })
    ))

  test("never takes a key for new that the store has had once", () =>
    run((seen) =>
      Effect.gen(function* () {
        yield* seen.noting("a", Effect.succeed("found"))
        yield* TestClock.adjust("1 day")
        expect(seen.isNew("a")).toBe(false)
      })
    ))

  test("knows nothing of a key whose signal came, even while the store was being asked", () =>
    run((seen) =>
      Effect.gen(function* () {
        yield* seen.noting("a", absent)
        seen.forget("a")
        expect(seen.isAbsent("a")).toBe(false)
        yield* seen.noting("a", absent)
        seen.forget()
        expect(seen.isAbsent("a")).toBe(false)

        const answer = yield* Deferred.make<null>()
        const asked = yield* Effect.forkChild(seen.noting("a", Deferred.await(answer)), { startImmediately: true })
        seen.forget("a")
        yield* Deferred.succeed(answer, null)
        while (asked.pollUnsafe() === undefined) yield* Effect.yieldNow
        expect(seen.isAbsent("a")).toBe(false)
      })
    ))

  test("remembers a bounded number of absent keys, the last ones asked for", () =>
    run((seen) =>
      Effect.gen(function* () {
        for (let i = 0; i <= 10_000; i++) yield* seen.noting(String(i), absent)
        expect([seen.isAbsent("0"), seen.isAbsent("1"), seen.isAbsent("10000")]).toEqual([false, true, true])
      })
    ))
})

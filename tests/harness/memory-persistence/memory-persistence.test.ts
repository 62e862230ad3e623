import { describe, expect, test } from "bun:test"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Orders } from "../../../core/pipeline/persistence/orders.ts"
import { StoreClock } from "../../../core/pipeline/persistence/store-clock.ts"
import { anOrder } from "../sample-orders.ts"
import { accountsSuite } from "../suites/accounts.ts"
import { channelFactsSuite } from "../suites/channel-facts.ts"
import { chargesSuite } from "../suites/charges.ts"
import { merchantsSuite } from "../suites/merchants.ts"
import { noticesSuite } from "../suites/notices.ts"
import { ordersSuite } from "../suites/orders.ts"
import { outboxSuite } from "../suites/outbox.ts"
import { settlementsSuite } from "../suites/settlements.ts"
import { storeSignalsSuite } from "../suites/store-signals.ts"
import { storeStatusSuite } from "../suites/store-status.ts"
import { timelineSuite } from "../suites/timeline.ts"
import { memoryPersistence } from "./index.ts"
import { openMemory } from "./open-memory.ts"

/* The in-memory stores keep the promises that PostgreSQL keeps, so tests that use them test the core. */

ordersSuite("memory", openMemory)
chargesSuite("memory", openMemory)
settlementsSuite("memory", openMemory)
noticesSuite("memory", openMemory)
timelineSuite("memory", openMemory)
outboxSuite("memory", openMemory)
merchantsSuite("memory", openMemory)
accountsSuite("memory", openMemory)
channelFactsSuite("memory", openMemory)
storeSignalsSuite("memory", openMemory)
storeStatusSuite("memory", openMemory)

describe("The in-memory stores", () => {
  const memory = memoryPersistence()
  const run = <A, E>(effect: Effect.Effect<A, E, Orders | StoreClock>) =>
    Effect.runPromise(Effect.provide(effect, Layer.provideMerge(memory.layer, TestClock.layer())))

  test("live by the test's clock", () =>
    run(
      Effect.gen(function* () {
        const { nowMs } = yield* StoreClock
        expect(nowMs()).toBe(0)
        yield* TestClock.adjust(1_500)
        expect(nowMs()).toBe(1_500)
      })
    ))

  test("fail as a test tells them: before anything is done, or with the answer lost", () =>
    run(
      Effect.gen(function* () {
        const { create, known } = yield* Orders
        const [away, lost] = [anOrder(), anOrder()]
        memory.fail("orders.create", "away", "answer-lost")
        expect((yield* Effect.flip(create(away))).toString()).toContain("StoreUnavailable")
        expect(yield* known(1, away.merchantOrderNo)).toBe(false)
        expect(yield* Effect.flip(create(lost))).toMatchObject({ mayHaveHappened: true })
        expect(yield* known(1, lost.merchantOrderNo)).toBe(true)
        expect(yield* create(away)).toBe("created")
      })
    ))
})

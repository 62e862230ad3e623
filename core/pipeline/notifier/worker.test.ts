import { describe, expect, test } from "bun:test"
import { Effect, Layer } from "effect"
import { openInProcessGateway, paymentOf } from "../../../tests/harness/in-process-gateway.ts"
import { perTest } from "../../../tests/harness/per-test.ts"
import { until } from "../../../tests/harness/until.ts"
import { settlePayment } from "../../cashier/settle.ts"
import type { Order } from "../../domain/order.ts"
import { Outbox } from "../persistence/outbox.ts"
import { nextStep, webhookWorkerLayer } from "./worker.ts"

/*
 * The schedule and the leases, on a clock that the test moves. The pushes go to an address that is not allowed, so each
 * fails before anything is sent; what is sent, and what is a delivery, is told by tests/contract and tests/money.
 */

const gateway = perTest(() => openInProcessGateway())

const FORBIDDEN = "http://127.0.0.1:9/notify"

/** Runs the worker for as long as the test's act. */
const working = (act: () => Promise<void>): Promise<void> =>
  gateway().run(
    Effect.scoped(
      Effect.andThen(
        Layer.build(webhookWorkerLayer({ scheduleMs: [60_000, 120_000], allow: [], own: "" })),
        Effect.promise(act)
      )
    )
  )

const paid = async (): Promise<Order> => {
  const { order, run } = gateway()
  const made = await order({ notifyUrl: FORBIDDEN })
  await run(settlePayment(made, paymentOf(made), null))
  return made
}

/** The attempts of an order's webhook. */
const attempts = ({ orderNo }: Order) =>
  [...gateway().tables.attempts.values()].filter((one) => one.orderNo === orderNo)
const stateOf = ({ orderNo }: Order) =>
  [...gateway().tables.outbox.values()].find((webhook) => webhook.orderNo === orderNo)?.state

/** The ages in seconds at which the webhook was pushed, once there are `count`; one more does not follow by itself. */
const pushedAt = async (order: Order, count: number) => {
  await until(`${count} pushes`, () => attempts(order).length >= count)
  return attempts(order).map(({ at }) => (at.getTime() - order.createdAt.getTime()) / 1_000)
}

describe("the worker", () => {
  test("pushes at once, then as the schedule says, and the last push in vain makes the webhook dead", () =>
    working(async () => {
      const { advance } = gateway()
      const made = await paid()
      expect(await pushedAt(made, 1)).toEqual([0])
      await advance("59 seconds")
      expect(await pushedAt(made, 1)).toEqual([0])
      await advance("1 second")
      expect(await pushedAt(made, 2)).toEqual([0, 60])
      await advance("119 seconds")
      expect(await pushedAt(made, 2)).toEqual([0, 60])
      expect(stateOf(made)).toBe("due")
      await advance("1 second")
      expect(await pushedAt(made, 3)).toEqual([0, 60, 180])
      expect(stateOf(made)).toBe("dead")
      await advance("1 hour")
      expect(await pushedAt(made, 3)).toEqual([0, 60, 180])
      expect(attempts(made)).toMatchObject([
        { attempt: 1, round: 0, status: null, detail: expect.stringContaining("not allowed") },
        { attempt: 2, round: 1 },
        { attempt: 3, round: 2 }
      ])
    }))

  test("begins a new round when a dead webhook is resent, and goes on counting its attempts", () =>
    working(async () => {
      const { advance, run } = gateway()
      const made = await paid()
      for (const [count, wait] of [
        [1, "60 seconds"],
        [2, "120 seconds"],
        [3, "1 second"]
      ] as const) {
        await pushedAt(made, count)
        await advance(wait)
      }
      expect(stateOf(made)).toBe("dead")
      await run(Effect.flatMap(Outbox, (outbox) => outbox.resend(made)))
      await advance("1 second")
      expect((await pushedAt(made, 4)).slice(3)).toEqual([182])
      await advance("60 seconds")
      await pushedAt(made, 5)
      expect(attempts(made).map(({ attempt, round }) => [attempt, round])).toEqual([
        [1, 0],
        [2, 1],
        [3, 2],
        [4, 0],
        [5, 1]
      ])
    }))

  test("pushes each webhook once, however many workers there are", () =>
    working(() =>
      working(async () => {
        const orders = await Promise.all(Array.from({ length: 50 }, paid))
        for (const made of orders) await pushedAt(made, 1)
        expect(gateway().tables.attempts.size).toBe(50)
      })
    ))

  test("pushes again what it could not record, when the lease has ended", () =>
    working(async () => {
      const { advance, fail } = gateway()
      const left = fail("outbox.record", "away")
      const made = await paid()
      await until("the record fails", () => left() === 0)
      await advance("22 seconds")
      expect(attempts(made)).toEqual([])
      await advance("1 second")
      expect(await pushedAt(made, 1)).toEqual([23])
      expect(attempts(made)).toMatchObject([{ attempt: 1, round: 0 }])
    }))
})

test.each([
  [true, 60_000, { kind: "delivered" }],
  [true, undefined, { kind: "delivered" }],
  [false, 60_000, { kind: "again", afterMs: 60_000 }],
  [false, 0, { kind: "again", afterMs: 0 }],
  [false, undefined, { kind: "dead" }]
] as const)("a push that is delivered: %p, with %p ms before the next, comes to %p", (delivered, waitMs, next) => {
  expect(nextStep(delivered, waitMs)).toEqual(next)
})

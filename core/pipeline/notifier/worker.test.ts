import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { Effect, Layer } from "effect"
import { openInProcessGateway, paymentOf } from "../../../tests/harness/in-process-gateway.ts"
import { perTest } from "../../../tests/harness/per-test.ts"
import { until } from "../../../tests/harness/until.ts"
import { settlePayment } from "../../cashier/settle.ts"
import type { Order } from "../../domain/order.ts"
import type { NewOrder } from "../persistence/orders.ts"
import { Outbox } from "../persistence/outbox.ts"
import { nextStep, webhookWorkerLayer } from "./worker.ts"

/*
 * The schedule and the leases, on a clock that the test moves. The pushes go to an address that is not allowed, so each
 * fails before anything is sent; what is sent, and what is a delivery, is told by tests/contract and tests/money.
 */

setDefaultTimeout(30_000)

const gateway = perTest(() => openInProcessGateway())

const FORBIDDEN = "http://127.0.0.1:9/notify"

/** Runs the worker for as long as the test's act. @param allow addresses that it may push to */
const working = (act: () => Promise<void>, allow: ReadonlyArray<string> = []): Promise<void> =>
  gateway().run(
    Effect.scoped(
      Effect.andThen(
        Layer.build(webhookWorkerLayer({ scheduleMs: [60_000, 120_000], allow, own: "" })),
        Effect.promise(act)
      )
    )
  )

const paid = async (change: Partial<NewOrder> = {}): Promise<Order> => {
  const { order, run } = gateway()
  const made = await order({ notifyUrl: FORBIDDEN, ...change })
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
        const orders = await Promise.all(Array.from({ length: 50 }, () => paid()))
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

/** Merchants' servers on one port of every loopback address: each address is a host of its own. */
const startHosts = async () => {
  const hanging = new Set<ServerResponse>()
  /** Merchant → the webhooks that have arrived. */
  const arrived = new Map<string, number>()
  const server = createServer((request, response) => {
    const [, kind, merchant = ""] = (request.url ?? "").split("/")
    arrived.set(merchant, (arrived.get(merchant) ?? 0) + 1)
    if (kind === "answers") return void response.end("success")
    hanging.add(response)
    response.once("close", () => hanging.delete(response))
  })
  await new Promise<void>((done) => server.listen(0, "0.0.0.0", 2_048, done))
  const { port } = server.address() as AddressInfo
  return {
    url: (kind: "hangs" | "answers", merchant: number, host: number) =>
      `http://127.${1 + (host >> 16)}.${(host >> 8) & 255}.${host & 255}:${port}/${kind}/${merchant}`,
    arrived: (merchant: number) => arrived.get(String(merchant)) ?? 0,
    hanging: () => hanging.size,
    hangUp: () => {
      for (const response of hanging) response.destroy()
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise<void>((done) => server.close(() => done()))
    }
  }
}

describe("receivers that hang", () => {
  const hosts = perTest(startHosts)
  const LOOPBACK = ["127.0.0.0/8"]
  /** A merchant whose receiver answers, at a host of its own, and others whose receivers hang. */
  const merchantsOf = async (count: number) => {
    const quick = (await gateway().addMerchant("pk_live_quick")).id
    const hostile: Array<number> = []
    for (let n = 0; n < count; n++) hostile.push((await gateway().addMerchant(`pk_live_hostile${n}`)).id)
    return { quick, hostile }
  }

  test.each([4, 16, 200])(
    "of %d merchants leave places: another merchant's webhook goes out while they hang",
    (count) =>
      working(async () => {
        const { url, arrived, hanging, hangUp } = hosts()
        const { quick, hostile } = await merchantsOf(count)
        for (let n = 0; n < 1_200; n++) {
          const merchantId = hostile[n % count] ?? 0
          await paid({ merchantId, notifyUrl: url("hangs", merchantId, n) })
        }
        let before = 0
        await until("the pushes that hang to become no more", async () => {
          const grown = hanging() !== before
          before = hanging()
          await gateway().advance("1 second")
          return before > 250 && !grown
        })
        const settled = hanging()
        await paid({ merchantId: quick, notifyUrl: url("answers", quick, 70_000) })
        await gateway().advance("1 second")
        await until("the other merchant's webhook", () => arrived(quick) === 1)
        // None of those that hang has ended to make room for it.
        expect(hanging()).toBeGreaterThanOrEqual(settled)
        hangUp()
      }, LOOPBACK)
  )

  test("that were silent before leave most places to others, however many they are", () =>
    working(async () => {
      const { url, arrived, hanging, hangUp } = hosts()
      const { quick, hostile } = await merchantsOf(900)
      for (const merchantId of hostile) await paid({ merchantId, notifyUrl: url("hangs", merchantId, merchantId) })
      // Each is silent for two seconds, then cuts the connection.
      await until("the first push of each", async () => {
        await gateway().advance("2 seconds")
        hangUp()
        return hostile.every((merchantId) => arrived(merchantId) > 0)
      })
      await gateway().advance("60 seconds")
      await until("silent hosts to have all that they may", () => hanging() >= 128)
      await paid({ merchantId: quick, notifyUrl: url("answers", quick, 70_000) })
      await gateway().advance("1 second")
      await until("the other merchant's webhook", () => arrived(quick) === 1)
      expect(hanging()).toBeLessThanOrEqual(256)
      hangUp()
    }, LOOPBACK))
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

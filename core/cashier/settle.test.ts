import { describe, expect, test } from "bun:test"
import { Effect, Exit } from "effect"
import { openInProcessGateway, paymentOf, STARTED_AT } from "../../tests/harness/in-process-gateway.ts"
import { perTest } from "../../tests/harness/per-test.ts"
import { aNotice } from "../../tests/harness/sample-orders.ts"
import type { Anomaly, Order, OrderStatus, Payment } from "../domain/order.ts"
import { Notifier } from "../pipeline/notifier/notifier.ts"
import { Charges } from "../pipeline/persistence/charges.ts"
import { Orders } from "../pipeline/persistence/orders.ts"
import { Settlements } from "../pipeline/persistence/settlements.ts"
import { type Settled, settlePayment } from "./settle.ts"

const gateway = perTest(() => openInProcessGateway())

const settle = (order: Order, payment: Payment, notice: ReturnType<typeof aNotice> | null = null) =>
  gateway().run(settlePayment(order, payment, notice))

/** Brings a PENDING order into a state. */
const bring = async (order: Order, status: OrderStatus) => {
  if (status === "PAID") await settle(order, paymentOf(order))
  if (status === "FAILED" || status === "CLOSED") {
    await gateway().run(Effect.flatMap(Orders, (orders) => orders.end(order, status, "a reason")))
  }
}

const PAYMENTS = {
  "its payment": {},
  "one fen less": { amountFen: 999 },
  "one fen more": { amountFen: 1001 },
  dollars: { currency: "USD" },
  "a second payment": { channelTradeNo: "T-second" },
  "a second payment of less": { channelTradeNo: "T-second", amountFen: 999 }
} as const satisfies Record<string, Partial<Payment>>

type Row = [OrderStatus, keyof typeof PAYMENTS, Settled, OrderStatus, ReadonlyArray<Anomaly>]

/** Every state and what may be heard in it; REFUNDED has no edge to it yet. */
const TABLE: ReadonlyArray<Row> = [
  ["PENDING", "its payment", "settled", "PAID", []],
  ["PENDING", "one fen less", "flagged", "PENDING", ["amount-mismatch"]],
  ["PENDING", "one fen more", "flagged", "PENDING", ["amount-mismatch"]],
  ["PENDING", "dollars", "flagged", "PENDING", ["currency-mismatch"]],
  ["PENDING", "a second payment", "settled", "PAID", []],
  ["PAID", "its payment", "repeated", "PAID", []],
  ["PAID", "one fen less", "flagged", "PAID", ["amount-mismatch"]],
  ["PAID", "a second payment", "flagged", "PAID", ["second-payment"]],
  ["CLOSED", "its payment", "flagged", "CLOSED", ["late-payment"]],
  ["CLOSED", "one fen less", "flagged", "CLOSED", ["amount-mismatch"]],
  ["CLOSED", "dollars", "flagged", "CLOSED", ["currency-mismatch"]],
  ["FAILED", "its payment", "flagged", "FAILED", ["late-payment"]],
  ["FAILED", "one fen more", "flagged", "FAILED", ["amount-mismatch"]]
]

describe.each([
  ["as it is", false],
  ["as it was before another process changed it", true]
])("an order, looked at %s,", (_, isStale) => {
  test.each(TABLE)("that is %s and hears %s: %s, and it is %s", async (before, heard, outcome, after, flags) => {
    const { order, find, tables } = gateway()
    const made = await order()
    await bring(made, before)
    const looked = isStale ? made : await find(made)
    const payment = paymentOf(made, PAYMENTS[heard])
    expect(await settle(looked, payment, aNotice())).toBe(outcome)
    expect(await find(made)).toMatchObject({ status: after, flags })
    // Whatever it is, telling it again changes nothing.
    const rows = () => [tables.events.length, tables.notices.length, tables.ledger.length, tables.outbox.size]
    const kept = rows()
    expect(await settle(await find(made), payment, aNotice())).toBe(outcome === "settled" ? "repeated" : outcome)
    expect(rows()).toEqual(kept)
    expect(tables.outbox.size).toBe(after === "PAID" ? 1 : 0)
  })
})

describe("a payment", () => {
  test.each<[string, boolean, Anomaly]>([
    ["as it is, a second payment", false, "second-payment"],
    ["as it was while PENDING, one of another amount", true, "amount-mismatch"]
  ])("of less under another number is, on a PAID order that is looked at %s", async (_, isStale, anomaly) => {
    const { order, find } = gateway()
    const made = await order()
    await bring(made, "PAID")
    const looked = isStale ? made : await find(made)
    expect(await settle(looked, paymentOf(made, PAYMENTS["a second payment of less"]))).toBe("flagged")
    expect((await find(made)).flags).toEqual([anomaly])
  })

  test("posts its money and makes the webhook that says so, and wakes who pushes it", async () => {
    const { order, find, tables, run, story } = gateway()
    let woken = 0
    await run(Effect.map(Notifier, (notifier) => notifier.onWake(() => woken++)))
    const made = await order()
    await settle(made, paymentOf(made), aNotice())
    expect(await find(made)).toMatchObject({ feeFen: 6, actualFen: 994, paidAt: new Date("2026-03-15T02:01:00Z") })
    expect(tables.ledger.map(({ account, amountFen }) => [account, amountFen])).toEqual([
      ["channel", -1000],
      ["merchant", 994],
      ["fee", 6]
    ])
    const [webhook] = tables.outbox.values()
    expect(webhook?.url).toBe(made.notifyUrl)
    expect(JSON.parse(webhook?.body ?? "")).toMatchObject({
      order_no: made.orderNo,
      merchant_order_no: made.merchantOrderNo,
      amount: "10.00",
      actual_amount: "9.94",
      status: 1,
      pay_time: "2026-03-15 10:01:00",
      extra: made.extra
    })
    expect(woken).toBe(1)
    expect(await story(made)).toEqual(["created", "paid", "notice"])
  })

  test("of one order five times at once is settled once", async () => {
    const { order, run, tables } = gateway()
    const made = await order()
    const five = Array.from({ length: 5 }, () => settlePayment(made, paymentOf(made), null))
    const outcomes = await run(Effect.all(five, { concurrency: "unbounded" }))
    expect([...outcomes].sort()).toEqual(["repeated", "repeated", "repeated", "repeated", "settled"])
    expect(tables.outbox.size).toBe(1)
  })

  test("whose trade number has credited another order is kept and credits nothing", async () => {
    const { order, find } = gateway()
    const [one, other] = [await order(), await order()]
    await settle(one, paymentOf(one))
    expect(await settle(other, paymentOf(other, { channelTradeNo: `T-${one.orderNo}` }))).toBe("flagged")
    expect(await find(other)).toMatchObject({ status: "PENDING", flags: ["trade-reused"], channelTradeNo: null })
  })

  test("that comes at an account which its order has left is kept, and not booked under the other's name", async () => {
    const { order, find, run, tables } = gateway()
    const made = await order({ charging: true })
    const target = { provider: "bookkeeper", accountId: "acc_2", feeRateBp: 60, reference: {} }
    await run(Effect.flatMap(Charges, (charges) => charges.moveToAccount({ ...made, attempt: 1 }, target)))
    expect(await settle(made, paymentOf(made), aNotice())).toBe("flagged")
    expect(await find(made)).toMatchObject({ status: "PENDING", accountId: "acc_2", flags: ["other-account"] })
    expect([tables.ledger.length, tables.notices.length]).toEqual([0, 1])
  })

  test.each<[string, number | undefined, number, boolean]>([
    ["no fee: the account's rate", undefined, 6, false],
    ["a fee of 0", 0, 0, false],
    ["a fee of 5", 5, 5, false],
    ["a fee of the whole amount", 1000, 1000, false],
    ["a fee above the amount", 1001, 6, true],
    ["a fee below 0", -1, 6, true],
    ["a fee of half a fen", 2.5, 6, true],
    ["a fee that is no number", Number.NaN, 6, true]
  ])("with %s is settled with its own money, and flagged where the fee cannot be one", async (_, given, fee, odd) => {
    const { order, find, tables } = gateway()
    const made = await order()
    expect(await settle(made, paymentOf(made, { feeFen: given }))).toBe("settled")
    expect(await find(made)).toMatchObject({
      status: "PAID",
      feeFen: fee,
      actualFen: 1000 - fee,
      flags: odd ? ["fee-mismatch"] : []
    })
    expect(tables.ledger.reduce((sum, { amountFen }) => sum + amountFen, 0)).toBe(0)
  })

  test.each([
    ["a notice", aNotice(), aNotice().receivedAt],
    ["a query", null, STARTED_AT]
  ])("in %s with a time that cannot be read is settled at the time it was heard", async (_, notice, paidAt) => {
    const { order, find } = gateway()
    const made = await order()
    expect(await settle(made, paymentOf(made, { paidAt: new Date("no time") }), notice)).toBe("settled")
    expect((await find(made)).paidAt).toEqual(paidAt)
  })

  test("of another amount with a time that cannot be read is kept all the same", async () => {
    const { order, find } = gateway()
    const made = await order()
    expect(await settle(made, paymentOf(made, { amountFen: 1, paidAt: new Date("no time") }))).toBe("flagged")
    expect((await find(made)).flags).toEqual(["amount-mismatch"])
  })
})

describe("a store that fails", () => {
  test("before the payment is durable: a failure, and nothing has changed", async () => {
    const { order, find, fail, run, tables } = gateway()
    const made = await order()
    fail("settlements.settle", "away")
    const failure = await run(Effect.flip(settlePayment(made, paymentOf(made), aNotice())))
    expect(failure._tag).toBe("StoreUnavailable")
    expect(await find(made)).toMatchObject({ status: "PENDING", flags: [] })
    expect(await settle(made, paymentOf(made))).toBe("settled")
    expect(tables.outbox.size).toBe(1)
  })

  test("whose answer is lost: a failure, and the payment told again is a repetition", async () => {
    const { order, find, fail, run, tables } = gateway()
    const made = await order()
    fail("settlements.settle", "answer-lost")
    expect((await run(Effect.flip(settlePayment(made, paymentOf(made), null))))._tag).toBe("StoreUnavailable")
    expect(await settle(made, paymentOf(made))).toBe("repeated")
    expect((await find(made)).status).toBe("PAID")
    expect(tables.outbox.size).toBe(1)
  })

  test("that never lets the order come to rest is a defect after five looks, not an endless loop", async () => {
    const { order, run } = gateway()
    const made = await order()
    let looks = 0
    const never = Settlements.of({
      settle: () =>
        Effect.sync(() => {
          looks += 1
          return "not-pending" as const
        })
    })
    const act = settlePayment(made, paymentOf(made), null).pipe(Effect.provideService(Settlements, never), Effect.exit)
    const exit = await run(act)
    expect(Exit.isFailure(exit) && exit.cause.reasons.map(({ _tag }) => _tag)).toEqual(["Die"])
    expect(looks).toBe(5)
  })
})

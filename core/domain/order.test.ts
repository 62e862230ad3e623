import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { judgePayment, ORDER_EDGES, ORDER_STATUS, type OrderStatus, type Payment } from "./order.ts"

const payment = (change: Partial<Payment> = {}): Payment => ({
  channelTradeNo: "T1",
  amountFen: 1_000,
  currency: "CNY",
  paidAt: new Date(0),
  ...change
})

const order = (status: OrderStatus, channelTradeNo: string | null = null) => ({
  status,
  amountFen: 1_000,
  channelTradeNo
})

describe("A verified payment", () => {
  test.each([
    ["PENDING", "of its amount", order("PENDING"), payment(), "settle"],
    ["PENDING", "of one fen less", order("PENDING"), payment({ amountFen: 999 }), "amount-mismatch"],
    ["PENDING", "of one fen more", order("PENDING"), payment({ amountFen: 1_001 }), "amount-mismatch"],
    ["PENDING", "in another currency", order("PENDING"), payment({ currency: "USD" }), "currency-mismatch"],
    ["PAID", "of the same trade", order("PAID", "T1"), payment(), "repeated"],
    [
      "PAID",
      "of the same trade with another amount",
      order("PAID", "T1"),
      payment({ amountFen: 1 }),
      "amount-mismatch"
    ],
    ["PAID", "of a second trade", order("PAID", "T0"), payment(), "second-payment"],
    ["REFUNDED", "of the same trade", order("REFUNDED", "T1"), payment(), "repeated"],
    ["REFUNDED", "of a second trade", order("REFUNDED", "T0"), payment(), "second-payment"],
    ["CLOSED", "of its amount", order("CLOSED"), payment(), "late-payment"],
    ["CLOSED", "of another amount", order("CLOSED"), payment({ amountFen: 5 }), "amount-mismatch"],
    ["FAILED", "of its amount", order("FAILED"), payment(), "late-payment"]
  ] as const)("for an order that is %s, %s", (_status, _what, stored, paid, expected) => {
    const verdict = judgePayment(stored, paid)
    expect(verdict.kind === "anomaly" ? verdict.anomaly : verdict.kind).toBe(expected)
  })

  test("settles only a PENDING order, in CNY, of exactly its amount", () => {
    const statuses = fc.constantFrom(...(Object.keys(ORDER_STATUS) as ReadonlyArray<OrderStatus>))
    const trades = fc.constantFrom("T1", "T2")
    fc.assert(
      fc.property(
        statuses,
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 3 }),
        fc.option(trades),
        trades,
        fc.constantFrom("CNY", "USD"),
        (status, amountFen, paidFen, known, channelTradeNo, currency) => {
          const channelTrade = status === "PAID" || status === "REFUNDED" ? (known ?? "T0") : null
          const verdict = judgePayment(
            { status, amountFen, channelTradeNo: channelTrade },
            payment({ amountFen: paidFen, channelTradeNo, currency })
          )
          const maySettle = status === "PENDING" && amountFen === paidFen && currency === "CNY"
          expect(verdict.kind === "settle").toBe(maySettle)
          if (verdict.kind === "repeated") expect(channelTrade).toBe(channelTradeNo)
        }
      )
    )
  })
})

describe("An order's states", () => {
  test("have the contract's numbers", () => {
    expect(ORDER_STATUS).toEqual({ PENDING: 0, PAID: 1, FAILED: 2, REFUNDED: 3, CLOSED: 4 })
  })

  test("never lead back; of those that PENDING leads to, only PAID leads on, to REFUNDED", () => {
    const reachable = (from: OrderStatus): ReadonlyArray<OrderStatus> =>
      ORDER_EDGES[from].flatMap((to) => [to, ...reachable(to)])
    for (const status of Object.keys(ORDER_STATUS) as ReadonlyArray<OrderStatus>) {
      expect(reachable(status)).not.toContain(status)
    }
    expect(ORDER_EDGES.FAILED).toEqual([])
    expect(ORDER_EDGES.CLOSED).toEqual([])
    expect(ORDER_EDGES.REFUNDED).toEqual([])
    expect(ORDER_EDGES.PAID).toEqual(["REFUNDED"])
  })
})

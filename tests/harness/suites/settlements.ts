import { describe, expect, test } from "bun:test"
import { Effect, Exit } from "effect"
import { perTest } from "../per-test.ts"
import { anOrder, aSettlement } from "../sample-orders.ts"
import { keyOf, type OpenStore, orderActs } from "./store-under-test.ts"

/** The promise of Settlements, for every store: see core/pipeline/persistence/settlements.ts. */
export const settlementsSuite = (name: string, open: OpenStore): void =>
  describe(`Settlements on ${name}`, () => {
    const on = perTest(open)
    const { placed, find, end, settle, move } = orderActs(on)

    const nothing = { events: 0, notices: 0, trades: 0, ledger_entries: 0, outbox: 0 }
    const everything = { events: 1, notices: 1, trades: 1, ledger_entries: 3, outbox: 1 }

    test("a payment makes the order PAID with its money, trade number, ledger, notice, event and webhook", async () => {
      const { stores, run } = on()
      const order = await placed()
      expect(await settle(order)).toBe("settled")
      expect(await find(order)).toMatchObject({
        status: "PAID",
        paidAt: new Date("2026-03-15T02:01:00Z"),
        feeFen: 6,
        actualFen: 994,
        channelTradeNo: `T-${order.orderNo}`
      })
      expect(await on().rowsOf(order)).toEqual(everything)
      expect(await on().ledgerOf(order)).toEqual([
        ["channel", -1000],
        ["fee", 6],
        ["merchant", 994]
      ])
      const story = await run(stores.timeline.of(keyOf(order)))
      expect(story.find(({ kind }) => kind === "notice")?.detail).toMatchObject({ body: "the raw notice" })
    })

    test("a free payment has no fee entry, an answer to a query no notice", async () => {
      const order = await placed()
      expect(await settle(order, { feeFen: 0, actualFen: 1000, source: "query", notice: null })).toBe("settled")
      expect(await on().rowsOf(order)).toEqual({ ...everything, notices: 0, ledger_entries: 2 })
      expect(await on().ledgerOf(order)).toEqual([
        ["channel", -1000],
        ["merchant", 1000]
      ])
    })

    test("of five settlements of one payment at once exactly one settles, and one webhook goes out", async () => {
      const order = await placed()
      const answers = await Promise.all(Array.from({ length: 5 }, () => settle(order)))
      expect(answers.sort()).toEqual(["not-pending", "not-pending", "not-pending", "not-pending", "settled"])
      expect(await on().rowsOf(order)).toEqual(everything)
    })

    test("a trade number that has credited one order credits no other, and nothing of the other changes", async () => {
      const one = await placed()
      const another = await placed({ merchantId: 2 })
      const { payment } = aSettlement(one)
      await settle(one)
      expect(await settle(another, { payment })).toBe("trade-reused")
      expect(await on().rowsOf(another)).toEqual(nothing)
      expect((await find(another))?.status).toBe("PENDING")
      // The number belongs to its provider; another provider may use the same.
      expect(await settle(another, { payment, provider: "wechat-jsapi" })).toBe("settled")
    })

    test("of ten orders that claim one trade number at once exactly one is credited", async () => {
      const orders = await Promise.all(Array.from({ length: 10 }, () => placed()))
      const payment = { ...aSettlement(anOrder()).payment, channelTradeNo: "T-claimed-by-ten" }
      const answers = await Promise.all(orders.map((order) => settle(order, { payment })))
      expect(answers.filter((answer) => answer === "settled").length).toBe(1)
      expect(answers.filter((answer) => answer === "trade-reused").length).toBe(9)
    })

    test("money that does not add up is refused whole", async () => {
      const { stores } = on()
      const order = await placed()
      const exit = await on().run(Effect.exit(stores.settlements.settle(aSettlement(order, { feeFen: 7 }))))
      expect(Exit.isFailure(exit)).toBe(true)
      expect(await on().rowsOf(order)).toEqual(nothing)
      expect((await find(order))?.status).toBe("PENDING")
    })

    test("an order that does not exist is not settled", async () => {
      expect(await settle(anOrder())).toBe("not-pending")
    })

    test.each(["FAILED", "CLOSED", "PAID"] as const)("an order that is %s refuses another payment", async (before) => {
      const order = await placed()
      if (before === "PAID") await settle(order)
      else expect(await end(order, before)).toBe(true)
      const rows = await on().rowsOf(order)
      const other = { ...aSettlement(order).payment, channelTradeNo: `U-${order.orderNo}` }
      expect(await settle(order, { payment: other })).toBe("not-pending")
      expect((await find(order))?.status).toBe(before)
      expect(await on().rowsOf(order)).toEqual(rows)
    })

    test("of a payment and a closing at once exactly one wins", async () => {
      for (let round = 0; round < 20; round += 1) {
        const order = await placed()
        const acts = [() => settle(order), () => end(order, "CLOSED")]
        if (round % 2 === 1) acts.reverse()
        const answers = await Promise.all(acts.map((act) => act()))
        const isSettled = answers.includes("settled")
        expect([isSettled, answers.includes(true)].filter((won) => won)).toHaveLength(1)
        expect((await find(order))?.status).toBe(isSettled ? "PAID" : "CLOSED")
      }
    })

    test("what another account says of the order settles nothing, before and after it has moved there", async () => {
      const order = await placed({ charging: true })
      const elsewhere = { ...order, accountId: "acc_2" }
      expect(await settle(elsewhere)).toBe("not-pending")
      expect(await on().rowsOf(order)).toEqual(nothing)
      await move(order, 1, "acc_2")
      expect(await settle(order)).toBe("not-pending")
      expect(await on().rowsOf(order)).toEqual({ ...nothing, events: 1 })
      expect(await find(order)).toMatchObject({ status: "PENDING", accountId: "acc_2" })
      expect(await settle(elsewhere)).toBe("settled")
    })
  })

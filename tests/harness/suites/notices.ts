import { describe, expect, test } from "bun:test"
import { perTest } from "../per-test.ts"
import { aNotice, anOrder, aSettlement } from "../sample-orders.ts"
import { keyOf, type OpenStore, orderActs } from "./store-under-test.ts"

/** The promise of Notices, for every store: see core/pipeline/persistence/notices.ts. */
export const noticesSuite = (name: string, open: OpenStore): void =>
  describe(`Notices on ${name}`, () => {
    const on = perTest(open)
    const { placed, find } = orderActs(on)

    test("an anomaly is kept once with its notice, however often the channel repeats it", async () => {
      const { stores, run } = on()
      const order = await placed()
      const { payment, notice } = aSettlement(order)
      const flag = { order: keyOf(order), anomaly: "amount-mismatch", payment, source: "notice", notice } as const
      await Promise.all(Array.from({ length: 5 }, () => run(stores.notices.flag(flag))))
      expect(await on().rowsOf(order)).toEqual({ events: 1, notices: 1, trades: 0, ledger_entries: 0, outbox: 0 })
      expect(await find(order)).toMatchObject({ status: "PENDING", flags: ["amount-mismatch"] })
    })

    test("another amount, trade number or anomaly is told as another", async () => {
      const { stores, run } = on()
      const order = await placed()
      const { payment } = aSettlement(order)
      const flag = { order: keyOf(order), anomaly: "amount-mismatch", payment, source: "query", notice: null } as const
      await run(stores.notices.flag(flag))
      await run(stores.notices.flag({ ...flag, payment: { ...payment, amountFen: 999 } }))
      await run(stores.notices.flag({ ...flag, payment: { ...payment, channelTradeNo: "other" } }))
      await run(stores.notices.flag({ ...flag, anomaly: "late-payment" }))
      expect(await on().rowsOf(order)).toMatchObject({ events: 4 })
      expect((await find(order))?.flags).toEqual(["amount-mismatch", "late-payment"])
    })

    test("an anomaly of an order that does not exist is not kept", async () => {
      const { stores, run } = on()
      const order = anOrder()
      const { payment, notice } = aSettlement(order)
      await run(stores.notices.flag({ order, anomaly: "late-payment", payment, source: "notice", notice }))
      expect(await on().rowsOf(order)).toMatchObject({ events: 0, notices: 0 })
    })

    test("notices that name no order are listed with what they say, the newest first", async () => {
      const { stores, run } = on()
      const strays = ["2100-01-02", "2100-01-03", "2100-01-01"].map((day) => ({
        accountId: "acc_strays",
        receivedAt: new Date(`${day}T00:00:00Z`),
        orderNo: `QR-${day}`,
        detail: { channelTradeNo: day, amountFen: 5 }
      }))
      for (const stray of strays) await run(stores.notices.keepStray({ ...aNotice(), ...stray }))
      const newest = [1, 0, 2].map((index) => strays[index])
      expect(await run(stores.notices.listStrays(2)).then((listed) => [...listed])).toEqual(
        newest.slice(0, 2).flatMap((stray) => stray ?? [])
      )
      expect((await run(stores.notices.listStrays(100))).map(({ orderNo }) => orderNo)).toEqual(
        newest.flatMap((stray) => stray?.orderNo ?? [])
      )
    })

    test("a notice that names no order is kept once", async () => {
      const { stores, run } = on()
      const stray = { ...aNotice(), orderNo: "QR-unknown", detail: { channelTradeNo: "T1", amountFen: 5 } }
      await run(stores.notices.keepStray(stray))
      await run(stores.notices.keepStray({ ...stray, body: new TextEncoder().encode("the same, signed anew") }))
      expect(await run(stores.notices.listStrays(10))).toHaveLength(1)
      await run(stores.notices.keepStray({ ...stray, detail: { channelTradeNo: "T2", amountFen: 5 } }))
      await run(stores.notices.keepStray({ ...stray, accountId: "acc_2" }))
      expect(await run(stores.notices.listStrays(10))).toHaveLength(3)
    })

    test("notices that say nothing of their own are told apart by their bytes", async () => {
      const { stores, run } = on()
      const stray = { ...aNotice(), orderNo: "QR-silent", detail: {} }
      await run(stores.notices.keepStray(stray))
      await run(stores.notices.keepStray(stray))
      await run(stores.notices.keepStray({ ...stray, body: new TextEncoder().encode("another one") }))
      expect(await run(stores.notices.listStrays(10))).toHaveLength(2)
    })
  })

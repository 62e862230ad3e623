import { describe, expect, test } from "bun:test"
import { perTest } from "../per-test.ts"
import { aNotice, anOrder, aSettlement } from "../sample-orders.ts"
import { keyOf, type OpenStore, orderActs } from "./store-under-test.ts"

/** The promise of Timeline, for every store: see core/pipeline/persistence/timeline.ts. */
export const timelineSuite = (name: string, open: OpenStore): void =>
  describe(`Timeline on ${name}`, () => {
    const on = perTest(open)
    const { placed, settle } = orderActs(on)

    test("tells an order's story in time order", async () => {
      const { stores, run } = on()
      const at = (ms: number) => new Date(stores.clock.nowMs() + ms)
      const order = await placed({ createdAt: at(-60_000) })
      await run(
        stores.charges.record({
          ...keyOf(order),
          provider: "sandbox",
          accountId: "acc_1",
          attempt: 1,
          final: true,
          at: at(-50_000),
          durationMs: 20,
          outcome: "accepted",
          presentation: { kind: "qrcode" },
          detail: { exchanges: [] }
        })
      )
      await settle(order, { notice: aNotice({ receivedAt: at(-40_000) }) })
      const { payment, webhook } = aSettlement(order)
      await run(
        stores.outbox.record({
          merchantId: 1,
          eventId: webhook.eventId,
          orderNo: order.orderNo,
          attempt: 1,
          at: at(1_000),
          durationMs: 30,
          status: 200,
          detail: "success",
          round: 0,
          next: { kind: "delivered" }
        })
      )
      await run(
        stores.notices.flag({ order: keyOf(order), anomaly: "second-payment", payment, source: "query", notice: null })
      )
      const story = await run(stores.timeline.of(keyOf(order)))
      expect(story.map((line) => line.kind)).toEqual([
        "created",
        "charge.accepted",
        "notice",
        "paid",
        "flag.second-payment",
        "webhook.attempt"
      ])
      expect(story[0]?.detail).toMatchObject({ merchantOrderNo: order.merchantOrderNo, amountFen: 1000 })
      expect(story[2]?.detail).toEqual({ accountId: "acc_1", body: "the raw notice" })
      expect(story[3]?.detail).toMatchObject({ amountFen: 1000, feeFen: 6, actualFen: 994, source: "notice" })
      expect(story[5]?.detail).toEqual({ attempt: 1, status: 200, durationMs: 30, detail: "success" })
      expect(story.every((line) => line.at instanceof Date)).toBe(true)
    })

    test("an order that does not exist has no story", async () => {
      expect(await on().run(on().stores.timeline.of(anOrder()))).toEqual([])
    })
  })

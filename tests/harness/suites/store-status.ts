import { describe, expect, test } from "bun:test"
import type { ChargeRecord } from "../../../core/pipeline/persistence/charges.ts"
import type { NewOrder } from "../../../core/pipeline/persistence/orders.ts"
import { perTest } from "../per-test.ts"
import { aNotice, aSettlement } from "../sample-orders.ts"
import { first, type OpenStore, orderActs } from "./store-under-test.ts"

/** The promise of StoreStatus, for every store: see core/observe/store-status.ts. */
export const storeStatusSuite = (name: string, open: OpenStore): void =>
  describe(`StoreStatus on ${name}`, () => {
    const on = perTest(open)
    const { placed, end, settle } = orderActs(on)
    const backlog = () => on().run(on().stores.status.backlog())

    /** Leases the one webhook that is due and tells what its push came to. */
    const push = async (next: Parameters<ReturnType<typeof on>["stores"]["outbox"]["record"]>[0]["next"]) => {
      const { stores, run } = on()
      const take = { limit: 1, perHost: 1, busyHosts: [], perMerchant: 100, underWay: [], leaseMs: 60_000 }
      const { merchantId, eventId, orderNo, attempts, round } = first(await run(stores.outbox.lease(take)))
      await run(
        stores.outbox.record({
          merchantId,
          eventId,
          orderNo,
          attempt: attempts + 1,
          at: new Date(stores.clock.nowMs()),
          durationMs: 1,
          status: 500,
          detail: "",
          round,
          next
        })
      )
    }

    test("nothing waits in an empty store", async () => {
      expect(await on().run(on().stores.status.ping())).toBeUndefined()
      expect(await backlog()).toEqual({
        at: expect.any(Date),
        pendingOrders: 0,
        oldestUncertainAt: null,
        dueWebhooks: 0,
        oldestDueWebhookAt: null,
        deadWebhooks: 0,
        flaggedOrders: 0,
        abandonedOrders: 0,
        strayNotices: 0
      })
    })

    test("a PENDING order that nobody asks about any more is abandoned, an ended one is not", async () => {
      const { stores, run } = on()
      await placed()
      const abandoned = await placed()
      const ended = await placed()
      await run(stores.orders.scheduleCheck(abandoned, null))
      await end(ended, "CLOSED", "expired")
      expect(await backlog()).toMatchObject({ pendingOrders: 1, abandonedOrders: 1 })
      await settle(abandoned)
      expect(await backlog()).toMatchObject({ pendingOrders: 1, abandonedOrders: 0 })
    })

    test("the oldest uncertain order is one that no answer has made payable since", async () => {
      const record = (order: NewOrder, attempt: number, outcome: ChargeRecord["outcome"]) =>
        on().run(
          on().stores.charges.record({
            merchantId: order.merchantId,
            orderNo: order.orderNo,
            provider: order.provider,
            accountId: order.accountId,
            attempt,
            final: true,
            at: new Date(on().stores.clock.nowMs()),
            durationMs: 1,
            outcome,
            presentation: outcome === "accepted" ? { kind: "qrcode" } : null,
            detail: null
          })
        )
      const older = await placed({ createdAt: new Date("2026-03-15T01:00:00Z") })
      const newer = await placed({ createdAt: new Date("2026-03-15T02:00:00Z") })
      await record(older, 1, "uncertain")
      await record(newer, 1, "uncertain")
      expect((await backlog()).oldestUncertainAt).toEqual(older.createdAt)
      await record(older, 2, "accepted")
      expect((await backlog()).oldestUncertainAt).toEqual(newer.createdAt)
    })

    test("stray notices and flagged orders are counted", async () => {
      const { stores, run } = on()
      const order = await placed()
      const { notice, payment } = aSettlement(order)
      for (const orderNo of ["QR-1", "QR-2"]) {
        await run(stores.notices.keepStray({ ...aNotice(), orderNo, detail: { channelTradeNo: orderNo } }))
      }
      await run(stores.notices.flag({ order, anomaly: "other-account", payment, source: "notice", notice }))
      expect(await backlog()).toMatchObject({ strayNotices: 2, flaggedOrders: 1 })
    })

    test("a due webhook is as old as its payment, a resent one as its resending, however often it was pushed since", async () => {
      const { stores, run, pass } = on()
      /** Age of the oldest due webhook, in seconds by the store's clock. */
      const ageS = async () => {
        const { at, oldestDueWebhookAt } = await backlog()
        return oldestDueWebhookAt === null ? null : Math.round((at.getTime() - oldestDueWebhookAt.getTime()) / 1_000)
      }
      const order = await placed()
      await settle(order)
      await pass(600_000)
      expect(await backlog()).toMatchObject({ dueWebhooks: 1 })
      expect(await ageS()).toBe(600)
      await push({ kind: "again", afterMs: 60_000 })
      expect(await ageS()).toBe(600)

      await pass(60_000)
      await push({ kind: "dead" })
      expect(await backlog()).toMatchObject({ dueWebhooks: 0, deadWebhooks: 1, oldestDueWebhookAt: null })
      await run(stores.outbox.resend(order))
      expect(await ageS()).toBe(0)
      await pass(300_000)
      await push({ kind: "again", afterMs: 60_000 })
      expect(await ageS()).toBe(300)
    })
  })

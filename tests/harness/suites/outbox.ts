import { describe, expect, test } from "bun:test"
import type { NewOrder } from "../../../core/pipeline/persistence/orders.ts"
import type { LeasedWebhook, WebhookAttempt } from "../../../core/pipeline/persistence/outbox.ts"
import { perTest } from "../per-test.ts"
import { anOrder, aSettlement } from "../sample-orders.ts"
import type { Stores } from "../stores.ts"
import { first, type OpenStore, type StoreUnderTest } from "./store-under-test.ts"

type Take = Parameters<Stores["outbox"]["lease"]>[0]

/** What tests do with the outbox of the store that `on` names. */
export const outboxActs = (on: () => StoreUnderTest) => ({
  /** A paid order with its webhook to `url`. */
  paid: async (url = "https://shop.example.com/notify", change: Partial<NewOrder> = {}): Promise<NewOrder> => {
    const { stores, run } = on()
    const order = anOrder(change)
    await run(stores.orders.create(order))
    const settlement = aSettlement(order, { notice: null })
    await run(stores.settlements.settle({ ...settlement, webhook: { ...settlement.webhook, url } }))
    return order
  },
  lease: (change: Partial<Take> = {}) =>
    on().run(
      on().stores.outbox.lease({
        limit: 100,
        perHost: 100,
        busyHosts: [],
        perMerchant: 100,
        underWay: [],
        leaseMs: 60_000,
        ...change
      })
    ),
  /** Records what a push came to. */
  record: (webhook: LeasedWebhook, next: WebhookAttempt["next"]) =>
    on().run(on().stores.outbox.record(attemptOf(webhook, next)))
})

export const attemptOf = (webhook: LeasedWebhook, next: WebhookAttempt["next"]): WebhookAttempt => ({
  merchantId: webhook.merchantId,
  eventId: webhook.eventId,
  orderNo: webhook.orderNo,
  attempt: webhook.attempts + 1,
  at: new Date("2026-03-15T02:02:00Z"),
  durationMs: 15.6,
  status: next.kind === "delivered" ? 200 : null,
  detail: next.kind,
  round: webhook.round,
  next
})

const againNow = { kind: "again", afterMs: 0 } as const

/** The promise of Outbox, for every store: see core/pipeline/persistence/outbox.ts. */
export const outboxSuite = (name: string, open: OpenStore): void =>
  describe(`Outbox on ${name}`, () => {
    const on = perTest(open)
    const { paid, lease, record } = outboxActs(on)
    const list = (filter: Parameters<Stores["outbox"]["list"]>[0]) => on().run(on().stores.outbox.list(filter))
    const resend = (order: NewOrder) => on().run(on().stores.outbox.resend(order))

    describe("leasing", () => {
      test("a due webhook comes with its bytes, and nobody else gets it while the lease holds", async () => {
        const order = await paid()
        expect(await lease()).toEqual([
          {
            merchantId: 1,
            eventId: `evt_${order.orderNo}`,
            orderNo: order.orderNo,
            url: "https://shop.example.com/notify",
            body: `{"order_no":"${order.orderNo}"}`,
            attempts: 0,
            round: 0,
            createdAt: expect.any(Date)
          }
        ])
        expect(await lease()).toEqual([])
        await on().pass(59_000)
        expect(await lease()).toEqual([])
        await on().pass(1_000)
        expect((await lease()).map(({ orderNo }) => orderNo)).toEqual([order.orderNo])
      })

      test("eight senders at once get every webhook exactly once", async () => {
        const orders = await Promise.all(
          Array.from({ length: 60 }, (_, i) => paid(`https://shop-${i % 7}.example.com/x`))
        )
        const taken: string[] = []
        while (taken.length < 60) {
          const leases = await Promise.all(Array.from({ length: 8 }, () => lease({ limit: 10, perHost: 4 })))
          const got = leases.flat().map((webhook) => webhook.orderNo)
          expect(got.length).toBeGreaterThan(0)
          taken.push(...got)
        }
        expect(taken.sort()).toEqual(orders.map((order) => order.orderNo).sort())
      })

      test("a dead sender's webhooks come back when its lease ends", async () => {
        const order = await paid()
        expect((await lease({ leaseMs: 0 })).length).toBe(1)
        expect((await lease()).map((webhook) => webhook.orderNo)).toEqual([order.orderNo])
      })

      test("one host gets no more than its share, and the others are served all the same", async () => {
        for (let i = 0; i < 5; i += 1) await paid("https://slow.example.com/x")
        const other = await paid("https://quick.example.com:8443/x")
        const taken = await lease({ perHost: 2 })
        expect(taken.map((webhook) => new URL(webhook.url).hostname).sort()).toEqual([
          "quick.example.com",
          "slow.example.com",
          "slow.example.com"
        ])
        expect(taken.at(-1)?.orderNo).toBe(other.orderNo)
      })

      test("no more are taken than were asked for", async () => {
        for (let i = 0; i < 5; i += 1) await paid(`https://shop-${i}.example.com/x`)
        expect(await lease({ limit: 3 })).toHaveLength(3)
        expect(await lease({ limit: 3 })).toHaveLength(2)
      })

      test("busy hosts are left out, with the port that tells them apart", async () => {
        await paid("https://busy.example.com/x")
        await paid("https://busy.example.com:8443/x")
        const taken = await lease({ busyHosts: ["busy.example.com:443"] })
        expect(taken.map((webhook) => webhook.url)).toEqual(["https://busy.example.com:8443/x"])
      })

      test("merchants with their share under way are left out, also where another's webhooks go to the same host", async () => {
        await paid("https://shop.example.com/x", { merchantId: 2 })
        const quiet = await paid("https://shop.example.com/x", { merchantId: 3 })
        await paid("https://else.example.com/x", { merchantId: 12 })
        const underWay = [
          [2, 5],
          [3, 4],
          [12, 6]
        ] as const
        const taken = await lease({ perMerchant: 5, underWay, perHost: 1 })
        expect(taken.map(({ merchantId, orderNo }) => [merchantId, orderNo])).toEqual([[3, quiet.orderNo]])
        expect((await lease()).map(({ merchantId }) => merchantId).sort()).toEqual([12, 2])
      })

      test("no merchant gets more than its share at once, over all of its hosts", async () => {
        for (let i = 0; i < 9; i += 1) await paid(`https://shop-${i % 3}.example.com/x`, { merchantId: 2 })
        const other = await paid("https://quick.example.com/x", { merchantId: 3 })
        const taken = await lease({ perMerchant: 6, underWay: [[2, 2]] })
        expect(taken.filter(({ merchantId }) => merchantId === 2)).toHaveLength(4)
        expect(taken.map(({ orderNo }) => orderNo)).toContain(other.orderNo)
      })

      test("merchants take turns: whoever has the least under way is first, then who has waited the longest", async () => {
        for (const merchantId of [2, 2, 2, 3, 3, 4]) {
          await paid(`https://shop-${merchantId}.example.com/x`, { merchantId })
          await on().pass(1_000)
        }
        const turn = async (underWay: Take["underWay"]) =>
          (await lease({ limit: 2, underWay })).map(({ merchantId }) => merchantId).sort()
        expect(await turn([[2, 1]])).toEqual([3, 4])
        expect(
          await turn([
            [2, 2],
            [3, 1]
          ])
        ).toEqual([2, 3])
        expect(await turn([])).toEqual([2, 2])
      })

      test("a merchant's hosts take turns, and so do the merchants of one host", async () => {
        for (let i = 0; i < 5; i += 1) await paid("https://dead.example.com/x", { merchantId: 2 })
        const quick = await paid("https://quick.example.com/x", { merchantId: 2 })
        const other = await paid("https://dead.example.com/x", { merchantId: 3 })
        const taken = (await lease({ perMerchant: 4, perHost: 2 })).map(({ orderNo }) => orderNo)
        expect(taken).toHaveLength(3)
        expect(taken).toContain(quick.orderNo)
        expect(taken).toContain(other.orderNo)
      })

      test("the oldest due go first", async () => {
        const orders: Array<NewOrder> = []
        for (const host of ["c", "a", "b"]) {
          orders.push(await paid(`https://${host}.example.com/`))
          await on().pass(60_000)
        }
        expect((await lease({ limit: 2 })).map((webhook) => webhook.orderNo)).toEqual(
          orders.slice(0, 2).map((order) => order.orderNo)
        )
      })
    })

    describe("recording", () => {
      test("a delivered webhook is done", async () => {
        await paid()
        await record(first(await lease({ leaseMs: 0 })), { kind: "delivered" })
        expect(await lease()).toEqual([])
        const row = first(await list({ state: "delivered", limit: 10 }))
        expect(row).toMatchObject({ state: "delivered", attempts: 1, round: 1 })
        expect(row.history).toEqual([
          { attempt: 1, at: new Date("2026-03-15T02:02:00Z"), durationMs: 16, status: 200, detail: "delivered" }
        ])
      })

      test("one to be sent again is due at its time, with its attempts counted", async () => {
        const { stores, pass } = on()
        await paid()
        await record(first(await lease()), { kind: "again", afterMs: 60_000 })
        expect(await lease()).toEqual([])
        const { dueAt } = first(await list({ state: "due", limit: 10 }))
        expect(dueAt.getTime()).toBeGreaterThan(stores.clock.nowMs() + 50_000)
        await pass(59_000)
        expect(await lease()).toEqual([])
        await pass(1_000)
        expect(await lease()).toMatchObject([{ attempts: 1, round: 1 }])
      })

      test("the same report twice counts once", async () => {
        await paid()
        const webhook = first(await lease())
        await record(webhook, againNow)
        await record(webhook, againNow)
        expect(await lease()).toMatchObject([{ attempts: 1, round: 1 }])
      })

      test("a late report of failure does not undo a delivery, a late report of delivery ends a retry", async () => {
        await paid()
        const webhook = first(await lease())
        await record(webhook, { kind: "delivered" })
        await record({ ...webhook, attempts: 1 }, againNow)
        expect(await lease()).toEqual([])
        await paid()
        const second = first(await lease())
        await record({ ...second, attempts: 1 }, { kind: "dead" })
        await record(second, { kind: "delivered" })
        expect(await list({ state: "dead", limit: 10 })).toEqual([])
        expect(await list({ state: "delivered", limit: 10 })).toHaveLength(2)
      })

      test("a dead webhook is listed as such and sent again when the operator resends it", async () => {
        const order = await paid()
        await record(first(await lease()), { kind: "dead" })
        expect(await lease()).toEqual([])
        expect((await list({ state: "dead", limit: 10 })).map((row) => row.orderNo)).toEqual([order.orderNo])
        expect(await resend(order)).toBe(true)
        expect(await lease()).toMatchObject([{ orderNo: order.orderNo, attempts: 1, round: 0 }])
      })

      test("a delivered webhook may be resent, one that is being pushed is not pushed beside", async () => {
        const order = await paid()
        const webhook = first(await lease())
        expect(await resend(order)).toBe(true)
        expect(await lease()).toEqual([])
        await record(webhook, { kind: "delivered" })
        expect(await resend(order)).toBe(true)
        expect(await lease()).toMatchObject([{ attempts: 1, round: 0 }])
      })
    })

    describe("resending", () => {
      /** Leases the order's webhook until it has been pushed in vain `pushes` times, and once more. */
      const pushedInVain = async (pushes: number): Promise<LeasedWebhook> => {
        for (let push = 0; push < pushes; push += 1) await record(first(await lease()), againNow)
        return first(await lease())
      }

      test.each([0, 1, 2])(
        "a resend during a last push that fails, after %d others, is not lost: another push follows at once",
        async (pushes) => {
          const order = await paid()
          const running = await pushedInVain(pushes)
          expect(running).toMatchObject({ attempts: pushes, round: pushes })
          expect(await resend(order)).toBe(true)
          expect(await lease()).toEqual([])
          await record(running, { kind: "dead" })
          expect(await list({ orderNo: order.orderNo, limit: 1 })).toMatchObject([
            { state: "due", attempts: pushes + 1, round: 0 }
          ])
          const resent = first(await lease())
          expect(resent).toMatchObject({ attempts: pushes + 1, round: 0 })
          // From there on the schedule holds: the round counts, and its last push ends it.
          await record(resent, againNow)
          const second = first(await lease())
          expect(second).toMatchObject({ attempts: pushes + 2, round: 1 })
          await record(second, { kind: "dead" })
          expect((await list({ state: "dead", limit: 1 }))[0]?.orderNo).toBe(order.orderNo)
        }
      )

      test.each([0, 1])(
        "a resend during a push that is to be repeated later, after %d others, goes out at once all the same",
        async (pushes) => {
          const order = await paid()
          const running = await pushedInVain(pushes)
          await resend(order)
          await resend(order)
          await record(running, { kind: "again", afterMs: 60_000 })
          expect(await lease()).toMatchObject([{ attempts: pushes + 1, round: 0 }])
        }
      )

      test.each([0, 1])(
        "a webhook that is delivered during a resend, after %d pushes, stays delivered",
        async (pushes) => {
          const order = await paid()
          const running = await pushedInVain(pushes)
          expect(await resend(order)).toBe(true)
          await record(running, { kind: "delivered" })
          expect(await lease()).toEqual([])
          expect((await list({ state: "delivered", limit: 1 }))[0]?.orderNo).toBe(order.orderNo)
        }
      )

      test("a resend whose running sender dies goes out when the lease ends, in a round of its own", async () => {
        const order = await paid()
        await pushedInVain(1)
        await resend(order)
        await on().pass(60_000)
        const resent = first(await lease())
        expect(resent).toMatchObject({ attempts: 1, round: 0 })
        await record(resent, { kind: "dead" })
        expect((await list({ state: "dead", limit: 1 }))[0]?.orderNo).toBe(order.orderNo)
      })

      test("an order without a webhook has nothing to resend", async () => {
        const order = anOrder()
        await on().run(on().stores.orders.create(order))
        expect(await resend(order)).toBe(false)
      })

      test("the list finds an order's webhook by its number", async () => {
        const order = await paid()
        await paid()
        const found = await list({ orderNo: order.orderNo, limit: 10 })
        expect(found.map((row) => row.orderNo)).toEqual([order.orderNo])
        expect((await list({ limit: 1 })).length).toBe(1)
      })
    })
  })

import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test"
import { Effect } from "effect"
import sqlClient from "postgres"
import { ORDER_STATUS } from "../../core/domain/order.ts"
import type { NewOrder } from "../../core/pipeline/persistence/orders.ts"
import { sharedPostgres } from "../../tests/harness/postgres.ts"
import type { Stores } from "../../tests/harness/stores.ts"
import { anOrder, aSettlement, connectionsEnd, openStore, rowsRead, run } from "./fixture.ts"

setDefaultTimeout(30_000)

let store: Stores
let close: () => Promise<void>
let sql: sqlClient.Sql

beforeEach(async () => {
  const url = await (await sharedPostgres()).createDatabase()
  ;({ store, close } = await openStore(url))
  sql = sqlClient(url, { max: 1 })
})
afterEach(async () => {
  await close()
  await sql.end()
})

const placed = async (change: Partial<NewOrder> = {}): Promise<NewOrder> => {
  const order = anOrder(change)
  await run(store.orders.create(order))
  return order
}
const backlog = () => run(store.status.backlog())

/** Leases the one webhook that is due and tells that its push failed; the next one is due a minute later. */
const pushInVain = async () => {
  const [webhook] = await run(
    store.outbox.lease({ limit: 1, perHost: 1, busyHosts: [], busyMerchants: [], leaseMs: 60_000 })
  )
  if (webhook === undefined) throw new Error("nothing is due")
  await run(
    store.outbox.record({
      merchantId: webhook.merchantId,
      eventId: webhook.eventId,
      orderNo: webhook.orderNo,
      attempt: webhook.attempts + 1,
      at: new Date(),
      durationMs: 1,
      status: 500,
      detail: "",
      round: webhook.round,
      next: { kind: "again", afterMs: 60_000 }
    })
  )
}

test("nothing waits in an empty store", async () => {
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
  await placed()
  const abandoned = await placed()
  const ended = await placed()
  await run(store.orders.scheduleCheck(abandoned, null))
  await run(store.orders.end(ended, "CLOSED", "expired"))
  expect(await backlog()).toMatchObject({ pendingOrders: 1, abandonedOrders: 1 })
  await run(store.settlements.settle(aSettlement(abandoned)))
  expect(await backlog()).toMatchObject({ pendingOrders: 1, abandonedOrders: 0 })
})

test("the oldest uncertain order is one that no answer has made payable since", async () => {
  const record = (order: NewOrder, attempt: number, outcome: "uncertain" | "accepted") =>
    run(
      store.charges.record({
        merchantId: order.merchantId,
        orderNo: order.orderNo,
        provider: order.provider,
        accountId: order.accountId,
        attempt,
        final: true,
        at: new Date(),
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

test("each uncertain order is looked up, whatever waits beside it, though the plan is that of a quiet hour", async () => {
  const [uncertain, pending] = [50, 2_000]
  const placeMany = () =>
    run(
      Effect.forEach(Array.from({ length: pending }), () => store.orders.create(anOrder()), {
        concurrency: "unbounded"
      })
    )
  await placeMany()
  await sql`update orders set status = ${ORDER_STATUS.CLOSED}, next_check_at = null`
  await sql`
    insert into charges (merchant_id, order_no, attempt, provider, account_id, at, duration_ms, outcome, detail)
    select merchant_id, order_no, 1, provider, account_id, now(), 1, 'accepted', '{}' from orders`
  await sql`vacuum analyze orders, charges`
  // Every connection makes its plan now.
  await Promise.all(Array.from({ length: 80 }, backlog))
  await placeMany()
  await sql`
    insert into charges (merchant_id, order_no, attempt, provider, account_id, at, duration_ms, outcome, detail)
    select merchant_id, order_no, 1, provider, account_id, now(), 1, 'uncertain', '{}' from orders
    where status = ${ORDER_STATUS.PENDING} order by order_no desc limit ${uncertain}`
  const before = await rowsRead(sql, "orders")
  expect((await backlog()).oldestUncertainAt).toEqual(anOrder().createdAt)
  await close()
  await connectionsEnd(sql)
  // Those that are pending are counted, each once.
  expect((await rowsRead(sql, "orders")) - before).toBeLessThan(2 * pending)
})

test("stray notices and flagged orders are counted", async () => {
  const order = await placed()
  const { notice, payment } = aSettlement(order)
  if (notice === null) throw new Error("no notice")
  for (const orderNo of ["QR-1", "QR-2"]) {
    await run(store.notices.keepStray({ ...notice, orderNo, detail: { channelTradeNo: orderNo } }))
  }
  await run(store.notices.flag({ order, anomaly: "other-account", payment, source: "notice", notice }))
  expect(await backlog()).toMatchObject({ strayNotices: 2, flaggedOrders: 1 })
})

test("a due webhook is as old as its payment, a resent one as its resending, however often it was pushed since", async () => {
  const order = await placed()
  await run(store.settlements.settle(aSettlement(order)))
  await sql`update outbox set created_at = '2026-03-15T02:00:00Z', due_at = '2026-03-15T02:00:00Z'`
  const created = new Date("2026-03-15T02:00:00Z")
  expect(await backlog()).toMatchObject({ dueWebhooks: 1, oldestDueWebhookAt: created })
  await pushInVain()
  expect((await backlog()).oldestDueWebhookAt).toEqual(created)

  await sql`update outbox set state = 2`
  expect(await backlog()).toMatchObject({ dueWebhooks: 0, deadWebhooks: 1, oldestDueWebhookAt: null })
  const before = Date.now()
  await run(store.outbox.resend(order))
  const resent = (await backlog()).oldestDueWebhookAt?.getTime() ?? 0
  expect(resent).toBeGreaterThanOrEqual(before - 1_000)
  expect(resent).toBeLessThanOrEqual(Date.now() + 1_000)
  await pushInVain()
  expect((await backlog()).oldestDueWebhookAt?.getTime()).toBe(resent)
})

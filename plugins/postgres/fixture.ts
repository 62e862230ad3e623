import { Effect, Exit, Redacted, Scope } from "effect"
import type postgres from "postgres"
import type { Order } from "../../core/domain/order.ts"
import type { NewOrder } from "../../core/pipeline/persistence/orders.ts"
import type { Settlement } from "../../core/pipeline/persistence/settlements.ts"
import { type Stores, storesOf } from "../../tests/harness/stores.ts"
import { openPersistence } from "./index.ts"

/* What the tests of this folder share. */

/** A store on a database of its own; `close` gives its connections back. */
export const openStore = async (
  url: string
): Promise<{ readonly store: Stores; readonly close: () => Promise<void> }> => {
  const scope = await Effect.runPromise(Scope.make())
  const context = await Effect.runPromise(
    openPersistence({ url: Redacted.make(url), maxConnections: 8 }).pipe(Scope.provide(scope))
  )
  return { store: storesOf(context), close: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
}

let drawn = 0

/** An order that no test has used; `change` says what the test is about. */
export const anOrder = (change: Partial<NewOrder> = {}): NewOrder => {
  drawn += 1
  const createdAt = new Date("2026-03-15T02:00:00.123Z")
  return {
    merchantId: 1,
    orderNo: `QR20260315100000${String(drawn).padStart(8, "0")}`,
    merchantOrderNo: `ORD-${drawn}`,
    channelCode: "YINSHENG_QRCODE",
    flow: "qrcode",
    provider: "sandbox",
    accountId: "acc_1",
    amountFen: 1000,
    feeRateBp: 60,
    notifyUrl: "https://shop.example.com/notify",
    body: "两杯咖啡",
    extra: '{"a":"\\u4e2d"}',
    note: "在线支付",
    clientIp: "203.0.113.7",
    createdAt,
    expiresAt: new Date(createdAt.getTime() + 1_800_000),
    reference: { shopdate: "20260315" },
    jsapi: null,
    charging: false,
    nextCheckAt: new Date("2100-01-01T00:00:00Z"),
    ...change
  }
}

/** The payment of all of an order, as a channel reports it. */
export const aSettlement = (
  order: Pick<Order, "merchantId" | "orderNo" | "amountFen" | "provider" | "accountId">,
  change: Partial<Settlement> = {}
): Settlement => ({
  order: { merchantId: order.merchantId, orderNo: order.orderNo, accountId: order.accountId },
  provider: order.provider,
  payment: {
    channelTradeNo: `T-${order.orderNo}`,
    amountFen: order.amountFen,
    currency: "CNY",
    paidAt: new Date("2026-03-15T02:01:00Z")
  },
  feeFen: 6,
  actualFen: order.amountFen - 6,
  webhook: {
    eventId: `evt_${order.orderNo}`,
    url: "https://shop.example.com/notify",
    body: `{"order_no":"${order.orderNo}"}`
  },
  source: "notice",
  notice: {
    accountId: "acc_1",
    receivedAt: new Date("2026-03-15T02:01:01Z"),
    headers: { "content-type": "application/json" },
    body: new TextEncoder().encode("the raw notice")
  },
  ...change
})

export const run = Effect.runPromise

/** Rows that have been read from a table by its indexes: all of them once `connectionsEnd`. */
export const rowsRead = async (sql: postgres.Sql, table: string): Promise<number> => {
  await sql`select pg_stat_clear_snapshot()`
  const [row] = await sql<Array<{ read: number }>>`
    select sum(idx_tup_read)::int as read from pg_stat_user_indexes where relname = ${table}`
  return row?.read ?? 0
}

/** A closed store's connections have told the server what they read when they are gone from its list. */
export const connectionsEnd = (sql: postgres.Sql): Promise<void> =>
  eventually("the store's connections have ended", async () => {
    const open = await sql`
      select from pg_stat_activity where datname = current_database() and application_name = 'payhub'`
    return open.length === 0
  })

/** Waits until a fact holds; fails with its name after five seconds. */
export const eventually = async (name: string, fact: () => boolean | Promise<boolean>): Promise<void> => {
  const deadline = Date.now() + 5_000
  while (!(await fact())) {
    if (Date.now() > deadline) throw new Error(`not within 5 s: ${name}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

import { createHash } from "node:crypto"
import { Effect } from "effect"
import { receiverOf } from "../../core/domain/notify-url.ts"
import { type Json, ORDER_STATUS } from "../../core/domain/order.ts"
import type { KeptNotice, OrderStore, Settlement } from "../../core/pipeline/persistence/orders.ts"
import { storableJson } from "./driver/connection.ts"
import { codeOf, type Database, unavailable } from "./driver/database.ts"
import type { Signals } from "./store-signals.ts"

/** What ends an order's wait, and what is kept where it must not: each one statement, so all of it or nothing. */
export const makeSettle = (
  db: Database,
  signals: Signals
): Pick<OrderStore, "settle" | "end" | "flag" | "keepStrayNotice" | "listStrayNotices"> => ({
  settle: (settlement) =>
    Effect.tryPromise({
      try: async (): Promise<"settled" | "not-pending" | "trade-reused"> => {
        try {
          const settled = await db.attempt((sql) => settleStatement(db, sql, settlement))
          if (settled.length === 0) return "not-pending"
          signals.webhookDue()
          return "settled"
        } catch (cause) {
          if (isTradeReused(cause)) return "trade-reused"
          throw cause
        }
      },
      catch: unavailable
    }),

  end: ({ merchantId, orderNo, accountId }, status, reason) =>
    db
      .run(
        (sql) => sql`
          with ended as (
            update orders set status = ${ORDER_STATUS[status]}, next_check_at = null
            where merchant_id = ${merchantId} and order_no = ${orderNo} and status = 0 and account_id = ${accountId}
            returning merchant_id, order_no
          )
          insert into events (merchant_id, order_no, kind, detail)
          select merchant_id, order_no, ${status.toLowerCase()}, ${db.json({ reason })}::json::jsonb from ended
          returning 1`
      )
      .pipe(Effect.map((rows) => rows.length > 0)),

  flag: ({ order, anomaly, payment, source, notice }) => {
    const { channelTradeNo, amountFen, currency } = payment
    const detail = { channelTradeNo, amountFen, currency, paidAt: payment.paidAt.toISOString(), source }
    const once = `flag ${anomaly} ${amountFen} ${channelTradeNo}`
    return db
      .run(
        (sql) => sql`
          with told as (
            insert into events (merchant_id, order_no, kind, detail, once)
            select merchant_id, order_no, ${`flag.${anomaly}`}, ${db.json(detail)}::json::jsonb, ${once}
            from orders where merchant_id = ${order.merchantId} and order_no = ${order.orderNo}
            on conflict (merchant_id, order_no, once) where once is not null do nothing
            returning merchant_id, order_no
          ), ${keepNotice(db, notice)}
          update orders o set flags = o.flags || ${anomaly}::text
          from told
          where o.merchant_id = told.merchant_id and o.order_no = told.order_no and not ${anomaly} = any(o.flags)`
      )
      .pipe(Effect.asVoid)
  },

  keepStrayNotice: ({ accountId, receivedAt, headers, body, orderNo, detail }) => {
    // A provider's repetition may differ in its nonce and signature; what it says does not.
    const content = detail === null || storableJson(detail) === "{}" ? body : storableJson(detail)
    const digest = createHash("sha256").update(content).digest()
    return db
      .run(
        (sql) => sql`
          insert into stray_notices (account_id, order_no, digest, received_at, headers, body, detail)
          values (
            ${accountId}, ${orderNo}, ${digest}, ${receivedAt}, ${db.json(headers)}::json::jsonb, ${bytes(body)},
            ${db.json(detail)}::json::jsonb
          )
          on conflict do nothing`
      )
      .pipe(Effect.asVoid)
  },

  listStrayNotices: (limit) =>
    db
      .run(
        (sql) => sql<Array<{ account_id: string; order_no: string; received_at: Date; detail: Json }>>`
          select account_id, order_no, received_at, detail from stray_notices
          order by received_at desc limit ${limit}`
      )
      .pipe(
        Effect.map((rows) =>
          rows.map(({ account_id: accountId, order_no: orderNo, received_at: receivedAt, detail }) => ({
            accountId,
            orderNo,
            receivedAt,
            detail
          }))
        )
      )
})

const isTradeReused = (cause: unknown): boolean =>
  codeOf(cause) === "23505" &&
  typeof cause === "object" &&
  cause !== null &&
  "constraint_name" in cause &&
  cause.constraint_name === "trades_pkey"

/**
 * Everything that PAID means, in one statement and so in one transaction and round trip. `paid` is empty when another
 * decision came first, and then every part after it does nothing; a trade number that is in use raises its key's
 * unique violation, which undoes the rest.
 */
const settleStatement = (db: Database, sql: Database["sql"], settlement: Settlement) => {
  const { order, provider, payment, feeFen, actualFen, webhook, source, notice } = settlement
  const detail = { provider, channelTradeNo: payment.channelTradeNo, amountFen: payment.amountFen, feeFen, actualFen }
  return sql`
    with told as (
      update orders set
        status = 1, paid_at = ${payment.paidAt}, fee_fen = ${feeFen}, actual_fen = ${actualFen},
        channel_trade_no = ${payment.channelTradeNo}, next_check_at = null
      where merchant_id = ${order.merchantId} and order_no = ${order.orderNo} and status = 0
        and account_id = ${order.accountId}
      returning merchant_id, order_no, account_id, amount_fen, fee_fen, actual_fen, channel_trade_no
    ), trade as (
      insert into trades (provider, trade_no, merchant_id, order_no)
      select ${provider}, channel_trade_no, merchant_id, order_no from told
    ), event as (
      insert into events (merchant_id, order_no, kind, detail)
      select merchant_id, order_no, 'paid', ${db.json({ ...detail, source })}::json::jsonb from told
    ), entries as (
      insert into ledger_entries (merchant_id, order_no, account, account_id, amount_fen)
      select merchant_id, order_no, entry.account, told.account_id, entry.amount_fen
      from told cross join lateral (
        values ('channel', -amount_fen), ('merchant', actual_fen), ('fee', fee_fen)
      ) as entry(account, amount_fen)
      where entry.amount_fen <> 0
    ), ${keepNotice(db, notice)}
    insert into outbox (merchant_id, event_id, order_no, url, host, body)
    select merchant_id, ${webhook.eventId}, order_no, ${webhook.url}, ${receiverOf(webhook.url)}, ${webhook.body} from told
    returning 1`
}

/** The part of a statement that keeps a notice for each row of `told`. */
const keepNotice = ({ sql, json }: Database, notice: KeptNotice | null) =>
  notice === null
    ? sql`kept as (select)`
    : sql`kept as (
        insert into notices (merchant_id, order_no, account_id, received_at, headers, body)
        select merchant_id, order_no, ${notice.accountId}, ${notice.receivedAt},
          ${json(notice.headers)}::json::jsonb, ${bytes(notice.body)}
        from told
      )`

const bytes = (body: Uint8Array): Buffer => Buffer.from(body.buffer, body.byteOffset, body.byteLength)

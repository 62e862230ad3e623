import { createHash } from "node:crypto"
import { Effect } from "effect"
import type { WrittenEventKind } from "../../core/domain/event.ts"
import type { Json } from "../../core/domain/order.ts"
import type { KeptNotice, Notices } from "../../core/pipeline/persistence/notices.ts"
import { storableJson } from "./driver/connection.ts"
import type { Database } from "./driver/database.ts"

/** Payments and notices that settled no order, kept for a person to look at. */
export const makeNotices = (db: Database): Notices["Service"] => ({
  flag: ({ order, anomaly, payment, source, notice }) => {
    const { channelTradeNo, amountFen, currency } = payment
    const detail = { channelTradeNo, amountFen, currency, paidAt: payment.paidAt.toISOString(), source }
    const kind: WrittenEventKind = `flag.${anomaly}`
    const once = `flag ${anomaly} ${amountFen} ${channelTradeNo}`
    return db
      .run(
        (sql) => sql`
          with told as (
            insert into events (merchant_id, order_no, kind, detail, once)
            select merchant_id, order_no, ${kind}, ${db.json(detail)}::json::jsonb, ${once}
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

  keepStray: ({ accountId, receivedAt, headers, body, orderNo, detail }) => {
    // A repeated notice may carry another nonce and signature, so the digest is made over what it says.
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

  listStrays: (limit) =>
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

/** A CTE `kept` that stores the notice for each row of the CTE `told`; null stores nothing. */
export const keepNotice = ({ sql, json }: Database, notice: KeptNotice | null) =>
  notice === null
    ? sql`kept as (select)`
    : sql`kept as (
        insert into notices (merchant_id, order_no, account_id, received_at, headers, body)
        select merchant_id, order_no, ${notice.accountId}, ${notice.receivedAt},
          ${json(notice.headers)}::json::jsonb, ${bytes(notice.body)}
        from told
      )`

const bytes = (body: Uint8Array): Buffer => Buffer.from(body.buffer, body.byteOffset, body.byteLength)

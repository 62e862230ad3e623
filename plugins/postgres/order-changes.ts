import { Effect } from "effect"
import type { OrderStore } from "../../core/pipeline/persistence.ts"
import type { Database } from "./database.ts"
import { type OrderRow, orderColumns, orderOf } from "./order-row.ts"

/** What may still change about a PENDING order, and when it is asked about. */
export const makeOrderChanges = (
  db: Database
): Pick<OrderStore, "moveToAccount" | "bindPayer" | "leaseChecks" | "scheduleCheck"> => {
  const { json } = db
  return {
    moveToAccount: ({ merchantId, orderNo }, { provider, accountId, feeRateBp, reference }) =>
      db
        .run(
          (sql) => sql`
            with moved as (
              update orders set provider = ${provider}, account_id = ${accountId}, fee_rate_bp = ${feeRateBp},
                reference = ${json(reference)}::json::jsonb
              where merchant_id = ${merchantId} and order_no = ${orderNo} and status = 0
              returning merchant_id, order_no
            )
            insert into events (merchant_id, order_no, kind, detail)
            select merchant_id, order_no, 'account', ${json({ provider, accountId, feeRateBp })}::json::jsonb from moved
            returning 1`
        )
        .pipe(Effect.map((rows) => rows.length > 0)),

    bindPayer: Effect.fnUntraced(function* ({ merchantId, orderNo }, openid) {
      const bound = yield* db.run(
        (sql) => sql`
          with bound as (
            update orders set openid = ${openid}
            where merchant_id = ${merchantId} and order_no = ${orderNo} and openid is null
            returning merchant_id, order_no
          )
          insert into events (merchant_id, order_no, kind, detail)
          select merchant_id, order_no, 'payer', '{}' from bound
          returning 1`
      )
      if (bound.length > 0) return openid
      const [row] = yield* db.run(
        (sql) => sql<Array<{ openid: string }>>`
          select openid from orders where merchant_id = ${merchantId} and order_no = ${orderNo}`
      )
      if (row === undefined) return yield* Effect.die(new Error(`bindPayer: there is no order ${orderNo}`))
      return row.openid
    }),

    leaseChecks: (limit, leaseMs) =>
      db
        .run(
          (sql) => sql<OrderRow[]>`
            with due as materialized (
              select merchant_id, order_no from orders
              where status = 0 and next_check_at is not null and next_check_at <= now()
              order by next_check_at limit ${limit} for update skip locked
            )
            update orders o set next_check_at = now() + ${leaseMs}::double precision * interval '1 millisecond'
            from due
            where o.merchant_id = due.merchant_id and o.order_no = due.order_no
            returning ${orderColumns(sql)}`
        )
        .pipe(Effect.map((rows) => rows.map(orderOf))),

    scheduleCheck: ({ merchantId, orderNo }, at) =>
      db
        .run(
          (sql) => sql`
            update orders set next_check_at = ${at}
            where merchant_id = ${merchantId} and order_no = ${orderNo} and status = 0`
        )
        .pipe(Effect.asVoid)
  }
}

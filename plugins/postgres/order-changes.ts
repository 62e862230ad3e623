import { Effect } from "effect"
import { CHARGE_LEASE_MS, type OrderStore } from "../../core/pipeline/persistence/orders.ts"
import type { Database } from "./driver/database.ts"
import { type OrderRow, orderColumns, orderOf } from "./order-row.ts"

/** As PostgreSQL reads an interval. */
export const CHARGE_LEASE = `${CHARGE_LEASE_MS} milliseconds`

/** What may still change about a PENDING order, and when it is asked about. */
export const makeOrderChanges = (
  db: Database
): Pick<OrderStore, "beginCharge" | "moveToAccount" | "bindPayer" | "leaseChecks" | "scheduleCheck"> => {
  const { json } = db
  return {
    beginCharge: ({ merchantId, orderNo }) =>
      db
        .run(
          // The answer's order is the one of before the wait for another's update: whether that one charges it is not
          // to be seen there, whether it can be paid is. Where it was paid this moment, the next look says so.
          (sql) => sql<Array<{ attempts: number | null; payable: boolean }>>`
            with begun as (
              update orders set attempts = attempts + 1, charging_until = now() + ${CHARGE_LEASE}::text::interval
              where merchant_id = ${merchantId} and order_no = ${orderNo} and status = 0 and expires_at > now()
                and (charging_until is null or charging_until <= now() or ${hasAcceptedLast(sql)})
              returning attempts
            )
            select (select attempts from begun) as attempts,
              o.status = 0 and o.expires_at > now() as payable
            from orders o where o.merchant_id = ${merchantId} and o.order_no = ${orderNo}`
        )
        .pipe(Effect.map(([row]) => row?.attempts ?? (row?.payable === true ? "busy" : "over"))),

    moveToAccount: ({ merchantId, orderNo, attempt }, { provider, accountId, feeRateBp, reference }) =>
      db
        .run(
          (sql) => sql<Array<{ attempts: number }>>`
            with moved as (
              update orders set provider = ${provider}, account_id = ${accountId}, fee_rate_bp = ${feeRateBp},
                reference = ${json(reference)}::json::jsonb, attempts = attempts + 1,
                charging_until = now() + ${CHARGE_LEASE}::text::interval
              where merchant_id = ${merchantId} and order_no = ${orderNo} and status = 0
                and attempts = ${attempt}
              returning merchant_id, order_no, attempts
            ), told as (
              insert into events (merchant_id, order_no, kind, detail)
              select merchant_id, order_no, 'account', ${json({ provider, accountId, feeRateBp })}::json::jsonb
              from moved
            )
            select attempts from moved`
        )
        .pipe(Effect.map(([row]) => row?.attempts ?? null)),

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
                and (charging_until is null or charging_until <= now() or ${hasAcceptedLast(sql)})
              order by next_check_at limit ${limit} for update skip locked
            )
            update orders o set next_check_at = now() + ${leaseMs}::double precision * interval '1 millisecond'
            from due
            where o.merchant_id = due.merchant_id and o.order_no = due.order_no
            returning ${orderColumns(sql)}`
        )
        .pipe(Effect.map((rows) => rows.map(orderOf))),

    scheduleCheck: ({ merchantId, orderNo }, afterMs) =>
      db
        .run(
          (sql) => sql`
            update orders set next_check_at = now() + ${afterMs}::double precision * interval '1 millisecond'
            where merchant_id = ${merchantId} and order_no = ${orderNo} and status = 0`
        )
        .pipe(Effect.asVoid)
  }
}

/**
 * Whether the order's last charge was accepted, and so has ended: `recordAccepted` leaves the order's lease as it is. By
 * the key, as one value: after an `or`, PostgreSQL may answer an `exists` by reading all charges.
 */
const hasAcceptedLast = (sql: Database["sql"]) => sql`coalesce((
  select c.outcome = 'accepted' from charges c
  where c.merchant_id = orders.merchant_id and c.order_no = orders.order_no and c.attempt = orders.attempts
), false)`

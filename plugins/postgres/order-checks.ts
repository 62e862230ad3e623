import { Effect } from "effect"
import type { Orders } from "../../core/pipeline/persistence/orders.ts"
import { hasAcceptedLast } from "./charges.ts"
import type { Database } from "./driver/database.ts"
import { type OrderRow, orderColumns, orderOf } from "./order-row.ts"

/** Orders whose state is to be asked for at their channels, leased by turns of their accounts. */
export const makeLeaseChecks =
  ({ run, json }: Database): Orders["Service"]["leaseChecks"] =>
  ({ limit, perAccount, underWay, leaseMs }) =>
    run(
      // Skips through the index from account to account, so that one whose share is under way costs one step however
      // many of its orders are due. Candidates are read first and locked afterwards, as the outbox's lease does.
      (sql) => sql<OrderRow[]>`
        with recursive accounts as (
          (
            select account_id collate "C" as id from orders where status = 0 and next_check_at is not null
            order by account_id collate "C" limit 1
          )
          union all
          select (
            select o.account_id collate "C" from orders o
            where o.status = 0 and o.next_check_at is not null and o.account_id collate "C" > a.id
            order by o.account_id collate "C" limit 1
          ) from accounts a where a.id is not null
        ), under_way as materialized (
          select ${json(Object.fromEntries(underWay))}::jsonb as counts
        ), shares as (
          select a.id, coalesce((u.counts ->> a.id)::integer, 0) as held from accounts a cross join under_way u
          where a.id is not null and coalesce((u.counts ->> a.id)::integer, 0) < ${perAccount}
        ), ranked as (
          select c.merchant_id, c.order_no, c.next_check_at,
            s.held + row_number() over (partition by s.id order by c.next_check_at) as turn
          from shares s cross join lateral (
            select merchant_id, order_no, next_check_at from orders
            where status = 0 and next_check_at is not null and next_check_at <= now()
              and account_id collate "C" = s.id and ${isUncharged(sql)}
            order by next_check_at limit ${Math.min(limit, perAccount)}
          ) c
        ), candidates as materialized (
          select merchant_id, order_no, turn from ranked where turn <= ${perAccount}
          order by turn, next_check_at limit ${limit}
        ), due as materialized (
          select orders.merchant_id, orders.order_no from candidates c
          join orders on orders.merchant_id = c.merchant_id and orders.order_no = c.order_no
          -- The range and "+ 0" have each candidate read by its key: see the outbox's lease.
          where orders.status + 0 = 0 and next_check_at <= now() and c.turn between 1 and 2147483647
            and ${isUncharged(sql)}
          for update of orders skip locked
        )
        update orders o set next_check_at = now() + ${leaseMs}::double precision * interval '1 millisecond'
        from due
        where o.merchant_id = due.merchant_id and o.order_no = due.order_no
        returning ${orderColumns(sql)}`
    ).pipe(Effect.map((rows) => rows.map(orderOf)))

/** No charge of `orders` is under way: none was begun, it has ended or died, or its channel has taken the order. */
const isUncharged = (sql: Database["sql"]) =>
  sql`(charging_until is null or charging_until <= now() or ${hasAcceptedLast(sql)})`

import { Effect } from "effect"
import type postgres from "postgres"
import {
  type AcceptedCharge,
  CHARGE_LEASE_MS,
  type ChargeRecord,
  type Charges
} from "../../core/pipeline/persistence/charges.ts"
import { makeBatch } from "./driver/batch.ts"
import type { Database } from "./driver/database.ts"

/** CHARGE_LEASE_MS as a PostgreSQL interval. */
export const CHARGE_LEASE_INTERVAL = `${CHARGE_LEASE_MS} milliseconds`

/** Charges: who may try an order at a channel, and what channels answered. */
export const makeCharges = (db: Database): Charges["Service"] => {
  const { json } = db
  return {
    permits: ({ merchantId, orderNo }) =>
      db
        .run(
          (sql) => sql<Array<{ permitted: boolean }>>`
            select ${isPermitted(sql, sql`orders.account_id`)} as permitted
            from orders where merchant_id = ${merchantId} and order_no = ${orderNo}`
        )
        .pipe(Effect.map(([row]) => row?.permitted === true)),

    begin: ({ merchantId, orderNo, payer = null }) =>
      db
        .run(
          // The last select reads the snapshot taken before any wait for a concurrent update. It cannot show whether
          // another process has begun a charge, only whether the order was payable. An order that was paid during the
          // wait is reported as `busy`; the caller's next look reports `over`.
          (sql) => sql<Array<{ attempts: number | null; payable: boolean; permitted: boolean }>>`
            with begun as (
              update orders set attempts = attempts + 1, openid = coalesce(openid, ${payer}::text),
                charging_until = now() + ${CHARGE_LEASE_INTERVAL}::text::interval
              where merchant_id = ${merchantId} and order_no = ${orderNo} and status = 0 and expires_at > now()
                and (charging_until is null or charging_until <= now() or ${hasAcceptedLast(sql)})
                and (${payer}::text is null or openid is null or openid = ${payer}::text)
                and ${isPermitted(sql, sql`orders.account_id`)}
              returning merchant_id, order_no, attempts
            ), told as (
              insert into events (merchant_id, order_no, kind, detail)
              select o.merchant_id, o.order_no, 'payer', '{}'
              from begun join orders o on o.merchant_id = begun.merchant_id and o.order_no = begun.order_no
              where ${payer}::text is not null and o.openid is null
            )
            select (select attempts from begun) as attempts, status = 0 and expires_at > now() as payable,
              ${isPermitted(sql, sql`orders.account_id`)} as permitted
            from orders where merchant_id = ${merchantId} and order_no = ${orderNo}`
        )
        .pipe(
          Effect.map(([row]) => {
            if (row === undefined || (row.attempts === null && !row.payable)) return "over"
            return row.attempts ?? (row.permitted ? "busy" : "stopped")
          })
        ),

    refusePayer: (charge) =>
      db
        .run((sql) => {
          const { merchantId, orderNo, attempt } = charge
          return sql<Array<{ released: boolean }>>`
            with kept as (
              insert into charges (merchant_id, order_no, attempt, provider, account_id, at, duration_ms, outcome, detail)
              select merchant_id, order_no, attempt, provider, account_id, to_timestamp(at_ms / 1000), duration_ms,
                'rejected', coalesce(detail, 'null')
              from json_to_record(${json(rowOf(charge))}) as r(
                merchant_id bigint, order_no text, attempt integer, provider text, account_id text, at_ms float8,
                duration_ms bigint, detail jsonb
              )
              on conflict do nothing
            ), ended as (
              update orders set charging_until = null,
                openid = case when ${areRefused(sql, charge)} then nullif(openid, ${charge.payer}) else openid end
              where merchant_id = ${merchantId} and order_no = ${orderNo} and status = 0 and attempts = ${attempt}
              returning merchant_id, order_no, openid is null as released
            ), told as (
              insert into events (merchant_id, order_no, kind, detail)
              select merchant_id, order_no, 'payer.released', '{}' from ended where released
            )
            select released from ended`
        })
        .pipe(Effect.map(([row]) => row?.released === true)),

    onlyRefusedBefore: (charge) =>
      db
        .run((sql) => sql<Array<{ refused: boolean }>>`select ${areRefused(sql, charge)} as refused`)
        .pipe(Effect.map(([row]) => row?.refused === true)),

    recordLogin: ({ merchantId, orderNo, outcome, detail }) =>
      db
        .run(
          (sql) => sql`
            insert into events (merchant_id, order_no, kind, detail)
            values (${merchantId}, ${orderNo}, ${`login.${outcome}`}, ${json(detail)}::json::jsonb)`
        )
        .pipe(Effect.asVoid),

    moveToAccount: ({ merchantId, orderNo, attempt }, { provider, accountId, feeRateBp, reference }) =>
      db
        .run(
          (sql) => sql<Array<{ attempts: number | null; permitted: boolean }>>`
            with moved as (
              update orders set provider = ${provider}, account_id = ${accountId}, fee_rate_bp = ${feeRateBp},
                reference = ${json(reference)}::json::jsonb, attempts = attempts + 1,
                charging_until = now() + ${CHARGE_LEASE_INTERVAL}::text::interval
              where merchant_id = ${merchantId} and order_no = ${orderNo} and status = 0
                and attempts = ${attempt} and ${isPermitted(sql, sql`${accountId}::text`)}
              returning merchant_id, order_no, attempts
            ), told as (
              insert into events (merchant_id, order_no, kind, detail)
              select merchant_id, order_no, 'account', ${json({ provider, accountId, feeRateBp })}::json::jsonb
              from moved
            )
            select (select attempts from moved) as attempts, ${isPermitted(sql, sql`${accountId}::text`)} as permitted
            from orders where merchant_id = ${merchantId} and order_no = ${orderNo}`
        )
        .pipe(Effect.map(([row]) => row?.attempts ?? (row?.permitted === false ? "stopped" : null))),

    record: makeBatch((charges: ReadonlyArray<ChargeRecord>) => recordAll(db, charges)),
    recordAccepted: makeBatch((charges: ReadonlyArray<AcceptedCharge>) => recordAllAccepted(db, charges))
  }
}

/**
 * Whether the last charge of `orders` was accepted. Such a charge has ended even while `charging_until` lies ahead,
 * because `recordAccepted` does not write the order. A scalar subquery by the primary key: after an `or`, PostgreSQL
 * may answer an `exists` by reading all charges.
 */
export const hasAcceptedLast = (sql: Database["sql"]) => sql`coalesce((
  select c.outcome = 'accepted' from charges c
  where c.merchant_id = orders.merchant_id and c.order_no = orders.order_no and c.attempt = orders.attempts
), false)`

/**
 * Whether neither the merchant of `orders` nor an account is stopped. Both are read as they are now: what a cache knew
 * when the order was made does not count.
 */
const isPermitted = (sql: Database["sql"], accountId: postgres.PendingQuery<postgres.Row[]>) => sql`not exists (
  select from channel_accounts a where a.id = ${accountId} and (a.removed or not a.enabled)
) and not exists (select from merchants m where m.id = orders.merchant_id and not m.active)`

/** Whether all attempts before this one are on record as refused. */
const areRefused = (
  sql: Database["sql"],
  { merchantId, orderNo, attempt }: { readonly merchantId: number; readonly orderNo: string; readonly attempt: number }
) => sql`(
  select count(*) from charges c
  where c.merchant_id = ${merchantId} and c.order_no = ${orderNo} and c.attempt < ${attempt} and c.outcome = 'rejected'
) = ${attempt}::integer - 1`

const recordAll = async (db: Database, charges: ReadonlyArray<ChargeRecord>): Promise<ReadonlyArray<boolean>> => {
  const { json } = db
  const rows = charges
    .map((charge) => ({
      ...rowOf(charge),
      outcome: charge.outcome,
      presentation: charge.presentation,
      final: charge.final
    }))
    .sort(byOrderNo)
  const kept = await db.attempt(
    (sql) => sql<Array<{ merchant_id: number; order_no: string }>>`
      with r as materialized (
        select * from json_to_recordset(${json(rows)}) as r(
          merchant_id bigint, order_no text, attempt integer, provider text, account_id text, at_ms float8,
          duration_ms bigint, detail jsonb, outcome text, presentation jsonb, final boolean
        )
        -- Always true; lowers the planner's row estimate, so that orders are read by key: see outbox.ts.
        where attempt between 1 and 2147483647
      ), kept as (
        insert into charges (merchant_id, order_no, attempt, provider, account_id, at, duration_ms, outcome, detail)
        select merchant_id, order_no, attempt, provider, account_id, to_timestamp(at_ms / 1000), duration_ms, outcome,
          coalesce(detail, 'null')
        from r
        on conflict do nothing
      )
      -- One row per order, even if two of its charges are in this batch. A charge that reports after its lease expired
      -- does not end the lease of a charge that has begun since.
      update orders o set presentation = coalesce(last.presentation, o.presentation),
        charging_until = case when last.ended >= o.attempts then null else o.charging_until end
      from (
        select merchant_id, order_no, max(attempt) filter (where final) as ended,
          (array_agg(presentation order by attempt desc) filter (where presentation is not null))[1] as presentation
        from r group by merchant_id, order_no
      ) last
      where o.merchant_id = last.merchant_id and o.order_no = last.order_no and o.status = 0
      returning o.merchant_id, o.order_no`
  )
  const pending = new Set(kept.map((row) => `${row.merchant_id} ${row.order_no}`))
  return charges.map((charge) => pending.has(`${charge.merchantId} ${charge.orderNo}`))
}

const recordAllAccepted = async (
  db: Database,
  charges: ReadonlyArray<AcceptedCharge>
): Promise<ReadonlyArray<void>> => {
  const { json } = db
  await db.attempt(
    (sql) => sql`
      insert into charges (merchant_id, order_no, attempt, provider, account_id, at, duration_ms, outcome, detail)
      select merchant_id, order_no, attempt, provider, account_id, to_timestamp(at_ms / 1000), duration_ms, 'accepted',
        coalesce(detail, 'null')
      from json_to_recordset(${json(charges.map(rowOf).sort(byOrderNo))}) as r(
        merchant_id bigint, order_no text, attempt integer, provider text, account_id text, at_ms float8,
        duration_ms bigint, detail jsonb
      )
      on conflict do nothing`
  )
  return charges.map(() => undefined)
}

/** A charge as both inserts read it. Instants are milliseconds, for the reason given in orders.ts. */
const rowOf = (charge: AcceptedCharge) => ({
  merchant_id: charge.merchantId,
  order_no: charge.orderNo,
  attempt: charge.attempt,
  provider: charge.provider,
  account_id: charge.accountId,
  at_ms: charge.at.getTime(),
  duration_ms: Math.round(charge.durationMs),
  detail: charge.detail
})

/** The order in which rows are written: processes that wrote the same rows in different orders would deadlock. */
const byOrderNo = (a: { readonly order_no: string }, b: { readonly order_no: string }): number =>
  a.order_no < b.order_no ? -1 : 1

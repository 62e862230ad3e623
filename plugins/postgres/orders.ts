import { Effect } from "effect"
import type postgres from "postgres"
import { DuplicateOrder } from "../../core/domain/errors.ts"
import { ORDER_STATUS } from "../../core/domain/order.ts"
import type { NewOrder, OrderKey, Orders } from "../../core/pipeline/persistence/orders.ts"
import { CHARGE_LEASE_INTERVAL } from "./charges.ts"
import { makeBatch } from "./driver/batch.ts"
import type { Database } from "./driver/database.ts"
import { makeLeaseChecks } from "./order-checks.ts"
import { type OrderRow, orderColumns, orderOf, type SummaryRow, summaryColumns, summaryOf } from "./order-row.ts"

/** Orders. Statements that merchants or providers wait for are batched. */
export const makeOrders = (db: Database): Orders["Service"] => {
  const { sql } = db

  const create = makeBatch((orders: ReadonlyArray<NewOrder>) => createAll(db, orders))
  const known = makeBatch((keys: ReadonlyArray<MerchantOrderKey>) => knownAll(db, keys))

  const summary = makeLookUp(
    db,
    ({ merchantId, orderNo }: OrderKey) => ({ merchant_id: merchantId, order_no: orderNo }),
    (sql, asked) => sql<Array<Numbered<SummaryRow>>>`
      select r.i, ${summaryColumns(sql)}
      from json_to_recordset(${asked}) as r(i integer, merchant_id bigint, order_no text)
      join orders o on o.merchant_id = r.merchant_id and o.order_no = r.order_no`,
    summaryOf
  )

  const summaryByMerchantOrderNo = makeLookUp(
    db,
    merchantOrderKeyOf,
    (sql, asked) => sql<Array<Numbered<SummaryRow>>>`
      select r.i, ${summaryColumns(sql)}
      from json_to_recordset(${asked}) as r(i integer, merchant_id bigint, merchant_order_no text)
      join orders o on o.merchant_id = r.merchant_id and o.merchant_order_no = r.merchant_order_no`,
    summaryOf
  )

  const findByOrderNo = makeLookUp(
    db,
    (orderNo: string) => ({ order_no: orderNo }),
    (sql, asked) => sql<Array<Numbered<OrderRow>>>`
      select r.i, ${orderColumns(sql)}
      from json_to_recordset(${asked}) as r(i integer, order_no text)
      cross join lateral (select * from orders o where o.order_no = r.order_no limit 1) o`,
    orderOf
  )

  const firstOf = (statement: (sql: Database["sql"]) => PromiseLike<ReadonlyArray<OrderRow>>) =>
    db.run(statement).pipe(Effect.map(([row]) => (row === undefined ? null : orderOf(row))))

  return {
    known: (merchantId, merchantOrderNo) => known({ merchantId, merchantOrderNo }),
    create: (order) =>
      create(order).pipe(
        Effect.flatMap((answer) =>
          answer === "duplicate" ? Effect.fail(new DuplicateOrder()) : Effect.succeed(answer)
        )
      ),
    summary,
    summaryByMerchantOrderNo: (merchantId, merchantOrderNo) =>
      summaryByMerchantOrderNo({ merchantId, merchantOrderNo }),
    find: ({ merchantId, orderNo }) =>
      firstOf(
        (sql) => sql<OrderRow[]>`
          select ${orderColumns(sql)} from orders o where o.merchant_id = ${merchantId} and o.order_no = ${orderNo}`
      ),
    findByOrderNo,
    findByTokenHash: (tokenHash) =>
      firstOf(
        (sql) => sql<OrderRow[]>`
          select ${orderColumns(sql)} from orders o where o.token_hash is not null and o.token_hash = ${tokenHash}
          limit 1`
      ),
    list: (filter) => {
      const conditions = sql`
        ${filter.status === undefined ? sql`` : sql`and o.status = ${ORDER_STATUS[filter.status]}`}
        ${filter.since === undefined ? sql`` : sql`and o.created_at >= ${filter.since}`}
        ${filter.flagged === undefined ? sql`` : filter.flagged ? sql`and o.flags <> '{}'` : sql`and o.flags = '{}'`}`
      const merchant = filter.merchantId === undefined ? sql`` : sql`where m.id = ${filter.merchantId}`
      // Takes each merchant's newest orders from that merchant's index, so that no index across merchants is needed.
      return db
        .run(
          (sql) => sql<OrderRow[]>`
            select ${orderColumns(sql)} from merchants m cross join lateral (
              select * from orders o where o.merchant_id = m.id ${conditions}
              order by o.created_at desc limit ${filter.limit}
            ) o ${merchant}
            order by o.created_at desc, o.order_no desc limit ${filter.limit}`
        )
        .pipe(Effect.map((rows) => rows.map(orderOf)))
    },

    end: ({ merchantId, orderNo, accountId }, status, reason) =>
      db
        .run(
          (sql) => sql`
            with ended as (
              -- PENDING → FAILED | CLOSED
              update orders set status = ${ORDER_STATUS[status]}, next_check_at = null
              where merchant_id = ${merchantId} and order_no = ${orderNo} and status = 0 and account_id = ${accountId}
              returning merchant_id, order_no
            )
            insert into events (merchant_id, order_no, kind, detail)
            select merchant_id, order_no, ${status.toLowerCase()}, ${db.json({ reason })}::json::jsonb from ended
            returning 1`
        )
        .pipe(Effect.map((rows) => rows.length > 0)),

    leaseChecks: makeLeaseChecks(db),

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

interface MerchantOrderKey {
  readonly merchantId: number
  readonly merchantOrderNo: string
}

const merchantOrderKeyOf = ({ merchantId, merchantOrderNo }: MerchantOrderKey) => ({
  merchant_id: merchantId,
  merchant_order_no: merchantOrderNo
})

/** A row with the index of the key that it answers. */
type Numbered<Row> = Row & { readonly i: number }

/**
 * Many look-ups, one statement: each key is a JSON row with its index `i`, each row found carries that index back.
 * @param keyOf the key as the statement's `json_to_recordset` reads it
 */
const makeLookUp = <Key, Row, Answer>(
  db: Database,
  keyOf: (key: Key) => object,
  statement: (sql: postgres.Sql, asked: postgres.Parameter) => PromiseLike<ReadonlyArray<Numbered<Row>>>,
  answerOf: (row: Row) => Answer
) =>
  makeBatch(async (keys: ReadonlyArray<Key>): Promise<ReadonlyArray<Answer | null>> => {
    const asked = db.json(keys.map((key, i) => ({ i, ...keyOf(key) })))
    const found = new Array<Answer | null>(keys.length).fill(null)
    for (const row of await db.attempt((sql) => statement(sql, asked))) found[row.i] = answerOf(row)
    return found
  })

type Created = "created" | "order-no-taken" | "duplicate"

const createAll = async (db: Database, orders: ReadonlyArray<NewOrder>): Promise<ReadonlyArray<Created>> => {
  const { json } = db
  // A fixed order of rows: processes that inserted the same numbers in different orders would deadlock.
  const rows = orders.map(rowOf).sort((a, b) => (a.merchant_order_no < b.merchant_order_no ? -1 : 1))
  const inserted = await db.attempt(
    (sql) => sql<Array<Pick<OrderRow, "merchant_id" | "order_no" | "merchant_order_no">>>`
      insert into orders (
        merchant_id, order_no, merchant_order_no, channel_code, flow, provider, account_id, amount_fen, fee_rate_bp,
        notify_url, body, extra, note, client_ip, reference, token_hash, jsapi_app_id, mini_program, openid, pay_until,
        attempts, created_at, expires_at, next_check_at, charging_until
      )
      select
        merchant_id, order_no, merchant_order_no, channel_code, flow, provider, account_id, amount_fen, fee_rate_bp,
        notify_url, body, extra, note, client_ip, reference, token_hash, jsapi_app_id, mini_program, openid,
        to_timestamp(pay_until_ms / 1000), attempts, to_timestamp(created_ms / 1000), to_timestamp(expires_ms / 1000),
        to_timestamp(next_check_ms / 1000),
        case when attempts > 0 then now() + ${CHARGE_LEASE_INTERVAL}::text::interval end
      from json_to_recordset(${json(rows)}) as r(
        merchant_id bigint, order_no text, merchant_order_no text, channel_code text, flow text, provider text,
        account_id text, amount_fen bigint, fee_rate_bp integer, notify_url text, body text, extra text, note text,
        client_ip text, reference jsonb, token_hash text, jsapi_app_id text, mini_program boolean, openid text,
        pay_until_ms float8, attempts integer, created_ms float8, expires_ms float8, next_check_ms float8
      )
      on conflict do nothing
      returning merchant_id, order_no, merchant_order_no`
  )
  // Each stored row counts as success for one call only, even if two calls are identical.
  const stored = new Set(inserted.map((row) => keyText(row.merchant_id, row.order_no, row.merchant_order_no)))
  const answers = orders.map((order): Created | undefined =>
    stored.delete(keyText(order.merchantId, order.orderNo, order.merchantOrderNo)) ? "created" : undefined
  )
  if (!answers.includes(undefined)) return answers as ReadonlyArray<Created>
  const left = orders.filter((_, index) => answers[index] === undefined)
  const duplicates = await knownAll(db, left)
  let next = 0
  return answers.map((answer) => answer ?? (duplicates[next++] === true ? "duplicate" : "order-no-taken"))
}

const keyText = (merchantId: number, orderNo: string, merchantOrderNo: string): string =>
  `${merchantId} ${orderNo} ${merchantOrderNo}`

/**
 * The order as the insert reads it. Instants are milliseconds: a single Date makes writing the whole JSON four times as
 * slow, and reading its text costs PostgreSQL more than storing the row.
 */
const rowOf = (order: NewOrder) => ({
  merchant_id: order.merchantId,
  order_no: order.orderNo,
  merchant_order_no: order.merchantOrderNo,
  channel_code: order.channelCode,
  flow: order.flow,
  provider: order.provider,
  account_id: order.accountId,
  amount_fen: order.amountFen,
  fee_rate_bp: order.feeRateBp,
  notify_url: order.notifyUrl,
  body: order.body,
  extra: order.extra,
  note: order.note,
  client_ip: order.clientIp,
  reference: order.reference,
  // undefined is omitted from the JSON and read as null.
  token_hash: order.jsapi?.tokenHash,
  jsapi_app_id: order.jsapi?.appId,
  mini_program: order.jsapi?.miniProgram,
  openid: order.jsapi?.openid,
  pay_until_ms: order.jsapi?.payUntil.getTime(),
  attempts: order.charging ? 1 : 0,
  created_ms: order.createdAt.getTime(),
  expires_ms: order.expiresAt.getTime(),
  next_check_ms: order.nextCheckAt.getTime()
})

const knownAll = async (db: Database, keys: ReadonlyArray<MerchantOrderKey>): Promise<ReadonlyArray<boolean>> => {
  const { json } = db
  const asked = keys.map((key, i) => ({ i, ...merchantOrderKeyOf(key) }))
  const rows = await db.attempt(
    (sql) => sql<Array<{ i: number }>>`
      select r.i from json_to_recordset(${json(asked)}) as r(i integer, merchant_id bigint, merchant_order_no text)
      join orders o on o.merchant_id = r.merchant_id and o.merchant_order_no = r.merchant_order_no`
  )
  const found = new Set(rows.map((row) => row.i))
  return keys.map((_, i) => found.has(i))
}

import { Effect } from "effect"
import type { LeasedWebhook, Outbox, WebhookAttempt, WebhookRow } from "../../core/pipeline/persistence/outbox.ts"
import { makeBatch } from "./driver/batch.ts"
import type { Database } from "./driver/database.ts"
import type { Signals } from "./store-signals.ts"

/**
 * Hosts of one merchant that a lease looks at, in their alphabetical order: a merchant that names another host in every
 * order costs no more than this. Those after them have their turn when these are delivered or dead.
 */
const HOSTS_PER_MERCHANT_MAX = 512

const STATES = ["due", "delivered", "dead"] as const

interface OutboxRow {
  readonly merchant_id: number
  readonly event_id: string
  readonly order_no: string
  readonly url: string
  readonly body: string
  readonly attempts: number
  readonly round: number
  readonly state: number
  readonly due_at: Date
  readonly created_at: Date
}

interface AttemptRow {
  readonly attempt: number
  readonly at: string
  readonly duration_ms: number
  readonly status: number | null
  readonly detail: string
}

/** The outbox: webhooks, the leases of their senders, and their attempts. */
export const makeOutbox = (db: Database, signals: Signals): Outbox["Service"] => {
  const { json } = db
  const record = makeBatch((attempts: ReadonlyArray<WebhookAttempt>) => recordAll(db, attempts))
  return {
    lease: ({ limit, perHost, busyHosts, perMerchant, underWay, leaseMs }) =>
      db
        .run(
          // Skips through the index from merchant to merchant, and from host to host of each that may have more under
          // way, so that each costs one step however many of its rows are due. Candidates are read first and locked
          // afterwards: rows locked by other senders are skipped, and only rows that are taken are written.
          (sql) => sql<OutboxRow[]>`
            with recursive merchants as (
              (select merchant_id as id from outbox where state = 0 order by merchant_id limit 1)
              union all
              select (
                select o.merchant_id from outbox o where o.state = 0 and o.merchant_id > m.id
                order by o.merchant_id limit 1
              ) from merchants m where m.id is not null
            ), under_way as materialized (
              select ${json(Object.fromEntries(underWay))}::jsonb as counts
            ), shares as (
              select m.id, coalesce((u.counts ->> m.id::text)::integer, 0) as held
              from merchants m cross join under_way u
              where m.id is not null and coalesce((u.counts ->> m.id::text)::integer, 0) < ${perMerchant}
            ), hosts as (
              select s.id, s.held, 1 as number, (
                select o.host from outbox o where o.state = 0 and o.merchant_id = s.id order by o.host limit 1
              ) as host from shares s
              union all
              select h.id, h.held, h.number + 1, (
                select o.host from outbox o where o.state = 0 and o.merchant_id = h.id and o.host > h.host
                order by o.host limit 1
              ) from hosts h where h.host is not null and h.number < ${HOSTS_PER_MERCHANT_MAX}
            ), receivers as materialized (
              select h.id, h.held, h.host from hosts h cross join lateral (
                select from outbox o
                where o.state = 0 and o.merchant_id = h.id and o.host = h.host and o.take_at <= now()
                order by o.take_at limit 1
              ) due
              where h.host not in (select json_array_elements_text(${json(busyHosts)}))
            ), due as (
              select r.id, r.held, r.host, c.event_id, c.take_at,
                row_number() over (partition by r.id, r.host order by c.take_at) as of_receiver
              from receivers r cross join lateral (
                select o.event_id, o.take_at from outbox o
                where o.state = 0 and o.merchant_id = r.id and o.host = r.host and o.take_at <= now()
                -- The more receivers have something due, the fewer of each can be taken.
                order by o.take_at limit least(
                  ${Math.min(perHost, perMerchant)},
                  (select greatest(${limit * 2} / nullif(count(*), 0), 1) from receivers)
                )
              ) c
            ), turns as (
              select *, held + row_number() over (partition by id order by of_receiver, take_at) as turn from due
            ), places as (
              select *, row_number() over (partition by host order by turn, take_at) as of_host
              from turns where turn <= ${perMerchant}
            ), candidates as materialized (
              select id, event_id, turn from places where of_host <= ${perHost} order by turn, take_at limit ${limit}
            ), taken as materialized (
              select o.merchant_id, o.event_id from candidates c
              join outbox o on o.merchant_id = c.id and o.event_id = c.event_id
              -- "+ 0" rules the partial index out: a plan made while the outbox was empty would read all of it for each
              -- candidate (a lease took 70 ms instead of 4 with 20,000 rows due).
              -- A turn is always in this range. The planner expects one row in 200 to be, and so reads each candidate by
              -- its key instead of the whole outbox for all of them.
              where o.state + 0 = 0 and o.take_at <= now() and c.turn between 1 and 2147483647
              for update of o skip locked
            )
            update outbox o set round = greatest(o.round, 0),
              take_at = now() + ${leaseMs}::double precision * interval '1 millisecond'
            from taken
            where o.merchant_id = taken.merchant_id and o.event_id = taken.event_id
            returning o.merchant_id, o.event_id, o.order_no, o.url, o.body, o.attempts, o.round, o.state, o.due_at,
              o.created_at`
        )
        .pipe(
          Effect.map((rows) =>
            [...rows].sort((a, b) => a.due_at.getTime() - b.due_at.getTime()).map((row) => leasedOf(row))
          )
        ),

    record,

    resend: ({ merchantId, orderNo }) =>
      db
        .run((sql) => {
          // A webhook that is being pushed keeps its lease, so that nobody pushes it at the same time. Its round
          // becomes -1, which no sender holds, so that the push under way does not count as the new round's first.
          const pushing = sql`state = 0 and take_at > due_at and take_at > now()`
          return sql`
            with due as (
              update outbox set state = 0, due_at = now(),
                round = case when ${pushing} then -1 else 0 end,
                take_at = case when ${pushing} then take_at else now() end
              where merchant_id = ${merchantId} and order_no = ${orderNo}
              returning merchant_id, order_no
            )
            insert into events (merchant_id, order_no, kind, detail)
            select merchant_id, order_no, 'webhook.resent', '{}' from due
            returning 1`
        })
        .pipe(
          Effect.map((rows) => {
            if (rows.length > 0) signals.webhookDue()
            return rows.length > 0
          })
        ),

    list: ({ state, orderNo, limit }) =>
      db
        .run(
          (sql) => sql<Array<OutboxRow & { history: ReadonlyArray<AttemptRow> }>>`
            select o.merchant_id, o.event_id, o.order_no, o.url, o.body, o.attempts, o.round, o.state, o.due_at,
              o.created_at, coalesce((
                select json_agg(json_build_object(
                  'attempt', a.attempt, 'at', a.at, 'duration_ms', a.duration_ms, 'status', a.status, 'detail', a.detail
                ) order by a.attempt)
                from attempts a where a.merchant_id = o.merchant_id and a.event_id = o.event_id
              ), '[]') as history
            from outbox o
            where true
              ${state === undefined ? sql`` : sql`and o.state = ${STATES.indexOf(state)}`}
              ${
                orderNo === undefined
                  ? sql``
                  : sql`and (o.merchant_id, o.order_no) in (
                      select merchant_id, order_no from orders where order_no = ${orderNo}
                    )`
              }
            order by o.created_at desc limit ${limit}`
        )
        .pipe(Effect.map((rows) => rows.map(webhookOf)))
  }
}

const leasedOf = (row: OutboxRow): LeasedWebhook => ({
  merchantId: row.merchant_id,
  eventId: row.event_id,
  orderNo: row.order_no,
  url: row.url,
  body: row.body,
  attempts: row.attempts,
  round: Math.max(row.round, 0),
  createdAt: row.created_at
})

const webhookOf = (row: OutboxRow & { readonly history: ReadonlyArray<AttemptRow> }): WebhookRow => ({
  ...leasedOf(row),
  state: STATES[row.state] ?? "due",
  dueAt: row.due_at,
  history: row.history.map((attempt) => ({
    attempt: attempt.attempt,
    at: new Date(attempt.at),
    durationMs: attempt.duration_ms,
    status: attempt.status,
    detail: attempt.detail
  }))
})

/**
 * Records attempts and moves their webhooks on. A sender may report after its lease expired: `delivered` always counts,
 * every other outcome only while no later attempt is recorded. A repeated report changes nothing.
 */
const recordAll = async (db: Database, attempts: ReadonlyArray<WebhookAttempt>): Promise<ReadonlyArray<void>> => {
  const { json } = db
  const rows = attempts
    .map((attempt) => ({
      merchant_id: attempt.merchantId,
      event_id: attempt.eventId,
      order_no: attempt.orderNo,
      attempt: attempt.attempt,
      at_ms: attempt.at.getTime(),
      duration_ms: Math.round(attempt.durationMs),
      status: attempt.status,
      detail: attempt.detail,
      round: attempt.round,
      state: attempt.next.kind === "again" ? 0 : STATES.indexOf(attempt.next.kind),
      after_ms: attempt.next.kind === "again" ? attempt.next.afterMs : null
    }))
    .sort((a, b) => (a.event_id < b.event_id ? -1 : 1))
  await db.attempt(
    (sql) => sql`
      with r as materialized (
        select * from json_to_recordset(${json(rows)}) as r(
          merchant_id bigint, event_id text, order_no text, attempt integer, at_ms float8, duration_ms bigint,
          status integer, detail text, round integer, state smallint, after_ms double precision
        )
        -- Always true. The planner expects a range to keep one row in 200 and so reads the outbox by key for each
        -- report; without it, while statistics show few webhooks, it would read all of them and compare.
        where attempt between 1 and 2147483647
      ), kept as (
        insert into attempts (merchant_id, event_id, attempt, order_no, at, duration_ms, status, detail)
        select merchant_id, event_id, attempt, order_no, to_timestamp(at_ms / 1000), duration_ms, status, detail from r
        on conflict do nothing
      )
      update outbox o set
        attempts = greatest(o.attempts, r.attempt),
        -- If it was resent during this push, the new round begins now, unless this push delivered it.
        state = case when r.state = 1 or o.round = r.round then r.state else o.state end,
        round = case when o.round = r.round then o.round + 1 else o.round end,
        due_at = case
          when o.round = r.round then coalesce(now() + r.after_ms * interval '1 millisecond', o.due_at)
          else o.due_at
        end,
        take_at = case
          when o.round = r.round then coalesce(now() + r.after_ms * interval '1 millisecond', o.due_at)
          else now()
        end
      from r
      where o.merchant_id = r.merchant_id and o.event_id = r.event_id
        and ((r.state = 1 and o.state <> 1) or (o.state = 0 and o.attempts < r.attempt))`
  )
  return attempts.map(() => undefined)
}

import { Effect } from "effect"
import type { Backlog, StoreStatus } from "../../core/observe/store-status.ts"
import { takesNoWrites } from "./driver/connection.ts"
import type { Database } from "./driver/database.ts"

interface BacklogRow {
  readonly at: Date
  readonly pending: number
  readonly oldest_uncertain_at: Date | null
  readonly due_webhooks: number
  readonly oldest_due_webhook_at: Date | null
  readonly dead_webhooks: number
  readonly flagged: number
  readonly abandoned: number
  readonly stray: number
}

/** Whether the store answers, and what waits in it. */
export const makeStoreStatus = (db: Database): StoreStatus["Service"] => ({
  // Ready means that an order could be stored: a server that has become read-only still answers.
  ping: () =>
    db
      .run(async (sql) => {
        const [state] = await sql<
          Array<{ on: boolean }>
        >`select current_setting('transaction_read_only')::boolean as on`
        if (state?.on !== false) throw takesNoWrites()
      })
      .pipe(Effect.asVoid),

  // Waiting rows are read from partial indexes that hold nothing else.
  backlog: () =>
    db
      .run(
        (sql) => sql<BacklogRow[]>`
          select now() as at,
            (select count(*) from orders where status = 0 and next_check_at is not null) as pending,
            -- Reads each charge's order by its key. "limit 1" keeps the conditions out of the subquery: with them, a
            -- plan made while nothing was pending would read all pending orders for each charge.
            (
              select min(o.created_at) from charges c cross join lateral (
                select created_at, status, next_check_at, presentation from orders
                where merchant_id = c.merchant_id and order_no = c.order_no limit 1
              ) o
              where c.outcome = 'uncertain' and o.status = 0 and o.next_check_at is not null and o.presentation is null
            ) as oldest_uncertain_at,
            (select count(*) from outbox where state = 0) as due_webhooks,
            -- A resent webhook is as old as its last resend.
            (
              select min(case when o.attempts = o.round then o.created_at else coalesce((
                select max(e.at) from events e
                where e.merchant_id = o.merchant_id and e.order_no = o.order_no and e.kind = 'webhook.resent'
              ), o.created_at) end) from outbox o where o.state = 0
            ) as oldest_due_webhook_at,
            (select count(*) from outbox where state = 2) as dead_webhooks,
            (select count(*) from orders where flags <> '{}') as flagged,
            (select count(*) from orders where status = 0 and next_check_at is null) as abandoned,
            (select count(*) from stray_notices) as stray`
      )
      .pipe(Effect.map(([row]) => backlogOf(row as BacklogRow)))
})

const backlogOf = (row: BacklogRow): Backlog => ({
  at: row.at,
  pendingOrders: row.pending,
  oldestUncertainAt: row.oldest_uncertain_at,
  dueWebhooks: row.due_webhooks,
  oldestDueWebhookAt: row.oldest_due_webhook_at,
  deadWebhooks: row.dead_webhooks,
  flaggedOrders: row.flagged,
  abandonedOrders: row.abandoned,
  strayNotices: row.stray
})

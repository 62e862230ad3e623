import { Effect } from "effect"
import type { EventKind } from "../../core/domain/event.ts"
import type { Json } from "../../core/domain/order.ts"
import type { Timeline } from "../../core/pipeline/persistence/timeline.ts"
import type { Database } from "./driver/database.ts"

interface Line {
  readonly at: Date
  readonly kind: EventKind
  readonly detail: Json
  readonly body: string | null
}

/** Characters of a notice's body that a timeline shows; the table keeps all of it. */
const NOTICE_CHARACTERS_MAX = 2_000

/** An order's timeline, merged from all tables that tell of it, oldest first (kinds: core/domain/event.ts). */
export const makeTimeline = (db: Database): Timeline["Service"] => ({
  of: ({ merchantId, orderNo }) =>
    db
      .run(
        // Entries of the same instant are ordered by cause (`rank`), then by the row's own number.
        (sql) => sql<Line[]>`
          select at, kind, detail, body from (
            select created_at as at, 0 as rank, 0::bigint as id, 'created' as kind, jsonb_build_object(
              'merchantOrderNo', merchant_order_no, 'amountFen', amount_fen, 'channelCode', channel_code,
              'expiresAt', expires_at
            ) as detail, null as body
            from orders where merchant_id = ${merchantId} and order_no = ${orderNo}
            union all
            select at, 1, attempt, 'charge.' || outcome, jsonb_build_object(
              'attempt', attempt, 'provider', provider, 'accountId', account_id, 'durationMs', duration_ms,
              'detail', detail
            ), null
            from charges where merchant_id = ${merchantId} and order_no = ${orderNo}
            union all
            select received_at, 2, id, 'notice', jsonb_build_object('accountId', account_id),
              encode(body, 'base64')
            from notices where merchant_id = ${merchantId} and order_no = ${orderNo}
            union all
            select at, 3, id, kind, detail, null
            from events where merchant_id = ${merchantId} and order_no = ${orderNo}
            union all
            select a.at, 4, a.attempt, 'webhook.attempt', jsonb_build_object(
              'attempt', a.attempt, 'status', a.status, 'durationMs', a.duration_ms, 'detail', a.detail
            ), null
            from outbox o join attempts a on a.merchant_id = o.merchant_id and a.event_id = o.event_id
            where o.merchant_id = ${merchantId} and o.order_no = ${orderNo}
          ) story
          order by at, rank, id`
      )
      .pipe(
        Effect.map((lines) =>
          lines.map(({ at, kind, detail, body }) =>
            body === null ? { at, kind, detail } : { at, kind, detail: { ...asObject(detail), body: textOf(body) } }
          )
        )
      )
})

const asObject = (detail: Json): { readonly [key: string]: Json } =>
  typeof detail === "object" && detail !== null && !Array.isArray(detail)
    ? (detail as { readonly [key: string]: Json })
    : {}

const textOf = (base64: string): string =>
  Buffer.from(base64, "base64").toString("utf8").slice(0, NOTICE_CHARACTERS_MAX)

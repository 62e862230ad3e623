import { Effect } from "effect"
import type { WebhookKind, WrittenEventKind } from "../../core/domain/event.ts"
import { entriesOfPayment } from "../../core/domain/ledger.ts"
import { receiverOf } from "../../core/domain/notify-url.ts"
import type { Settlement, Settlements } from "../../core/pipeline/persistence/settlements.ts"
import { codeOf } from "./driver/connection.ts"
import { type Database, unavailable } from "./driver/database.ts"
import { keepNotice } from "./notices.ts"
import type { Signals } from "./store-signals.ts"

/** The only way to PAID, in one statement: everything or nothing. */
export const makeSettlements = (db: Database, signals: Signals): Settlements["Service"] => ({
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
    })
})

const isTradeReused = (cause: unknown): boolean =>
  codeOf(cause) === "23505" &&
  typeof cause === "object" &&
  cause !== null &&
  "constraint_name" in cause &&
  cause.constraint_name === "trades_pkey"

/**
 * Everything that PAID entails, in one statement: one transaction, one round trip. `told` is empty when another
 * decision came first, and every later part then does nothing. A trade number that is in use violates the key of
 * `trades`, which rolls everything back.
 */
const settleStatement = (db: Database, sql: Database["sql"], settlement: Settlement) => {
  const { order, provider, payment, feeFen, actualFen, webhook, source, notice } = settlement
  const [event, kind]: [WrittenEventKind, WebhookKind] = ["paid", "payment"]
  const entries = entriesOfPayment({ amountFen: payment.amountFen, actualFen, feeFen })
  const detail = { provider, channelTradeNo: payment.channelTradeNo, amountFen: payment.amountFen, feeFen, actualFen }
  return sql`
    with told as (
      -- PENDING → PAID
      update orders set
        status = 1, paid_at = ${payment.paidAt}, fee_fen = ${feeFen}, actual_fen = ${actualFen},
        channel_trade_no = ${payment.channelTradeNo}, next_check_at = null
      where merchant_id = ${order.merchantId} and order_no = ${order.orderNo} and status = 0
        and account_id = ${order.accountId}
      returning merchant_id, order_no, account_id, channel_trade_no
    ), trade as (
      insert into trades (provider, trade_no, merchant_id, order_no)
      select ${provider}, channel_trade_no, merchant_id, order_no from told
    ), event as (
      insert into events (merchant_id, order_no, kind, detail)
      select merchant_id, order_no, ${event}, ${db.json({ ...detail, source })}::json::jsonb from told
    ), entries as (
      insert into ledger_entries (merchant_id, order_no, account, account_id, amount_fen)
      select told.merchant_id, told.order_no, entry.account, told.account_id, entry."amountFen"
      from told cross join json_to_recordset(${db.json(entries)}) as entry(account text, "amountFen" bigint)
    ), ${keepNotice(db, notice)}
    insert into outbox (merchant_id, event_id, order_no, kind, url, host, body)
    select merchant_id, ${webhook.eventId}, order_no, ${kind}, ${webhook.url}, ${receiverOf(webhook.url)},
      ${webhook.body}
    from told
    returning 1`
}

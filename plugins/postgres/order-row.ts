import type postgres from "postgres"
import type { Flow } from "../../core/domain/channel-code.ts"
import { type Anomaly, type JsonObject, ORDER_STATUS, type Order, type OrderStatus } from "../../core/domain/order.ts"
import type { OrderSummary } from "../../core/pipeline/persistence/orders.ts"

/** A row of `orderColumns`. */
export interface OrderRow {
  readonly merchant_id: number
  readonly order_no: string
  readonly merchant_order_no: string
  readonly channel_code: string
  readonly flow: Flow
  readonly provider: string
  readonly account_id: string
  readonly amount_fen: number
  readonly fee_rate_bp: number
  readonly status: number
  readonly notify_url: string
  readonly body: string
  readonly extra: string
  readonly note: string
  readonly client_ip: string
  readonly created_at: Date
  readonly expires_at: Date
  readonly reference: JsonObject
  readonly token_hash: string | null
  readonly jsapi_app_id: string | null
  readonly mini_program: boolean | null
  readonly openid: string | null
  readonly pay_until: Date | null
  readonly presentation: JsonObject | null
  readonly paid_at: Date | null
  readonly fee_fen: number | null
  readonly actual_fen: number | null
  readonly channel_trade_no: string | null
  readonly flags: ReadonlyArray<Anomaly>
}

/** The columns of an order, from `orders o`. */
export const orderColumns = (sql: postgres.Sql) => sql`
  o.merchant_id, o.order_no, o.merchant_order_no, o.channel_code, o.flow, o.provider, o.account_id, o.amount_fen,
  o.fee_rate_bp, o.status, o.notify_url, o.body, o.extra, o.note, o.client_ip, o.created_at, o.expires_at, o.reference,
  o.token_hash, o.jsapi_app_id, o.mini_program, o.openid, o.pay_until, o.presentation, o.paid_at, o.fee_fen, o.actual_fen,
  o.channel_trade_no, to_json(o.flags) as flags`

/** A row of `summaryColumns`. */
export type SummaryRow = Pick<
  OrderRow,
  | "order_no"
  | "merchant_order_no"
  | "channel_code"
  | "status"
  | "amount_fen"
  | "actual_fen"
  | "fee_fen"
  | "created_at"
  | "paid_at"
>

/** The columns of an order's summary, from `orders o`. */
export const summaryColumns = (sql: postgres.Sql) => sql`
  o.order_no, o.merchant_order_no, o.channel_code, o.status, o.amount_fen, o.actual_fen, o.fee_fen, o.created_at,
  o.paid_at`

export const summaryOf = (row: SummaryRow): OrderSummary => ({
  orderNo: row.order_no,
  merchantOrderNo: row.merchant_order_no,
  channelCode: row.channel_code,
  status: statusOf(row),
  amountFen: row.amount_fen,
  actualFen: row.actual_fen,
  feeFen: row.fee_fen,
  createdAt: row.created_at,
  paidAt: row.paid_at
})

const STATUSES = Object.keys(ORDER_STATUS) as ReadonlyArray<OrderStatus>

// A status number (contract section 8) is its index in ORDER_STATUS; the table's check admits no other.
const statusOf = ({ status }: Pick<OrderRow, "status">): OrderStatus => STATUSES[status] as OrderStatus

export const orderOf = (row: OrderRow): Order => ({
  merchantId: row.merchant_id,
  orderNo: row.order_no,
  merchantOrderNo: row.merchant_order_no,
  channelCode: row.channel_code,
  flow: row.flow,
  provider: row.provider,
  accountId: row.account_id,
  amountFen: row.amount_fen,
  feeRateBp: row.fee_rate_bp,
  status: statusOf(row),
  notifyUrl: row.notify_url,
  body: row.body,
  extra: row.extra,
  note: row.note,
  clientIp: row.client_ip,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  reference: row.reference,
  jsapi:
    row.token_hash === null
      ? null
      : {
          appId: row.jsapi_app_id,
          miniProgram: row.mini_program === true,
          tokenHash: row.token_hash,
          openid: row.openid,
          payUntil: row.pay_until ?? row.expires_at
        },
  presentation: row.presentation,
  paidAt: row.paid_at,
  feeFen: row.fee_fen,
  actualFen: row.actual_fen,
  channelTradeNo: row.channel_trade_no,
  flags: row.flags
})

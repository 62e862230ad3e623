import { Option, Schema } from "effect"
import type { Call } from "./client.ts"
import { plainText } from "./order.ts"

/** The longest reason, in characters. */
const REASON_CHARS_MAX = 80

/** POST /v3/refund/domestic/refunds. The same out_refund_no again is the same refund. */
export const newRefund = (refund: {
  readonly outTradeNo: string
  readonly outRefundNo: string
  /** Whole fen. */
  readonly refundFen: number
  /** Whole fen, the order's. */
  readonly totalFen: number
  readonly reason: string
  /** Without a query. */
  readonly notifyUrl: string
}): Call => ({
  method: "POST",
  path: "/v3/refund/domestic/refunds",
  body: {
    out_trade_no: refund.outTradeNo,
    out_refund_no: refund.outRefundNo,
    reason: plainText(refund.reason, REASON_CHARS_MAX, "退款"),
    notify_url: refund.notifyUrl,
    amount: { refund: refund.refundFen, total: refund.totalFen, currency: "CNY" }
  }
})

/** GET /v3/refund/domestic/refunds/{out_refund_no} */
export const queryRefund = (outRefundNo: string): Call => ({
  method: "GET",
  path: `/v3/refund/domestic/refunds/${encodeURIComponent(outRefundNo)}`
})

const Refund = Schema.Struct({
  refund_id: Schema.String.check(Schema.isNonEmpty()),
  out_refund_no: Schema.String,
  out_trade_no: Schema.String,
  status: Schema.Literals(["SUCCESS", "CLOSED", "PROCESSING", "ABNORMAL"]),
  success_time: Schema.optionalKey(Schema.NullOr(Schema.String)),
  amount: Schema.Struct({ refund: Schema.Int, total: Schema.Int })
})
export type Refund = typeof Refund.Type
const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Refund))

/** A refund, as its creation and its query answer it; `undefined` where it is none (protocols/channels.md C7). */
export const readRefund = (body: string): Refund | undefined => Option.getOrUndefined(decode(body))

import { Effect, Option, Schema } from "effect"
import { ChannelUncertain, type RefundState } from "../../../core/channel/index.ts"
import { plainText } from "../plain-text.ts"
import type { Call } from "./client.ts"
import { unreadable } from "./errors.ts"

/** Upper bound of a refund's reason in UTF-8 bytes (protocols/channels.md I). */
const REASON_BYTES_MAX = 80

/** POST /v3/refund/domestic/refunds. The same out_refund_no is the same refund. */
export const refundCall = (refund: {
  readonly outTradeNo: string
  readonly outRefundNo: string
  /** Whole fen. */
  readonly refundFen: number
  /** The order's amount in whole fen. */
  readonly totalFen: number
  readonly reason: string
  /** Must have no query. */
  readonly notifyUrl: string
}): Call => ({
  method: "POST",
  path: "/v3/refund/domestic/refunds",
  body: {
    out_trade_no: refund.outTradeNo,
    out_refund_no: refund.outRefundNo,
    reason: plainText(refund.reason, REASON_BYTES_MAX, "退款"),
    notify_url: refund.notifyUrl,
    amount: { refund: refund.refundFen, total: refund.totalFen, currency: "CNY" }
  }
})

/** GET /v3/refund/domestic/refunds/{out_refund_no} */
export const refundQueryCall = (outRefundNo: string): Call => ({
  method: "GET",
  path: `/v3/refund/domestic/refunds/${encodeURIComponent(outRefundNo)}`
})

const RefundRecord = Schema.Struct({
  refund_id: Schema.String.check(Schema.isNonEmpty()),
  out_refund_no: Schema.String,
  out_trade_no: Schema.String,
  status: Schema.Literals(["SUCCESS", "CLOSED", "PROCESSING", "ABNORMAL"]),
  success_time: Schema.optionalKey(Schema.NullOr(Schema.String)),
  amount: Schema.Struct({ refund: Schema.Int, total: Schema.Int })
})
export type RefundRecord = typeof RefundRecord.Type
const decode = Schema.decodeUnknownOption(Schema.fromJsonString(RefundRecord))

/** Reads a refund, in the answer to its creation or query; undefined = not one (protocols/channels.md C7). */
export const readRefundRecord = (body: string): RefundRecord | undefined => Option.getOrUndefined(decode(body))

/** The state in a refund's record. ChannelUncertain: the record is about another refund, order or amount. */
export const stateOfRefund = (
  refund: RefundRecord,
  refundNo: string,
  charge: { readonly orderNo: string; readonly amountFen: number }
): Effect.Effect<RefundState, ChannelUncertain> => {
  if (refund.out_refund_no !== refundNo || refund.out_trade_no !== charge.orderNo) {
    return Effect.fail(unreadable(`answered about another: ${refund.out_trade_no} ${refund.out_refund_no}`))
  }
  if (refund.amount.total !== charge.amountFen) {
    return Effect.fail(unreadable(`the order has ${refund.amount.total} fen there`))
  }
  switch (refund.status) {
    case "SUCCESS": {
      const at = refund.success_time ? new Date(refund.success_time) : null
      const { refund: refundFen } = refund.amount
      return Effect.succeed({ state: "refunded", refundFen, channelRefundNo: refund.refund_id, at })
    }
    case "PROCESSING":
      return Effect.succeed({ state: "pending" })
    case "CLOSED":
      return Effect.succeed({ state: "failed", reason: "WeChat Pay closed the refund" })
    case "ABNORMAL":
      // The money is neither with the payer nor back. After the operator settles it at pay.weixin.qq.com it is SUCCESS.
      return Effect.fail(
        new ChannelUncertain({
          why: "server-error",
          detail: `refund ${refund.refund_id} is ABNORMAL: the payer's card cannot take it; settle it at pay.weixin.qq.com`
        })
      )
  }
}

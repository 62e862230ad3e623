import { Effect } from "effect"
import {
  type ChannelHttp,
  ChannelRejected,
  ChannelUncertain,
  type ChargeRequest,
  fenOfYuan,
  yuanText
} from "../../../core/channel/index.ts"
import { plainText } from "../plain-text.ts"
import type { YsepayAccount } from "./account-fields.ts"
import { callYsepay } from "./call.ts"
import { afterwards, lookUpTrade } from "./lookup.ts"
import type { Method } from "./methods.ts"
import { storedOrderKey } from "./order-number.ts"
import { type BizContent, timeoutExpress } from "./request.ts"
import { textOf } from "./response.ts"
import type { YsepaySession } from "./session.ts"

/** Upper bound of a subject in UTF-8 bytes (protocols/channels.md I). */
const SUBJECT_BYTES_MAX = 250

/**
 * Sends a method that makes an order, and returns the fields of its answer after checking that they are about this
 * order and amount. A refusal is ChannelRejected only if Yinsheng then says that it does not know the order, or that it
 * is closed or failed.
 * @param own the product's fields, beside those that all products share (protocols/channels.md A5, A6)
 */
export const placeYsepayOrder = Effect.fnUntraced(function* (
  session: YsepaySession,
  account: YsepayAccount,
  order: ChargeRequest,
  method: Method,
  own: BizContent
): Effect.fn.Return<(field: string) => string | undefined, ChannelRejected | ChannelUncertain, ChannelHttp> {
  const key = storedOrderKey(order.orderNo, order.reference)
  const biz = {
    ...key,
    subject: plainText(order.description, SUBJECT_BYTES_MAX, "在线支付"),
    total_amount: yuanText(order.amountFen),
    currency: "CNY",
    seller_id: account.sellerId,
    seller_name: account.sellerName,
    timeout_express: timeoutExpress(order.remainingMs),
    business_code: account.businessCode,
    ...own
  }
  const answer = yield* callYsepay(session, method, biz, order.noticeUrl)
  if (answer.kind === "absent") return yield* new ChannelUncertain({ why: "server-error", detail: answer.reason })
  if (answer.kind === "refused") {
    // An accepted order whose answer was lost is refused as a duplicate when it is sent again.
    const { state } = yield* afterwards(lookUpTrade(session, key, account))
    if (state !== "pending" && state !== "paid") {
      // Yinsheng passes on WeChat's words; a text that names the openid is about this payer alone.
      const concerns = /openid/i.test(answer.reason) ? ({ concerns: "payer" } as const) : {}
      return yield* new ChannelRejected({ reason: answer.reason, ...concerns })
    }
    return yield* new ChannelUncertain({ why: "server-error", detail: `${answer.reason}; yet it is ${state}` })
  }
  const field = (name: string) => textOf(answer.node, name)
  const amountFen = fenOfYuan(field("total_amount") ?? "")
  if (field("out_trade_no") !== key.out_trade_no || amountFen !== order.amountFen) {
    return yield* new ChannelUncertain({ why: "unreadable", detail: "an answer about another order or amount" })
  }
  return field
})

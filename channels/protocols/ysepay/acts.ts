import { Effect } from "effect"
import {
  type Channel,
  ChannelRejected,
  ChannelUncertain,
  type ChargeRef,
  yuanText
} from "../../../core/channel/index.ts"
import { plainText } from "../plain-text.ts"
import type { YsepayAccount } from "./account-fields.ts"
import { callYsepay } from "./call.ts"
import { afterwards, downloadBill, lookUpRefund, lookUpTrade } from "./lookup.ts"
import { readNotice, readNoticeForm } from "./notice.ts"
import { orderKeyOf, storedOrderKey } from "./order-number.ts"
import type { YsepaySession } from "./session.ts"

/** No limit of a refund's reason is published; this is the one of a subject (protocols/channels.md I). */
const REASON_BYTES_MAX = 250

/** What all products of Yinsheng share: everything in a channel except placing an order. */
export type YsepayActs = Required<
  Pick<Channel, "reference" | "query" | "close" | "readNotice" | "replies" | "refund" | "queryRefund" | "downloadBill">
>

/** What an opened account does with its orders, in the order of Yinsheng's manual. */
export const ysepayActs = (session: YsepaySession, account: YsepayAccount): YsepayActs => {
  const keyOf = (charge: ChargeRef) => storedOrderKey(charge.orderNo, charge.reference)
  return {
    reference: ({ orderNo }) => ({ ...orderKeyOf(orderNo) }),

    // ysepay.online.trade.order.query, ysepay.online.trade.query
    query: (charge) => lookUpTrade(session, keyOf(charge), account),

    // ysepay.online.trade.close. Its answer does not say whether a payment came first, so the trade is queried.
    close: Effect.fnUntraced(function* (charge) {
      yield* callYsepay(session, "ysepay.online.trade.close", { ...keyOf(charge) })
      const { state } = yield* afterwards(lookUpTrade(session, keyOf(charge), account))
      if (state === "pending") return yield* unsure("open after a close")
      return { state: state === "paid" ? "paid" : "closed" }
    }),

    // directpay.status.sync and refund.status.sync
    readNotice: ({ body }) =>
      Effect.flatMap(readNoticeForm(body, session.platformKey), (field) => readNotice(field, account)),
    replies: {
      accepted: { status: 200, contentType: "text/plain", body: "success" },
      refused: { status: 500, contentType: "text/plain", body: "fail" }
    },

    // ysepay.online.trade.refund. 10000 means accepted, not refunded.
    refund: Effect.fnUntraced(function* ({ charge, refundNo, refundFen, reason, noticeUrl }) {
      const key = keyOf(charge)
      const tradeNo = charge.channelTradeNo
      const biz = {
        ...key,
        trade_no: tradeNo ?? undefined,
        refund_amount: yuanText(refundFen),
        refund_reason: plainText(reason, REASON_BYTES_MAX, "退款"),
        out_request_no: refundNo
      }
      const answer = yield* callYsepay(session, "ysepay.online.trade.refund", biz, noticeUrl)
      if (answer.kind === "done") return { state: "pending" }
      if (answer.kind === "absent") return yield* unsure(answer.reason)
      // A refund that is sent twice may be refused the second time while the first is under way, so it is queried.
      const known = yield* afterwards(lookUpRefund(session, key, { refundNo, tradeNo }))
      return known.state === "absent" ? yield* new ChannelRejected({ reason: answer.reason }) : known
    }),

    // ysepay.online.trade.refund.query
    queryRefund: Effect.fnUntraced(function* ({ charge, refundNo }) {
      const known = yield* lookUpRefund(session, keyOf(charge), { refundNo, tradeNo: charge.channelTradeNo })
      return known.state === "absent" ? yield* unsure("no such refund (yet)") : known
    }),

    // ysepay.online.bill.downloadurl.get
    downloadBill: ({ date }) => downloadBill(session, date)
  }
}

const unsure = (detail: string) => new ChannelUncertain({ why: "server-error", detail })

import { Effect } from "effect"
import {
  type Channel,
  ChannelRejected,
  ChannelUncertain,
  NoticeRefused,
  type RefundState
} from "../../../core/channel/index.ts"
import { isPromisedBill, readBillLocation, tradeBill } from "./bill.ts"
import { closeMeaning, isAbsent, refundRefused, refusalText, rejected, uncertain, unreadable } from "./errors.ts"
import { openNotice, readRefundNotice } from "./notice.ts"
import { closeOrder } from "./order.ts"
import { queryOrder, readTransaction, type TransactionState } from "./query.ts"
import { newRefund, queryRefund, type Refund, readRefund } from "./refund.ts"
import type { WechatPaySession } from "./session.ts"

/** What is the same for every product of WeChat Pay's: all of a channel but how an order is placed. */
export type WechatPayActs = Required<
  Pick<Channel, "query" | "close" | "prepare" | "readNotice" | "replies" | "refund" | "queryRefund" | "downloadBill">
>

/**
 * The acts of an opened account upon its orders, in the order of WeChat Pay's manual (protocols/channels.md C).
 * @param knowsApp whether an AppID is one of the account's: answers about others are not ours
 */
export const wechatPayActs = (
  { client, mchid, keys, apiV3Key }: WechatPaySession,
  knowsApp: (appId: string) => boolean
): WechatPayActs => {
  /** Why an answer or notice is not about this merchant and order; `undefined` = it is. */
  const strangeness = (transaction: TransactionState, orderNo: string): string | undefined => {
    if (transaction.mchid !== mchid) return `mchid ${transaction.mchid}`
    if (!knowsApp(transaction.appId)) return `appid ${transaction.appId}`
    return transaction.outTradeNo === orderNo ? undefined : `out_trade_no ${transaction.outTradeNo}`
  }

  return {
    query: Effect.fnUntraced(function* ({ orderNo }) {
      const answer = yield* client.call(queryOrder(mchid, orderNo))
      if (answer.kind === "refused") {
        return isAbsent(answer.refusal) ? ({ state: "absent" } as const) : yield* uncertain(answer.refusal)
      }
      const transaction = readTransaction(answer.body)
      if (transaction === undefined) return yield* unreadable("the query's answer is no transaction")
      const strange = strangeness(transaction, orderNo)
      return strange === undefined ? transaction.charge : yield* unreadable(`answered about another: ${strange}`)
    }),

    prepare: client.ready,
    readNotice: Effect.fnUntraced(function* (raw) {
      const { eventType, resource } = yield* Effect.fromResult(openNotice(raw, keys, apiV3Key))
      if (eventType.startsWith("REFUND.")) {
        const refund = readRefundNotice(resource)
        if (refund?.mchid !== mchid) return yield* new NoticeRefused({ why: "not-ours", detail: eventType })
        return { orderNo: refund.outTradeNo, payment: null }
      }
      const transaction = readTransaction(resource)
      if (transaction === undefined) return yield* new NoticeRefused({ why: "unreadable", detail: eventType })
      const strange = strangeness(transaction, transaction.outTradeNo)
      if (strange !== undefined) return yield* new NoticeRefused({ why: "not-ours", detail: strange })
      const { charge } = transaction
      return { orderNo: transaction.outTradeNo, payment: charge.state === "paid" ? charge.payment : null }
    }),

    // An empty 200, not 204: some servers cannot write a 204 with a content type.
    replies: {
      accepted: { status: 200, contentType: "text/plain", body: "" },
      refused: { status: 400, contentType: "application/json", body: '{"code":"FAIL","message":"失败"}' }
    },

    close: Effect.fnUntraced(function* ({ orderNo }) {
      const answer = yield* client.call(closeOrder(mchid, orderNo))
      if (answer.kind === "ok") {
        return answer.status === 204 ? ({ state: "closed" } as const) : yield* unreadable(`close: ${answer.status}`)
      }
      const state = closeMeaning(answer.refusal)
      return state === undefined ? yield* uncertain(answer.refusal) : { state }
    }),

    refund: Effect.fnUntraced(function* ({ charge, refundNo, refundFen, reason, noticeUrl }) {
      const answer = yield* client.call(
        newRefund({
          outTradeNo: charge.orderNo,
          outRefundNo: refundNo,
          refundFen,
          totalFen: charge.amountFen,
          reason,
          notifyUrl: noticeUrl
        })
      )
      if (answer.kind === "refused") {
        return yield* refundRefused(answer.refusal) ? rejected(answer.refusal) : uncertain(answer.refusal)
      }
      const refund = readRefund(answer.body)
      if (refund === undefined) return yield* unreadable("the refund's answer is no refund")
      if (refund.amount.refund !== refundFen) return yield* unreadable(`refunds ${refund.amount.refund} fen`)
      return yield* refundState(refund, refundNo, charge)
    }),

    queryRefund: Effect.fnUntraced(function* ({ charge, refundNo }) {
      const answer = yield* client.call(queryRefund(refundNo))
      if (answer.kind === "refused") {
        return yield* isAbsent(answer.refusal) ? rejected(answer.refusal) : uncertain(answer.refusal)
      }
      const refund = readRefund(answer.body)
      if (refund === undefined) return yield* unreadable("the query's answer is no refund")
      return yield* refundState(refund, refundNo, charge)
    }),

    downloadBill: Effect.fnUntraced(function* ({ date }) {
      const answer = yield* client.call(tradeBill(date))
      if (answer.kind === "refused") return yield* new ChannelRejected({ reason: refusalText(answer.refusal) })
      const location = readBillLocation(answer.body)
      if (location === undefined) return yield* unreadable("the answer names no bill")
      const file = yield* client.download(location.download_url)
      if (file.status !== 200) return yield* unreadable(`the bill's file: ${file.status}`)
      if (!isPromisedBill(location, file.body)) {
        return yield* new ChannelUncertain({ why: "bad-signature", detail: "the bill's file does not have its SHA-1" })
      }
      return { fileName: `wechatpay-${mchid}-${date}.csv`, content: file.body }
    })
  }
}

const refundState = (
  refund: Refund,
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
      // Neither back nor with the payer: the operator sends it on at pay.weixin.qq.com, and then it is SUCCESS.
      return Effect.fail(
        new ChannelUncertain({
          why: "server-error",
          detail: `refund ${refund.refund_id} is ABNORMAL: the payer's card cannot take it; settle it at pay.weixin.qq.com`
        })
      )
  }
}

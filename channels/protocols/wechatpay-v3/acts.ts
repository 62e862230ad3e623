import { Effect, Result } from "effect"
import { type Channel, ChannelRejected, ChannelUncertain } from "../../../core/channel/index.ts"
import { isPromisedBill, readBillLocation, tradeBillCall } from "./bill.ts"
import { closeMeaning, isAbsent, refundRefused, refusalText, rejected, uncertain, unreadable } from "./errors.ts"
import { type NoticeOwner, openNotice, readEvent } from "./notice.ts"
import { closeCall } from "./order.ts"
import { orderQueryCall, readTransaction } from "./query.ts"
import { readRefundRecord, refundCall, refundQueryCall, stateOfRefund } from "./refund.ts"
import type { WechatPaySession } from "./session.ts"

/** What all products of WeChat Pay share: everything in a channel except placing an order and the payer's identity. */
export type WechatPayActs = Required<
  Pick<Channel, "query" | "close" | "prepare" | "readNotice" | "replies" | "refund" | "queryRefund" | "downloadBill">
>

/** Decides whether an answer or a notice is about the account. */
export type WechatPayOwner = Pick<NoticeOwner, "knowsApp">

/** What an opened account does with its orders, in the order of WeChat Pay's manual. */
export const wechatPayActs = (session: WechatPaySession, { knowsApp }: WechatPayOwner): WechatPayActs => {
  const { client, keys, apiV3Key } = session
  const { mchid } = session.signer

  return {
    // GET /v3/pay/transactions/out-trade-no/{no}
    query: Effect.fnUntraced(function* ({ orderNo }) {
      const answer = yield* client.call(orderQueryCall(mchid, orderNo))
      if (answer.kind === "refused") {
        return isAbsent(answer.refusal) ? ({ state: "absent" } as const) : yield* uncertain(answer.refusal)
      }
      const transaction = readTransaction(answer.body)
      if (transaction === undefined) return yield* unreadable("the query's answer is no transaction")
      const { appId, outTradeNo, charge } = transaction
      if (transaction.mchid === mchid && appId !== undefined && knowsApp(appId) && outTradeNo === orderNo) return charge
      return yield* unreadable(`answered about another: mchid ${transaction.mchid}, appid ${appId}, ${outTradeNo}`)
    }),

    // POST /v3/pay/transactions/out-trade-no/{no}/close
    close: Effect.fnUntraced(function* ({ orderNo }) {
      const answer = yield* client.call(closeCall(mchid, orderNo))
      if (answer.kind === "ok") {
        return answer.status === 204 ? ({ state: "closed" } as const) : yield* unreadable(`close: ${answer.status}`)
      }
      const state = closeMeaning(answer.refusal)
      return state === undefined ? yield* uncertain(answer.refusal) : { state }
    }),

    // TRANSACTION.SUCCESS. A REFUND.* is only acknowledged: the refund's query tells how it ended.
    prepare: client.ready,
    readNotice: (raw) =>
      Effect.fromResult(
        Result.flatMap(openNotice(raw, keys, apiV3Key), (opened) => readEvent(opened, { mchid, knowsApp }))
      ),
    // An empty 200, not a 204: some servers cannot write a 204 with a content type.
    replies: {
      accepted: { status: 200, contentType: "text/plain", body: "" },
      refused: { status: 400, contentType: "application/json", body: '{"code":"FAIL","message":"失败"}' }
    },

    // POST /v3/refund/domestic/refunds
    refund: Effect.fnUntraced(function* ({ charge, refundNo, refundFen, reason, noticeUrl }) {
      const answer = yield* client.call(
        refundCall({
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
      const refund = readRefundRecord(answer.body)
      if (refund === undefined) return yield* unreadable("the refund's answer is no refund")
      if (refund.amount.refund !== refundFen) return yield* unreadable(`refunds ${refund.amount.refund} fen`)
      return yield* stateOfRefund(refund, refundNo, charge)
    }),

    // GET /v3/refund/domestic/refunds/{out_refund_no}
    queryRefund: Effect.fnUntraced(function* ({ charge, refundNo }) {
      const answer = yield* client.call(refundQueryCall(refundNo))
      // RESOURCE_NOT_EXISTS too: a refund whose answer was lost may arrive after this question.
      if (answer.kind === "refused") return yield* uncertain(answer.refusal)
      const refund = readRefundRecord(answer.body)
      if (refund === undefined) return yield* unreadable("the query's answer is no refund")
      return yield* stateOfRefund(refund, refundNo, charge)
    }),

    // GET /v3/bill/tradebill, then the file
    downloadBill: Effect.fnUntraced(function* ({ date }) {
      const answer = yield* client.call(tradeBillCall(date))
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

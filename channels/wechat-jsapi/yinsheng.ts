import { Clock, Effect, Option, Schema } from "effect"
import {
  AccountInvalid,
  type Channel,
  ChannelRejected,
  ChannelUncertain,
  type ChargeRef,
  type ChargeRequest,
  fenOfYuan,
  type JsapiParams,
  NoticeRefused,
  yuanText
} from "../../core/channel/index.ts"
import { readPrivateKey, readPublicKey } from "../protocols/keys/index.ts"
import * as ysepay from "../protocols/ysepay/index.ts"
import type { YinshengAccount } from "./account.ts"
import { apiOrigin, payerIdentity, payerOf } from "./payer.ts"

export const yinshengEgress = (account: YinshengAccount): ReadonlyArray<string> => [
  ...[...Object.values(account.gateways), apiOrigin(account.hosts)].map((url) => new URL(url).host),
  ...account.billHosts
]

export const openYinsheng = Effect.fnUntraced(function* (
  account: YinshengAccount
): Effect.fn.Return<Channel, AccountInvalid> {
  const { partnerId, sellerId, gateways, versions, feeFrom } = account
  const { key: privateKey } = yield* readPrivateKey("privateKey", account.privateKey, { password: account.password })
  const { key: platformKey } = yield* readPublicKey("platformCertificate", account.platformCertificate)
  const strange = Object.keys(versions).find((method) => !Object.hasOwn(ysepay.METHODS, method))
  if (strange !== undefined) {
    return yield* new AccountInvalid({ field: "versions", message: `versions names no method of ours: ${strange}` })
  }
  const session: ysepay.YsepaySession = { partnerId, gateways, versions, privateKey, platformKey }
  const keyOf = (order: ChargeRef | ChargeRequest) => ysepay.storedOrderKey(order.orderNo, order.reference)

  return {
    reference: ({ orderNo }) => ({ ...ysepay.orderKeyOf(orderNo) }),

    // ysepay.online.weixin.pay: qrcodepay's fields without bank_type, and the payer's (protocols/channels.md A6).
    charge: Effect.fnUntraced(function* (order) {
      const { appId, openid, miniProgram } = yield* payerOf(account, order.jsapi)
      const key = keyOf(order)
      const nowMs = yield* Clock.currentTimeMillis
      const biz = {
        ...key,
        subject: order.description,
        total_amount: yuanText(order.amountFen),
        currency: "CNY",
        seller_id: sellerId,
        seller_name: account.sellerName,
        timeout_express: ysepay.timeoutExpress(order.expiresAt.getTime(), nowMs),
        business_code: account.businessCode,
        appid: appId,
        sub_openid: openid,
        is_minipg: miniProgram ? "1" : "2",
        ...(account.payerIpField === "none" ? {} : { [account.payerIpField]: order.clientIp })
      }
      const answer = yield* ysepay.callYsepay(session, "ysepay.online.weixin.pay", biz, order.noticeUrl)
      if (answer.kind === "absent") return yield* unsure(answer.reason)
      if (answer.kind === "refused") {
        // An order that was taken while its answer got lost is refused as a duplicate when it is sent again.
        const { state } = yield* ysepay.afterwards(ysepay.lookUpTrade(session, key, account))
        if (state !== "pending" && state !== "paid") return yield* new ChannelRejected({ reason: answer.reason })
        return yield* unsure(`${answer.reason}; yet it is ${state}`)
      }
      const field = (name: string) => ysepay.textOf(answer.node, name)
      const amountFen = fenOfYuan(field("total_amount") ?? biz.total_amount)
      if (field("out_trade_no") !== key.out_trade_no || amountFen !== order.amountFen) {
        return yield* new ChannelUncertain({ why: "unreadable", detail: "an answer about another order or amount" })
      }
      const params = readPayInfo(field("jsapi_pay_info"))
      if (params === undefined) return yield* new ChannelUncertain({ why: "unreadable", detail: "no jsapi_pay_info" })
      return { kind: "jsapi", params } as const
    }),

    // ysepay.online.trade.order.query
    query: (order) => ysepay.lookUpTrade(session, keyOf(order), account),

    // ysepay.online.trade.close: its answer does not say whether a payment came first, so the trade is looked up.
    close: Effect.fnUntraced(function* (order) {
      yield* ysepay.callYsepay(session, "ysepay.online.trade.close", { ...keyOf(order) })
      const { state } = yield* ysepay.afterwards(ysepay.lookUpTrade(session, keyOf(order), account))
      if (state === "pending") return yield* unsure("open after a close")
      return { state: state === "paid" ? "paid" : "closed" } as const
    }),

    // directpay.status.sync; a refund.status.sync is acknowledged only, refund.query knows how the refund ended.
    readNotice: Effect.fnUntraced(function* (raw) {
      const field = yield* ysepay.readNoticeForm(raw.body, platformKey)
      const orderNo = ysepay.orderNoOf(field("out_trade_no") ?? "")
      const ours = (field("seller_id") ?? sellerId) === sellerId && (field("partner_id") ?? partnerId) === partnerId
      if (orderNo === undefined || !ours) return yield* new NoticeRefused({ why: "not-ours" })
      if (field("notify_type") !== "directpay.status.sync" || field("trade_status") !== "TRADE_SUCCESS") {
        return { orderNo, payment: null }
      }
      const times = [field("pay_success_time"), field("notify_time")]
      const payment = ysepay.readPayment(field, times, { nowMs: raw.receivedAt.getTime(), feeFrom })
      return payment === undefined
        ? yield* new NoticeRefused({ why: "unreadable", detail: "no number or amount" })
        : { orderNo, payment }
    }),

    replies: {
      accepted: { status: 200, contentType: "text/plain", body: "success" },
      refused: { status: 500, contentType: "text/plain", body: "fail" }
    },

    // ysepay.online.trade.refund: 10000 means accepted, no more.
    refund: Effect.fnUntraced(function* ({ charge, refundNo, refundFen, reason, noticeUrl }) {
      const key = keyOf(charge)
      const tradeNo = charge.channelTradeNo
      const biz = {
        ...key,
        trade_no: tradeNo ?? undefined,
        refund_amount: yuanText(refundFen),
        refund_reason: reason,
        out_request_no: refundNo
      }
      const answer = yield* ysepay.callYsepay(session, "ysepay.online.trade.refund", biz, noticeUrl)
      if (answer.kind === "done") return { state: "pending" } as const
      if (answer.kind === "absent") return yield* unsure(answer.reason)
      // As with a charge: a refund sent twice may be refused the second time and still be under way.
      const known = yield* ysepay.afterwards(ysepay.lookUpRefund(session, key, { refundNo, tradeNo }))
      return known.state === "absent" ? yield* new ChannelRejected({ reason: answer.reason }) : known
    }),

    // ysepay.online.trade.refund.query
    queryRefund: Effect.fnUntraced(function* ({ charge, refundNo }) {
      const tradeNo = charge.channelTradeNo
      const known = yield* ysepay.lookUpRefund(session, keyOf(charge), { refundNo, tradeNo })
      return known.state === "absent" ? yield* unsure("no such refund (yet)") : known
    }),

    // ysepay.online.bill.downloadurl.get
    downloadBill: ({ date }) => ysepay.downloadBill(session, date),

    payer: payerIdentity(account, account.hosts)
  }
})

const unsure = (detail: string) => new ChannelUncertain({ why: "server-error", detail })

const Word = Schema.String.check(Schema.isNonEmpty())
const decodePayInfo = Schema.decodeUnknownOption(
  Schema.fromJsonString(
    Schema.Struct({
      appId: Word,
      timeStamp: Schema.Union([Word, Schema.Int]),
      nonceStr: Word,
      package: Word,
      signType: Word,
      paySign: Word
    })
  )
)

/** `jsapi_pay_info` is a JSON text inside the JSON answer; the bridge wants its time as text. */
const readPayInfo = (text: string | undefined): JsapiParams | undefined => {
  const info = Option.getOrUndefined(decodePayInfo(text))
  return info === undefined ? undefined : { ...info, timeStamp: String(info.timeStamp) }
}

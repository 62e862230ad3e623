import { Clock, Effect } from "effect"
import {
  AccountInvalid,
  CHANNEL_CODES,
  type Channel,
  type ChannelProvider,
  ChannelRejected,
  ChannelUncertain,
  type ChargeRef,
  type ChargeRequest,
  fenOfYuan,
  NoticeRefused,
  yuanText
} from "../../core/channel/index.ts"
import { readPrivateKey, readPublicKey } from "../protocols/keys/index.ts"
import * as ysepay from "../protocols/ysepay/index.ts"
import { YinshengAccount } from "./account.ts"

/** Yinsheng (银盛): a QR code for each order. Facts and their sources: protocols/channels.md, section A. */
const provider: ChannelProvider<YinshengAccount> = {
  id: "yinsheng-qrcode",
  products: (["YINSHENG_QRCODE", "wxpay_native"] as const).map((code) => ({ code, ...CHANNEL_CODES[code] })),
  account: YinshengAccount,
  egress: ({ gateways, billHosts }) => [...Object.values(gateways).map((url) => new URL(url).host), ...billHosts],
  open: Effect.fnUntraced(function* (account) {
    const { partnerId, gateways, versions } = account
    const { key: privateKey } = yield* readPrivateKey("privateKey", account.privateKey, { password: account.password })
    const { key: platformKey } = yield* readPublicKey("platformCertificate", account.platformCertificate)
    const strange = Object.keys(versions).find((method) => !Object.hasOwn(ysepay.METHODS, method))
    if (strange !== undefined) {
      return yield* new AccountInvalid({ field: "versions", message: `versions names no method of ours: ${strange}` })
    }
    return openChannel(account, { partnerId, gateways, versions, privateKey, platformKey })
  })
}
export default provider

const openChannel = (account: YinshengAccount, session: ysepay.YsepaySession): Channel => {
  const keyOf = (order: ChargeRef | ChargeRequest) => ysepay.storedOrderKey(order.orderNo, order.reference)
  return {
    reference: ({ orderNo }) => ({ ...ysepay.orderKeyOf(orderNo) }),

    // ysepay.online.qrcodepay
    charge: Effect.fnUntraced(function* (order) {
      const key = keyOf(order)
      const biz = {
        ...key,
        subject: order.description,
        total_amount: yuanText(order.amountFen),
        currency: "CNY",
        seller_id: account.sellerId,
        seller_name: account.sellerName,
        timeout_express: ysepay.timeoutExpress(order.expiresAt.getTime(), yield* Clock.currentTimeMillis),
        business_code: account.businessCode,
        bank_type: order.code === "wxpay_native" ? ysepay.BANK_TYPES.wechat : account.bankType
      }
      const answer = yield* ysepay.callYsepay(session, "ysepay.online.qrcodepay", biz, order.noticeUrl)
      if (answer.kind === "absent") return yield* new ChannelUncertain({ why: "server-error", detail: answer.reason })
      if (answer.kind === "refused") {
        // An order that was taken while its answer got lost is refused as a duplicate when it is sent again.
        const { state } = yield* ysepay.afterwards(ysepay.lookUpTrade(session, key, account))
        if (state !== "pending" && state !== "paid") return yield* new ChannelRejected({ reason: answer.reason })
        return yield* new ChannelUncertain({ why: "server-error", detail: `${answer.reason}; yet it is ${state}` })
      }
      const field = (name: string) => ysepay.textOf(answer.node, name)
      const ours =
        field("out_trade_no") === key.out_trade_no &&
        fenOfYuan(field("total_amount") ?? biz.total_amount) === order.amountFen
      const content = field("source_qr_code_url")
      if (!ours || content === undefined) {
        const detail = ours ? "no source_qr_code_url" : "an answer about another order or amount"
        return yield* new ChannelUncertain({ why: "unreadable", detail })
      }
      return { kind: "qrcode", content }
    }),

    // ysepay.online.trade.order.query
    query: (order) => ysepay.lookUpTrade(session, keyOf(order), account),

    // ysepay.online.trade.close: its answer does not say whether a payment came first, so the trade is looked up.
    close: Effect.fnUntraced(function* (order) {
      yield* ysepay.callYsepay(session, "ysepay.online.trade.close", { ...keyOf(order) })
      const { state } = yield* ysepay.afterwards(ysepay.lookUpTrade(session, keyOf(order), account))
      if (state === "pending") return yield* new ChannelUncertain({ why: "server-error", detail: "open after a close" })
      return { state: state === "paid" ? "paid" : "closed" }
    }),

    // directpay.status.sync; a refund.status.sync is acknowledged only, refund.query knows how the refund ended.
    readNotice: Effect.fnUntraced(function* (raw) {
      const field = yield* ysepay.readNoticeForm(raw.body, session.platformKey)
      const orderNo = ysepay.orderNoOf(field("out_trade_no") ?? "")
      const others =
        (field("seller_id") ?? account.sellerId) !== account.sellerId ||
        (field("partner_id") ?? account.partnerId) !== account.partnerId
      if (orderNo === undefined || others) return yield* new NoticeRefused({ why: "not-ours" })
      if (field("notify_type") !== "directpay.status.sync" || field("trade_status") !== "TRADE_SUCCESS") {
        return { orderNo, payment: null }
      }
      const times = [field("pay_success_time"), field("notify_time")]
      const nowMs = raw.receivedAt.getTime()
      const payment = ysepay.readPayment(field, times, { nowMs, feeFrom: account.feeFrom })
      if (payment === undefined) return yield* new NoticeRefused({ why: "unreadable", detail: "no number or amount" })
      return { orderNo, payment }
    }),
    replies: {
      accepted: { status: 200, contentType: "text/plain", body: "success" },
      refused: { status: 500, contentType: "text/plain", body: "fail" }
    },

    // ysepay.online.trade.refund: 10000 means accepted, no more.
    refund: Effect.fnUntraced(function* ({ charge, refundNo, refundFen, reason, noticeUrl }) {
      const key = keyOf(charge)
      const biz = {
        ...key,
        trade_no: charge.channelTradeNo ?? undefined,
        refund_amount: yuanText(refundFen),
        refund_reason: reason,
        out_request_no: refundNo
      }
      const answer = yield* ysepay.callYsepay(session, "ysepay.online.trade.refund", biz, noticeUrl)
      if (answer.kind === "done") return { state: "pending" }
      if (answer.kind === "absent") return yield* new ChannelUncertain({ why: "server-error", detail: answer.reason })
      // As with a charge: a refund sent twice may be refused the second time and still be under way.
      const refund = { refundNo, tradeNo: charge.channelTradeNo }
      const known = yield* ysepay.afterwards(ysepay.lookUpRefund(session, key, refund))
      return known.state === "absent" ? yield* new ChannelRejected({ reason: answer.reason }) : known
    }),
    // ysepay.online.trade.refund.query
    queryRefund: Effect.fnUntraced(function* ({ charge, refundNo }) {
      const refund = { refundNo, tradeNo: charge.channelTradeNo }
      const known = yield* ysepay.lookUpRefund(session, keyOf(charge), refund)
      if (known.state !== "absent") return known
      return yield* new ChannelUncertain({ why: "server-error", detail: "no such refund (yet)" })
    }),

    // ysepay.online.bill.downloadurl.get
    downloadBill: ({ date }) => ysepay.downloadBill(session, date)
  }
}

import type { KeyObject } from "node:crypto"
import { Clock, Effect, Redacted } from "effect"
import {
  AccountInvalid,
  type Channel,
  ChannelRejected,
  ChannelUncertain,
  NoticeRefused,
  type RefundState
} from "../../core/channel/index.ts"
import { readPrivateKey, readPublicKey } from "../protocols/keys/index.ts"
import { isPromisedBill, readBillLocation, tradeBill } from "../protocols/wechatpay-v3/bill.ts"
import { PlatformKeys } from "../protocols/wechatpay-v3/certificates.ts"
import { makeClient } from "../protocols/wechatpay-v3/client.ts"
import {
  closeMeaning,
  isAbsent,
  orderRefused,
  refundRefused,
  refusalText,
  rejected,
  uncertain,
  unreadable
} from "../protocols/wechatpay-v3/errors.ts"
import { openNotice, readRefundNotice } from "../protocols/wechatpay-v3/notice.ts"
import { closeOrder, jsapiOrder, readPrepayId } from "../protocols/wechatpay-v3/order.ts"
import { queryOrder, readTransaction, type TransactionState } from "../protocols/wechatpay-v3/query.ts"
import { newRefund, queryRefund, type Refund, readRefund } from "../protocols/wechatpay-v3/refund.ts"
import { API_V3_KEY_BYTES } from "../protocols/wechatpay-v3/resource.ts"
import { jsapiParams, newNonce } from "../protocols/wechatpay-v3/sign.ts"
import { serialOf } from "../protocols/wechatpay-v3/verify.ts"
import type { WechatPayAccount } from "./account.ts"
import { apiOrigin, knowsApp, payerIdentity, payerOf } from "./payer.ts"

const payOrigin = (account: WechatPayAccount): string => account.hosts?.pay ?? "https://api.mch.weixin.qq.com"

export const wechatPayEgress = (account: WechatPayAccount): ReadonlyArray<string> =>
  [payOrigin(account), apiOrigin(account.hosts)].map((origin) => new URL(origin).host)

export const openWechatPay = Effect.fnUntraced(function* (
  account: WechatPayAccount
): Effect.fn.Return<Channel, AccountInvalid> {
  const { mchid, apiV3Key } = account
  const { privateKey, serial } = yield* readMerchantKey(account)
  if (Buffer.byteLength(Redacted.value(apiV3Key)) !== API_V3_KEY_BYTES) {
    return yield* new AccountInvalid({ field: "apiV3Key", message: "apiV3Key must be the 32 characters that were set" })
  }
  const keys = yield* readPlatformKeys(account)
  const client = makeClient({
    signer: { mchid, serial, privateKey },
    apiV3Key,
    origin: payOrigin(account),
    keys,
    publicKeyId: account.verification.publicKeyId
  })

  /** Why an answer or notice is not about this merchant and order; `undefined` = it is. */
  const strangeness = (transaction: TransactionState, orderNo: string): string | undefined => {
    if (transaction.mchid !== mchid) return `mchid ${transaction.mchid}`
    if (!knowsApp(account, transaction.appId)) return `appid ${transaction.appId}`
    return transaction.outTradeNo === orderNo ? undefined : `out_trade_no ${transaction.outTradeNo}`
  }

  return {
    charge: Effect.fnUntraced(function* (request) {
      const { appId, openid } = yield* payerOf(account, request.jsapi)
      const answer = yield* client.call(
        jsapiOrder({
          mchid,
          appId,
          openid,
          outTradeNo: request.orderNo,
          description: request.description,
          amountFen: request.amountFen,
          expiresAt: request.expiresAt,
          notifyUrl: request.noticeUrl
        })
      )
      if (answer.kind === "refused") {
        return yield* orderRefused(answer.refusal) ? rejected(answer.refusal) : uncertain(answer.refusal)
      }
      const prepayId = yield* readPrepayId(answer.body)
      const at = Math.floor((yield* Clock.currentTimeMillis) / 1000)
      return { kind: "jsapi", params: jsapiParams(privateKey, { appId, prepayId, at, nonce: newNonce() }) } as const
    }),

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
    }),

    payer: payerIdentity(account, account.hosts)
  }
})

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

const readMerchantKey = Effect.fnUntraced(function* (account: WechatPayAccount) {
  const { key, serialNumber } = yield* readPrivateKey("privateKey", account.privateKey, { password: account.password })
  const given = account.merchantSerial?.toUpperCase()
  if (given !== undefined && serialNumber !== undefined && given !== serialNumber) {
    return yield* new AccountInvalid({
      field: "merchantSerial",
      message: `merchantSerial is ${given}, but the certificate beside privateKey is ${serialNumber}`
    })
  }
  const serial = given ?? serialNumber
  if (serial === undefined) {
    return yield* new AccountInvalid({
      field: "merchantSerial",
      message: "merchantSerial is missing: openssl x509 -in apiclient_cert.pem -noout -serial prints it"
    })
  }
  return { privateKey: key, serial }
})

const readPlatformKeys = Effect.fnUntraced(function* ({ verification }: WechatPayAccount) {
  const { publicKeyId, publicKey, platformCertificates } = verification
  const refuse = (field: string, message: string) => new AccountInvalid({ field: `verification.${field}`, message })
  if ((publicKeyId === undefined) !== (publicKey === undefined)) {
    return yield* refuse("publicKey", "verification.publicKeyId and verification.publicKey belong together: give both")
  }
  const pinned = new Map<string, KeyObject>()
  if (publicKeyId !== undefined && publicKey !== undefined) {
    pinned.set(serialOf(publicKeyId), (yield* readPublicKey("verification.publicKey", publicKey)).key)
  }
  for (const pem of typeof platformCertificates === "object" ? platformCertificates : []) {
    const { key, serialNumber } = yield* readPublicKey("verification.platformCertificates", pem)
    if (serialNumber === undefined) {
      return yield* refuse("platformCertificates", "verification.platformCertificates must hold certificates, not keys")
    }
    pinned.set(serialOf(serialNumber), key)
  }
  const downloads = platformCertificates === "download"
  if (pinned.size === 0 && !downloads) {
    return yield* refuse(
      "publicKey",
      'verification needs publicKeyId and publicKey, or platformCertificates: "download" for older merchants'
    )
  }
  return new PlatformKeys(pinned, downloads)
})

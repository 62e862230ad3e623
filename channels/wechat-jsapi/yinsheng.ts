import { Effect, Option, Schema } from "effect"
import { type AccountInvalid, type Channel, ChannelUncertain, type JsapiParams } from "../../core/channel/index.ts"
import { ysepayActs } from "../protocols/ysepay/acts.ts"
import { placeYsepayOrder } from "../protocols/ysepay/place-order.ts"
import { openYsepaySession } from "../protocols/ysepay/session.ts"
import type { YinshengJsapiAccount } from "./account.ts"
import { payerIdentity, payerOf } from "./payer.ts"

export const openYinshengJsapi = Effect.fnUntraced(function* (
  account: YinshengJsapiAccount
): Effect.fn.Return<Channel, AccountInvalid> {
  const session = yield* openYsepaySession(account)
  return {
    // Queries, closing, notices, refunds and bills are the same for all of Yinsheng's products.
    ...ysepayActs(session, account),

    // ysepay.online.weixin.pay: the fields of qrcodepay without bank_type, and the payer's (protocols/channels.md A6).
    charge: Effect.fnUntraced(function* (order) {
      const { appId, openid, miniProgram } = yield* payerOf(account, order.jsapi)
      const field = yield* placeYsepayOrder(session, account, order, "ysepay.online.weixin.pay", {
        appid: appId,
        sub_openid: openid,
        is_minipg: miniProgram ? "1" : "2",
        ...(account.payerIpField === "none" ? {} : { [account.payerIpField]: order.clientIp })
      })
      const params = readPayInfo(field("jsapi_pay_info"))
      if (params === undefined) return yield* new ChannelUncertain({ why: "unreadable", detail: "no jsapi_pay_info" })
      return { kind: "jsapi", params } as const
    }),

    payer: payerIdentity(account, account.hosts)
  }
})

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

/** Reads `jsapi_pay_info`, JSON text inside the JSON answer. The bridge wants the time as text. */
const readPayInfo = (text: string | undefined): JsapiParams | undefined => {
  const info = Option.getOrUndefined(decodePayInfo(text))
  return info === undefined ? undefined : { ...info, timeStamp: String(info.timeStamp) }
}

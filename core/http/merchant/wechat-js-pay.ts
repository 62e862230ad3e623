import { Effect } from "effect"
import { chargeOrder } from "../../cashier/charge.ts"
import { newPayToken, payTokenHash } from "../../cashier/pay-token.ts"
import { DEFAULT_NOTE, placeOrder } from "../../cashier/place.ts"
import { payPageUrl } from "../../cashier/token-order.ts"
import { uncertainOnceStored } from "../../cashier/uncertain.ts"
import { JSAPI_CODE } from "../../domain/channel-code.ts"
import { admit, notifyUrlFault, type SignedCall } from "./admit.ts"
import { Tables } from "./field-decoders.ts"
import { positiveAmount } from "./fields.ts"

/** Minutes that a JSAPI order can be paid for where timeOutExpress does not say (contract section 6). */
const EXPIRE_MINUTES = 30

/** `POST /api/cashier/wechat-js-pay` (contract section 6). Answers the `data` of the envelope. */
export const wechatJsPay = Effect.fnUntraced(function* (call: SignedCall) {
  const tables = yield* Tables
  const merchant = yield* admit(call)
  const fields = yield* tables.wechatJsPay(call.parameters, {
    notify_url: yield* notifyUrlFault(merchant, call.parameters)
  })
  yield* positiveAmount(fields.amount)

  const token = newPayToken()
  const openid = fields.subOpenId ?? null
  const payer = { appId: fields.appId ?? null, miniProgram: fields.isMiniPg === "1" }
  const { order, accounts } = yield* placeOrder({
    merchant,
    clientIp: call.clientIp,
    prefix: "WX",
    merchantOrderNo: fields.merchant_order_no,
    amountFen: fields.amount,
    notifyUrl: fields.notify_url ?? merchant.callbackUrl ?? "",
    body: "",
    extra: fields.extra ?? "",
    note: fields.note ?? DEFAULT_NOTE,
    channelCode: JSAPI_CODE,
    expireMinutes: fields.timeOutExpress ?? EXPIRE_MINUTES,
    jsapi: () => ({ ...payer, tokenHash: payTokenHash(token), openid })
  })

  // An openid is of one AppID: only where the order names its AppID may another account take it.
  const takers = payer.appId === null ? ([accounts[0]] as const) : accounts
  const charged =
    openid === null
      ? undefined
      : yield* uncertainOnceStored(order, chargeOrder({ order, jsapi: { ...payer, openid } }, takers, 1))
  return {
    order_no: order.orderNo,
    merchant_order_no: order.merchantOrderNo,
    amount: order.amountFen / 100,
    extra: order.extra,
    pay_url: yield* payPageUrl(token),
    pay_token: token,
    ...(charged?.presentation.kind === "jsapi" ? { jsapi_pay_info: charged.presentation.params } : {})
  }
})

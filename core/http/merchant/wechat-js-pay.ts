import { Effect } from "effect"
import { placeOrder } from "../../cashier/place.ts"
import { JSAPI_CODE } from "../../domain/channel-code.ts"
import { admit, type SignedCall } from "./admit.ts"
import { FieldDecoders } from "./field-decoders.ts"
import { DEFAULT_NOTE, positiveAmount } from "./fields.ts"
import { notifyUrlFault } from "./notify-url-fault.ts"
import { presentPayPage } from "./present.ts"

/** Minutes for which a JSAPI order can be paid if timeOutExpress is absent (contract section 6). */
const EXPIRE_MINUTES = 30

/** `POST /api/cashier/wechat-js-pay` (contract section 6). Returns the `data` of the envelope. */
export const wechatJsPay = Effect.fnUntraced(function* (call: SignedCall) {
  const decoders = yield* FieldDecoders
  const merchant = yield* admit(call)
  const fields = yield* decoders.wechatJsPay(call.parameters, {
    notify_url: yield* notifyUrlFault(merchant, call.parameters)
  })
  yield* positiveAmount(fields.amount)
  const placed = yield* placeOrder({
    merchant,
    clientIp: call.clientIp,
    merchantOrderNo: fields.merchant_order_no,
    amountFen: fields.amount,
    notifyUrl: fields.notify_url ?? merchant.callbackUrl ?? "",
    body: "",
    extra: fields.extra ?? "",
    note: fields.note ?? DEFAULT_NOTE,
    channelCode: JSAPI_CODE,
    expireMinutes: fields.timeOutExpress ?? EXPIRE_MINUTES,
    payer: { appId: fields.appId ?? null, miniProgram: fields.isMiniPg === "1", openid: fields.subOpenId ?? null }
  })
  const { order } = placed
  return {
    order_no: order.orderNo,
    merchant_order_no: order.merchantOrderNo,
    amount: order.amountFen / 100,
    extra: order.extra,
    ...(yield* presentPayPage(placed))
  }
})

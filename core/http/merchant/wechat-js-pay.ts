import { Effect } from "effect"
import { placeOrder } from "../../cashier/place.ts"
import { JSAPI_CODE } from "../../domain/channel-code.ts"
import type { SignedCall } from "./admit.ts"
import { admitOrder } from "./admit-order.ts"
import { FieldDecoders } from "./field-decoders.ts"
import { presentPayPage } from "./present.ts"

/** Minutes for which a JSAPI order can be paid if timeOutExpress is absent (contract section 6). */
const EXPIRE_MINUTES = 30

/** `POST /api/cashier/wechat-js-pay` (contract section 6). Returns the `data` of the envelope. */
export const wechatJsPay = Effect.fnUntraced(function* (call: SignedCall) {
  const decoders = yield* FieldDecoders
  const { fields, order } = yield* admitOrder(call, decoders.wechatJsPay)
  const placed = yield* placeOrder({
    ...order,
    body: "",
    channelCode: JSAPI_CODE,
    expireMinutes: fields.timeOutExpress ?? EXPIRE_MINUTES,
    payer: { appId: fields.appId ?? null, miniProgram: fields.isMiniPg === "1", openid: fields.subOpenId ?? null }
  })
  return {
    order_no: placed.order.orderNo,
    merchant_order_no: order.merchantOrderNo,
    amount: order.amountFen / 100,
    extra: order.extra,
    ...(yield* presentPayPage(placed))
  }
})

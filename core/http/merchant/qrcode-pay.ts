import { Effect } from "effect"
import { placeOrder } from "../../cashier/place.ts"
import type { SignedCall } from "./admit.ts"
import { admitOrder } from "./admit-order.ts"
import { FieldDecoders } from "./field-decoders.ts"
import { presentCode } from "./present.ts"

/** Minutes for which a QR order can be paid (contract section 5). */
const QR_EXPIRE_MINUTES = 30

/** `POST /api/cashier/qrcode-pay` (contract section 5). Returns the `data` of the envelope. */
export const qrcodePay = Effect.fnUntraced(function* (call: SignedCall) {
  const decoders = yield* FieldDecoders
  const { fields, order } = yield* admitOrder(call, decoders.qrcodePay)
  const placed = yield* placeOrder({
    ...order,
    body: fields.body ?? "",
    channelCode: fields.channel_code,
    expireMinutes: QR_EXPIRE_MINUTES,
    payer: null
  })
  return {
    order_no: placed.order.orderNo,
    merchant_order_no: order.merchantOrderNo,
    amount: order.amountFen,
    extra: order.extra,
    ...(yield* presentCode(placed)),
    expire_minutes: QR_EXPIRE_MINUTES
  }
})

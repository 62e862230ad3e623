import { Effect } from "effect"
import { placeOrder } from "../../cashier/place.ts"
import { admit, type SignedCall } from "./admit.ts"
import { FieldDecoders } from "./field-decoders.ts"
import { DEFAULT_NOTE, positiveAmount } from "./fields.ts"
import { notifyUrlFault } from "./notify-url-fault.ts"
import { presentCode } from "./present.ts"

/** Minutes for which a QR order can be paid (contract section 5). */
export const QR_EXPIRE_MINUTES = 30

/** `POST /api/cashier/qrcode-pay` (contract section 5). Returns the `data` of the envelope. */
export const qrcodePay = Effect.fnUntraced(function* (call: SignedCall) {
  const decoders = yield* FieldDecoders
  const merchant = yield* admit(call)
  const fields = yield* decoders.qrcodePay(call.parameters, {
    notify_url: yield* notifyUrlFault(merchant, call.parameters)
  })
  yield* positiveAmount(fields.amount)
  const placed = yield* placeOrder({
    merchant,
    clientIp: call.clientIp,
    merchantOrderNo: fields.merchant_order_no,
    amountFen: fields.amount,
    notifyUrl: fields.notify_url ?? merchant.callbackUrl ?? "",
    body: fields.body ?? "",
    extra: fields.extra ?? "",
    note: fields.note ?? DEFAULT_NOTE,
    channelCode: fields.channel_code,
    expireMinutes: QR_EXPIRE_MINUTES,
    payer: null
  })
  const { order } = placed
  return {
    order_no: order.orderNo,
    merchant_order_no: order.merchantOrderNo,
    amount: order.amountFen,
    extra: order.extra,
    ...(yield* presentCode(placed)),
    expire_minutes: QR_EXPIRE_MINUTES
  }
})

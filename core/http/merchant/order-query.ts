import { Effect } from "effect"
import { queryOrder } from "../../cashier/query.ts"
import { Settings } from "../../config/gateway-config.ts"
import { OrderNumberMissing } from "../../domain/errors.ts"
import type { Language } from "../../domain/language.ts"
import { localText } from "../../domain/time.ts"
import type { OrderSummary } from "../../pipeline/persistence/orders.ts"
import { admit, type SignedCall } from "./admit.ts"
import { FieldDecoders } from "./field-decoders.ts"
import { amountsOf, statusView } from "./order-view.ts"

/** `POST /api/cashier/order-query` (contract section 7): the order, and the zone in which its times are written. */
export const orderQuery = Effect.fnUntraced(function* (call: SignedCall) {
  const decoders = yield* FieldDecoders
  const { timezone } = yield* Settings
  const merchant = yield* admit(call)
  const { order_no: orderNo, merchant_order_no: merchantOrderNo } = yield* decoders.orderQuery(call.parameters)
  const by = orderNo !== undefined ? { orderNo } : merchantOrderNo !== undefined ? { merchantOrderNo } : undefined
  if (by === undefined) return yield* new OrderNumberMissing()
  const order = yield* queryOrder({ merchant, clientIp: call.clientIp, by })
  return { order, timezone }
})

/** The `data` of order-query's envelope. */
export const orderQueryData = (
  { order, timezone }: { readonly order: OrderSummary; readonly timezone: string },
  language: Language
) => ({
  order_no: order.orderNo,
  merchant_order_no: order.merchantOrderNo,
  ...amountsOf(order),
  ...statusView(order, language),
  channel_code: order.channelCode,
  pay_time: order.paidAt === null ? null : localText(order.paidAt, timezone),
  created_at: localText(order.createdAt, timezone)
})

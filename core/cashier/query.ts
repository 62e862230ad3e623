import { Effect } from "effect"
import { OrderNotFound, OrderNumberMissing } from "../domain/errors.ts"
import { yuanText } from "../domain/money.ts"
import { ORDER_STATUS, type Order } from "../domain/order.ts"
import { localText } from "../domain/time.ts"
import { admit, type SignedCall } from "../http/merchant/admit.ts"
import { Tables } from "../http/merchant/field-decoders.ts"
import { Persistence } from "../pipeline/persistence/persistence.ts"
import { Throttle } from "../pipeline/throttle/throttle.ts"
import { Settings } from "./settings.ts"

/** `POST /api/cashier/order-query` (contract section 7). Answers the order; the edge writes it in its language. */
export const orderQuery = Effect.fnUntraced(function* (call: SignedCall) {
  const tables = yield* Tables
  const throttle = yield* Throttle
  const { orders } = yield* Persistence
  const merchant = yield* admit(call)
  const fields = yield* tables.orderQuery(call.parameters)
  const { order_no: orderNo, merchant_order_no: merchantOrderNo } = fields
  if (orderNo === undefined && merchantOrderNo === undefined) return yield* new OrderNumberMissing()
  yield* throttle.take(merchant, call.clientIp, "query")

  const order =
    orderNo !== undefined
      ? yield* orders.summary({ merchantId: merchant.id, orderNo })
      : yield* orders.summaryByMerchantOrderNo(merchant.id, merchantOrderNo ?? "")
  if (order === null) return yield* new OrderNotFound()
  const { config } = yield* Settings
  return {
    order_no: order.orderNo,
    merchant_order_no: order.merchantOrderNo,
    ...amountsOf(order),
    ...statusOf(order),
    channel_code: order.channelCode,
    pay_time: order.paidAt === null ? null : localText(order.paidAt, config.timezone),
    created_at: localText(order.createdAt, config.timezone)
  }
})

/** Yuan texts; both parts are "0.00" until the order is paid. */
export const amountsOf = (order: Pick<Order, "amountFen" | "actualFen" | "feeFen">) => ({
  amount: yuanText(order.amountFen),
  actual_amount: yuanText(order.actualFen ?? 0),
  fee: yuanText(order.feeFen ?? 0)
})

/** The wire's number and name; `status_text` is the edge's. */
export const statusOf = (order: Pick<Order, "status">) => ({
  status: ORDER_STATUS[order.status],
  status_name: order.status
})

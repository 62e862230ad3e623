import { Effect } from "effect"
import { OrderNotFound } from "../domain/errors.ts"
import type { Merchant } from "../domain/merchant.ts"
import { Orders } from "../pipeline/persistence/orders.ts"
import { Throttle } from "../pipeline/throttle/throttle.ts"

/** An authenticated merchant asks for an order of its own by one of its numbers. */
export interface QueryOrder {
  readonly merchant: Merchant
  readonly clientIp: string
  readonly by: { readonly orderNo: string } | { readonly merchantOrderNo: string }
}

/** What the merchant is told of its order. Another merchant's order is not found. */
export const queryOrder = Effect.fnUntraced(function* ({ merchant, clientIp, by }: QueryOrder) {
  const throttle = yield* Throttle
  const orders = yield* Orders
  yield* throttle.take(merchant, clientIp, "query")
  const order =
    "orderNo" in by
      ? yield* orders.summary({ merchantId: merchant.id, orderNo: by.orderNo })
      : yield* orders.summaryByMerchantOrderNo(merchant.id, by.merchantOrderNo)
  return order ?? (yield* new OrderNotFound())
})

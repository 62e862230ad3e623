import { Effect } from "effect"
import { OrderNotFound } from "../domain/errors.ts"
import type { Merchant } from "../domain/merchant.ts"
import { Orders } from "../pipeline/persistence/orders.ts"
import { Throttle } from "../pipeline/throttle/throttle.ts"

/** An authenticated merchant's query for one of its own orders, by either of the order's numbers. */
export interface QueryOrder {
  readonly merchant: Merchant
  readonly clientIp: string
  readonly by: { readonly orderNo: string } | { readonly merchantOrderNo: string }
}

/** Finds a merchant's order. Another merchant's order counts as OrderNotFound. */
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

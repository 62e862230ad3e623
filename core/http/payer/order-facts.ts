import { Effect } from "effect"
import { Settings } from "../../config/gateway-config.ts"
import type { Order } from "../../domain/order.ts"
import { localText } from "../../domain/time.ts"
import { MerchantDirectory } from "../../pipeline/auth/merchant-directory.ts"
import type { OrderFacts } from "./frame.ts"

/** What a page for a payer says of an order. */
export const factsOf = Effect.fnUntraced(function* (order: Order) {
  const directory = yield* MerchantDirectory
  const known = yield* directory.byId(order.merchantId)
  return {
    orderNo: order.orderNo,
    amountFen: order.amountFen,
    payee: known?.merchant.name ?? "",
    testMode: known?.merchant.mode === "test"
  } satisfies OrderFacts
})

/** When an order was paid, in the gateway's zone; null = it is not. */
export const paidAtText = Effect.fnUntraced(function* ({ paidAt }: Order) {
  const { timezone } = yield* Settings
  return paidAt === null ? null : localText(paidAt, timezone)
})

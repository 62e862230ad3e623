import { Effect } from "effect"
import { PayLinkExpired } from "../domain/errors.ts"
import { yuanText } from "../domain/money.ts"
import { Persistence } from "../pipeline/persistence/persistence.ts"
import { isReadable } from "./pay-token.ts"
import { statusOf } from "./query.ts"
import { orderOfToken, takeTokenCall } from "./token-order.ts"

/** `GET /api/cashier/pay-state?token=…` (contract section 6): the order's state, whatever it is. */
export const payStateOf = Effect.fnUntraced(function* (token: string) {
  if (token === "") return yield* new PayLinkExpired()
  const order = yield* orderOfToken(token)
  if (order !== null) yield* takeTokenCall(token)
  const nowMs = (yield* Persistence).nowMs()
  if (order === null || !isReadable(order, nowMs)) return yield* new PayLinkExpired()
  return { order_no: order.orderNo, amount: yuanText(order.amountFen), ...statusOf(order) }
})

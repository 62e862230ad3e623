import { Effect } from "effect"
import { isOrderNo } from "../domain/order-no.ts"
import { sameDigest } from "../domain/signature.ts"
import { Orders } from "../pipeline/persistence/orders.ts"
import { LinkKey, linkMac } from "../secrets/link-key.ts"

/*
 * The token of an order's return page (contract section 12). A provider sends the payer's browser back with it, so it
 * passes through the provider's systems: whoever has it can see how the order stands, and can do nothing else.
 */

/** Names the order and is sealed; the same each time, so nothing is stored. */
export const returnToken = (linkKey: Uint8Array, orderNo: string): string =>
  `${orderNo}.${linkMac(linkKey, "return", orderNo)}`

/** The order of a return token; null = the gateway did not make the token. */
export const orderOfReturnToken = Effect.fnUntraced(function* (token: string) {
  const orders = yield* Orders
  const linkKey = yield* LinkKey
  const [orderNo = ""] = token.split(".")
  if (!isOrderNo(orderNo) || !sameDigest(returnToken(linkKey, orderNo), token)) return null
  return yield* orders.findByOrderNo(orderNo)
})

import { Effect } from "effect"
import { PayLinkExpired } from "../domain/errors.ts"
import { StoreClock } from "../pipeline/persistence/store-clock.ts"
import { isReadable, orderOfToken, takeTokenCall } from "./pay-token.ts"

/**
 * The order of a pay token, in whatever state, until 30 minutes after its expiry (contract section 6). Costs one of the
 * token's calls. Fails with PayLinkExpired, ThrottleExceeded or StoreUnavailable.
 */
export const payState = Effect.fnUntraced(function* (token: string) {
  if (token === "") return yield* new PayLinkExpired()
  const order = yield* orderOfToken(token)
  // An unknown token takes no slot: anybody can invent one.
  if (order !== null) yield* takeTokenCall(order)
  const { nowMs } = yield* StoreClock
  if (order === null || !isReadable(order, nowMs())) return yield* new PayLinkExpired()
  return order
})

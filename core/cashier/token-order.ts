import { Effect } from "effect"
import { PayLinkExpired, ThrottleExceeded } from "../domain/errors.ts"
import { Persistence } from "../pipeline/persistence/persistence.ts"
import { Throttle } from "../pipeline/throttle/throttle.ts"
import { isPayable, payTokenHash } from "./pay-token.ts"
import { Settings } from "./settings.ts"

/** What a pay_token opens: its order, its calls, its page (contract section 6). */

/** The order that a token still pays for. Costs one of the token's calls. */
export const payableOrder = Effect.fnUntraced(function* (token: string) {
  const order = yield* orderOfToken(token)
  // A token that is nobody's takes no slot: anybody can make those up.
  if (order !== null) yield* takeTokenCall(token)
  const nowMs = (yield* Persistence).nowMs()
  if (order === null || !isPayable(order, nowMs)) return yield* new PayLinkExpired()
  return order
})

export const orderOfToken = Effect.fnUntraced(function* (token: string) {
  const { orders } = yield* Persistence
  return yield* orders.findByTokenHash(payTokenHash(token))
})

/** 10 calls per 10 s per token over both token endpoints; the answer names the seconds to wait. */
export const takeTokenCall = Effect.fnUntraced(function* (token: string) {
  const throttle = yield* Throttle
  yield* throttle
    .takeKey(`paytoken:{${payTokenHash(token).slice(0, 32)}}`, { count: 10, windowMs: 10_000 })
    .pipe(
      Effect.catchTag("ThrottleExceeded", ({ retryAfterMs }) =>
        Effect.fail(new ThrottleExceeded({ retryAfterMs, windowMs: retryAfterMs }))
      )
    )
})

/** The pay page of a token (contract section 6). */
export const payPageUrl = Effect.fnUntraced(function* (token: string) {
  const { urls } = yield* Settings
  return `${urls().publicUrl}/wechat-pay-invoke.html?token=${token}`
})

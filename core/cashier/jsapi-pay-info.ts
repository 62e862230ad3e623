import { Clock, Effect } from "effect"
import type { JsapiParams, Presentation } from "../channel/provider.ts"
import {
  ChannelUnavailable,
  ChargeUncertain,
  FieldsInvalid,
  OtherPayer,
  PayLinkExpired,
  ThrottleExceeded
} from "../domain/errors.ts"
import type { Order } from "../domain/order.ts"
import type { Parameters } from "../domain/parameters.ts"
import { Persistence } from "../pipeline/persistence.ts"
import { Throttle } from "../pipeline/throttle.ts"
import { Channels } from "./channels.ts"
import { chargeOrder } from "./charge.ts"
import { isPayable, payTokenHash } from "./pay-token.ts"
import { SingleFlight } from "./single-flight.ts"
import { Tables } from "./tables.ts"
import { uncertainOnceStored } from "./uncertain.ts"

/** Who is paying: known already, or to be told from a login code. */
export type PayerProof =
  | { readonly openid: string; readonly code?: undefined }
  | { readonly code: string; readonly openid?: undefined }

/** `POST /api/cashier/jsapi-pay-info` (contract section 6): unsigned, the token is the credential. */
export const jsapiPayInfo = Effect.fnUntraced(function* (parameters: Parameters) {
  const tables = yield* Tables
  const fields = yield* tables.jsapiPayInfo(parameters)
  const order = yield* payableOrder(fields.pay_token)
  const { openid, code } = fields
  if (openid !== undefined && code === undefined) return yield* payInfo(order, { openid })
  if (code !== undefined && openid === undefined) return yield* payInfo(order, { code })
  const message = openid === undefined ? "payer.missing" : "payer.both"
  return yield* new FieldsInvalid({ errors: [{ field: "openid", messages: [message] }] })
})

/** The order that a token still pays for. Costs one of the token's calls. */
export const payableOrder = Effect.fnUntraced(function* (token: string) {
  yield* takeTokenCall(token)
  const order = yield* orderOfToken(token)
  const nowMs = (yield* Clock.Clock).currentTimeMillisUnsafe()
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

/**
 * Binds a payable order to its payer, charges it once, and answers what the payer's bridge takes. The same payer gets
 * the same again; another one is refused.
 */
export const payInfo = Effect.fnUntraced(function* (order: Order, proof: PayerProof) {
  const flights = yield* SingleFlight
  const { orders } = yield* Persistence
  const channels = yield* Channels
  const account = yield* channels.open(order.accountId)
  if (account === null || order.jsapi === null) return yield* new ChannelUnavailable({ orderNo: order.orderNo })
  const { appId, miniProgram } = order.jsapi

  const openid = proof.openid ?? (yield* identify(order, proof.code))
  if ((yield* orders.bindPayer(order, openid)) !== openid) return yield* new OtherPayer()
  // Two tabs at once are one charge; what the first stored, the second reads.
  const params = yield* flights.run(
    order.orderNo,
    Effect.gen(function* () {
      const stored = yield* orders.find(order)
      if (stored === null || stored.status !== "PENDING") return yield* new PayLinkExpired()
      const known = jsapiParams(stored.presentation)
      if (known !== undefined) return known
      const charge = { order: stored, jsapi: { appId, miniProgram, openid } }
      const { presentation } = yield* uncertainOnceStored(stored, chargeOrder(charge, [account]))
      if (presentation.kind !== "jsapi") return yield* new ChargeUncertain({ orderNo: order.orderNo })
      return presentation.params
    })
  )
  return { order_no: order.orderNo, jsapi_pay_info: params }
})

/** The openid behind a login code. A code that the provider refuses is the caller's fault; the order lives on. */
const identify = Effect.fnUntraced(function* (order: Order, code: string) {
  const channels = yield* Channels
  const account = yield* channels.open(order.accountId)
  const payer = account?.channel.payer
  if (account === null || payer === undefined || order.jsapi === null) {
    return yield* new ChannelUnavailable({ orderNo: order.orderNo })
  }
  const { appId, miniProgram } = order.jsapi
  const { openid } = yield* account
    .act(() => payer.identify({ code, miniProgram, appId }), [])
    .pipe(
      Effect.catchTag("ChannelRejected", () =>
        Effect.fail(new FieldsInvalid({ errors: [{ field: "code", messages: ["code.refused"] }] }))
      ),
      Effect.catchTag("ChannelUncertain", () => Effect.fail(new ChargeUncertain({ orderNo: order.orderNo })))
    )
  return openid
})

/** The bridge's parameters in a stored presentation. */
export const jsapiParams = (stored: Order["presentation"]): JsapiParams | undefined => {
  const presentation = stored as Presentation | null
  return presentation?.kind === "jsapi" ? presentation.params : undefined
}

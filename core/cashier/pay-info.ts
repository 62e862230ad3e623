import { Effect } from "effect"
import type { JsapiParams, Presentation } from "../channel/provider.ts"
import { ChannelUnavailable, ChargeUncertain, FieldsInvalid, OtherPayer, PayLinkExpired } from "../domain/errors.ts"
import type { Order } from "../domain/order.ts"
import { fieldInput, type Parameters } from "../domain/parameters.ts"
import { Tables } from "../http/merchant/field-decoders.ts"
import { Persistence } from "../pipeline/persistence/persistence.ts"
import { Channels, type OpenedAccount } from "./channels.ts"
import { chargeOrder } from "./charge.ts"
import { SingleFlight } from "./key-lock.ts"
import { isPayable } from "./pay-token.ts"
import { payableOrder } from "./token-order.ts"
import { uncertainOnceStored } from "./uncertain.ts"

/** Who is paying: known already, or to be told from a login code. */
export type PayerProof =
  | { readonly openid: string; readonly code?: undefined }
  | { readonly code: string; readonly openid?: undefined }

/** `POST /api/cashier/jsapi-pay-info` (contract section 6): unsigned, the token is the credential. */
export const jsapiPayInfo = Effect.fnUntraced(function* (parameters: Parameters) {
  const tables = yield* Tables
  const fields = yield* tables.jsapiPayInfo(parameters, { openid: payerFault(parameters) })
  const order = yield* payableOrder(fields.pay_token)
  const { openid, code = "" } = fields
  return yield* payInfo(order, openid === undefined ? { code } : { openid })
})

/** Exactly one of openid and code says who pays. */
const payerFault = (parameters: Parameters): string | undefined => {
  const given = ["openid", "code"].filter((name) => fieldInput(parameters.get(name)) !== undefined)
  return given.length === 1 ? undefined : given.length === 0 ? "payer.missing" : "payer.both"
}

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
  const params = yield* flights.run(order.orderNo, chargedParams(order, account, { appId, miniProgram, openid }))
  return { order_no: order.orderNo, jsapi_pay_info: params }
})

/** How often the end of a charge in another process is looked for, and how long. */
const BUSY_LOOK = "250 millis"
const BUSY_LOOKS_MAX = 80

/** The order's parameters: those of an earlier charge, or of one that begins now. */
const chargedParams = Effect.fnUntraced(function* (
  order: Order,
  account: OpenedAccount,
  payer: { readonly appId: string | null; readonly miniProgram: boolean; readonly openid: string }
) {
  const { orders, nowMs } = yield* Persistence
  for (let look = 0; look < BUSY_LOOKS_MAX; look++) {
    const stored = yield* orders.find(order)
    // Finding out who pays took its time: the order may have been paid, closed or expired meanwhile.
    if (stored === null || !isPayable(stored, nowMs())) return yield* new PayLinkExpired()
    const known = jsapiParams(stored.presentation)
    if (known !== undefined) return known
    const begun = yield* orders.beginCharge(order)
    if (begun === "over") return yield* new PayLinkExpired()
    if (begun === "busy") {
      yield* Effect.sleep(BUSY_LOOK)
      continue
    }
    const { presentation } = yield* uncertainOnceStored(
      stored,
      chargeOrder({ order: stored, jsapi: payer }, [account], begun)
    )
    if (presentation.kind === "jsapi") return presentation.params
    break
  }
  return yield* new ChargeUncertain({ orderNo: order.orderNo })
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

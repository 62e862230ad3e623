import { Effect, Schema } from "effect"
import type { JsapiParams, Presentation } from "../channel/provider.ts"
import { ChannelUnavailable, ChargeUncertain, OtherPayer, PayLinkExpired } from "../domain/errors.ts"
import type { Order } from "../domain/order.ts"
import { Charges } from "../pipeline/persistence/charges.ts"
import { Orders } from "../pipeline/persistence/orders.ts"
import { StoreClock } from "../pipeline/persistence/store-clock.ts"
import { Channels } from "./channels.ts"
import { chargeOrder } from "./charge.ts"
import { KeyLock } from "./key-lock.ts"
import type { OpenedAccount } from "./opened-account.ts"
import { isPayable, payableOrder } from "./pay-token.ts"
import { uncertainOnceStored } from "./uncertain.ts"

/** The provider refused a login code: it is used, expired or another AppID's. The order stays payable. */
export class LoginCodeRefused extends Schema.TaggedError<LoginCodeRefused>()("LoginCodeRefused", {}) {}

/** Who is paying: a known openid, or a login code to exchange for one. */
export type PayerProof =
  | { readonly openid: string; readonly code?: undefined }
  | { readonly code: string; readonly openid?: undefined }

/**
 * Charges the order of a pay token for its payer and returns the payer's bridge parameters (contract section 6). The
 * token is the credential.
 */
export const payWithToken = Effect.fnUntraced(function* (token: string, proof: PayerProof) {
  const order = yield* payableOrder(token)
  return { order, params: yield* chargeForPayer(order, proof) }
})

/**
 * Binds a payable order to its payer, charges it once and returns the payer's bridge parameters. The same payer gets
 * the same parameters again; another payer is refused (OtherPayer).
 */
export const chargeForPayer = Effect.fnUntraced(function* (order: Order, proof: PayerProof) {
  const locks = yield* KeyLock
  const orders = yield* Orders
  const channels = yield* Channels
  const account = yield* channels.open(order.accountId)
  if (account === null || order.jsapi === null) return yield* new ChannelUnavailable({ orderNo: order.orderNo })
  const { appId, miniProgram } = order.jsapi

  const openid = proof.openid ?? (yield* identify(order, proof.code))
  if ((yield* orders.bindPayer(order, openid)) !== openid) return yield* new OtherPayer()
  // Two tabs at once make one charge: the second reads what the first has stored.
  return yield* locks.withLock(order.orderNo, chargedParams(order, account, { appId, miniProgram, openid }))
})

/** Polling for the end of a charge in another process: 20 s in all. */
const BUSY_POLL = "250 millis"
const BUSY_POLLS_MAX = 80

/** The order's bridge parameters: from an earlier charge, or from one that begins now. */
const chargedParams = Effect.fnUntraced(function* (
  order: Order,
  account: OpenedAccount,
  payer: { readonly appId: string | null; readonly miniProgram: boolean; readonly openid: string }
) {
  const orders = yield* Orders
  const charges = yield* Charges
  const { nowMs } = yield* StoreClock
  for (let poll = 0; poll < BUSY_POLLS_MAX; poll++) {
    const stored = yield* orders.find(order)
    // Identifying the payer takes time: the order may have been paid, closed or expired meanwhile.
    if (stored === null || !isPayable(stored, nowMs())) return yield* new PayLinkExpired()
    const known = jsapiParams(stored.presentation)
    if (known !== undefined) return known
    const begun = yield* charges.begin(order)
    if (begun === "over") return yield* new PayLinkExpired()
    if (begun === "busy") {
      yield* Effect.sleep(BUSY_POLL)
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

/** Exchanges a login code for the payer's openid. */
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
      Effect.catchTag("ChannelRejected", () => Effect.fail(new LoginCodeRefused())),
      Effect.catchTag("ChannelUncertain", () => Effect.fail(new ChargeUncertain({ orderNo: order.orderNo })))
    )
  return openid
})

/** The bridge parameters in a stored presentation; undefined = it has none. */
export const jsapiParams = (stored: Order["presentation"]): JsapiParams | undefined => {
  const presentation = stored as Presentation | null
  return presentation?.kind === "jsapi" ? presentation.params : undefined
}

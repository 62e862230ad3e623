import { Effect, References, Result, Schema } from "effect"
import type { JsapiParams, Presentation } from "../channel/provider.ts"
import { ChannelUnavailable, ChargeUncertain, OtherPayer, PayLinkExpired } from "../domain/errors.ts"
import type { Order } from "../domain/order.ts"
import { Background } from "../observe/background.ts"
import type { Exchange } from "../outbound/channel-http.ts"
import { Charges } from "../pipeline/persistence/charges.ts"
import { Orders } from "../pipeline/persistence/orders.ts"
import { StoreClock } from "../pipeline/persistence/store-clock.ts"
import { Bulkheads } from "./bulkheads.ts"
import { Channels } from "./channels.ts"
import { type Charge, chargeOrder } from "./charge.ts"
import { KeyLock } from "./key-lock.ts"
import type { OpenedAccount } from "./opened-account.ts"
import { admitPayer, isPayable, orderOfToken } from "./pay-token.ts"
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
  const order = yield* orderOfToken(token)
  // An unknown token takes no throttle slot: anybody can invent one.
  if (order === null) return yield* new PayLinkExpired()
  return { order, params: yield* chargeForPayer(order, proof) }
})

/**
 * Charges an order once for its payer and returns the payer's bridge parameters. Whichever door a payer comes through,
 * this act is admitted, and permitted, here: it costs one of the token's calls, and neither a login nor a charge begins
 * while the merchant or the account is stopped (ChannelUnavailable; the order stays PENDING). The charge binds the order
 * to its payer: the same payer gets the same parameters again, stopped or not, because nothing new is charged; another
 * payer is refused (OtherPayer). Fails with Overloaded, and asks no channel, if too many orders wait for the account.
 */
export const chargeForPayer = Effect.fnUntraced(function* (order: Order, proof: PayerProof) {
  const bulkheads = yield* Bulkheads
  const channels = yield* Channels
  yield* admitPayer(order)
  const account = yield* channels.open(order.accountId)
  if (account === null) return yield* new ChannelUnavailable({ orderNo: null })
  return yield* bulkheads.whileWaiting(
    order,
    Effect.fnUntraced(function* (take) {
      if (!take(account)) return yield* bulkheads.refuse(order.merchantId, account)
      return yield* chargeAt(order, account, proof)
    })
  )
})

const chargeAt = Effect.fnUntraced(function* (order: Order, account: OpenedAccount, proof: PayerProof) {
  const locks = yield* KeyLock
  if (order.jsapi === null) return yield* new ChannelUnavailable({ orderNo: null })
  const { appId, miniProgram } = order.jsapi
  const openid = proof.openid ?? (yield* identify(order, account, proof.code))
  const charge = {
    jsapi: { appId, miniProgram, openid },
    payerBy: proof.openid === undefined ? ("login" as const) : ("claim" as const)
  }
  // Two tabs at once make one charge: the second reads what the first has stored.
  return yield* locks.withLock(order.orderNo, chargedParams(order, account, charge))
})

/** Polling for the end of a charge in another process: 20 s in all. */
const BUSY_POLL = "250 millis"
const BUSY_POLLS_MAX = 80

/** The order's bridge parameters: from an earlier charge, or from one that begins now. */
const chargedParams = Effect.fnUntraced(function* (
  order: Order,
  account: OpenedAccount,
  charge: Required<Pick<Charge, "jsapi" | "payerBy">>
) {
  const orders = yield* Orders
  const charges = yield* Charges
  const { nowMs } = yield* StoreClock
  const payer = charge.jsapi.openid
  for (let poll = 0; poll < BUSY_POLLS_MAX; poll++) {
    const stored = yield* orders.find(order)
    // Identifying the payer takes time: the order may have been paid, closed or expired meanwhile.
    if (stored === null || !isPayable(stored, nowMs())) return yield* new PayLinkExpired()
    const bound = stored.jsapi?.openid ?? null
    if (bound !== null && bound !== payer) return yield* new OtherPayer()
    const known = jsapiParams(stored.presentation)
    if (known !== undefined) return known
    const { merchantId, orderNo } = stored
    const begun = yield* charges.begin({ merchantId, orderNo, payer })
    if (begun === "over") return yield* new PayLinkExpired()
    if (begun === "stopped") return yield* new ChannelUnavailable({ orderNo: null })
    if (begun === "busy") {
      yield* Effect.sleep(BUSY_POLL)
      continue
    }
    const { presentation } = yield* uncertainOnceStored(
      stored,
      chargeOrder({ order: stored, ...charge }, [account], begun)
    )
    if (presentation.kind === "jsapi") return presentation.params
    break
  }
  return yield* new ChargeUncertain({ orderNo: order.orderNo })
})

/** Exchanges a login code for the payer's openid. A login that names nobody is kept in the order's timeline and logged. */
const identify = Effect.fnUntraced(function* (order: Order, account: OpenedAccount, code: string) {
  const charges = yield* Charges
  const background = yield* Background
  const { payer } = account.channel
  const unavailable = new ChannelUnavailable({ orderNo: null })
  if (payer === undefined || order.jsapi === null || !(yield* charges.permits(order))) return yield* unavailable
  const { appId, miniProgram } = order.jsapi
  const record: Array<Exchange> = []
  const answer = yield* Effect.result(account.act(() => payer.identify({ code, miniProgram, appId }), record))
  if (Result.isSuccess(answer)) return answer.success.openid

  const { failure } = answer
  const outcome = failure._tag === "ChannelRejected" ? "rejected" : "uncertain"
  const reason = withoutLogin(failure.message, code)
  const exchanges = record.map((exchange) => ({
    ...exchange,
    sent: withoutLogin(exchange.sent, code),
    received: withoutLogin(exchange.received, code)
  }))
  const { request_id: requestId } = yield* References.CurrentLogAnnotations
  yield* Effect.logWarning("a payer could not be identified", {
    order_no: order.orderNo,
    account: account.id,
    reason
  })
  yield* background.run(
    charges.recordLogin({
      merchantId: order.merchantId,
      orderNo: order.orderNo,
      outcome,
      detail: { request_id: String(requestId ?? ""), accountId: account.id, reason, exchanges }
    })
  )
  if (failure._tag === "ChannelUncertain") return yield* new ChargeUncertain({ orderNo: order.orderNo })
  // A new code would not help where the account itself is refused (a wrong AppSecret).
  return yield* failure.concerns === "everyone" ? unavailable : new LoginCodeRefused()
})

/** A text of a login without what a reader could log in with: the code, and the tokens that OAuth answers may hold. */
const withoutLogin = (text: string, code: string): string =>
  (code === "" ? text : text.replaceAll(code, "<redacted>").replaceAll(encodeURIComponent(code), "<redacted>")).replace(
    /("(?:access_token|refresh_token|session_key)"\s*:\s*)"[^"]*"?/g,
    '$1"<redacted>"'
  )

/** The bridge parameters in a stored presentation; undefined = it has none. */
export const jsapiParams = (stored: Order["presentation"]): JsapiParams | undefined => {
  const presentation = stored as Presentation | null
  return presentation?.kind === "jsapi" ? presentation.params : undefined
}

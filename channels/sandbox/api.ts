import { Clock, Effect, Option, Redacted, Schema } from "effect"
import type { SiteContext, SiteRequest, SiteResponse, StoreUnavailable } from "../../core/channel/index.ts"
import type { SandboxAccount } from "./account.ts"
import { SandboxDelays } from "./delays.ts"
import { faultAt, faultsOf } from "./faults.ts"
import { inBackground, isAccepted, noticeBody, type SentNotice, sendNotice, tellPaid, wirePayment } from "./notices.ts"
import { FRESH_MS, newNonce, type SigningKey, signatureHeaders, verified } from "./sign.ts"
import {
  addTrade,
  close,
  closedBefore,
  confirm,
  expire,
  findTrade,
  newTradeNo,
  ORDER_NO,
  payLate,
  paymentOf,
  refund,
  step,
  type Trade,
  ticketOf
} from "./trade.ts"
import { jsapiParams, openidOfCode } from "./wechat.ts"
import { ChargeBody, OpenidBody, OrderBody, PayBody, RefundBody, RefundQueryBody, type Refused } from "./wire.ts"

/** WeChat's openids begin with an "o"; the sandbox knows every one of that form, and no other. */
const OPENID = /^o[\w-]*$/

type Context = SiteContext<SandboxAccount>
type Handled = Effect.Effect<Outcome, StoreUnavailable>

/** A JSON answer to be signed, or a response that is sent as it is (a fault). */
type Outcome = { readonly signed: object | string; readonly key?: SigningKey } | { readonly raw: SiteResponse }

/** The provider's signed interface: `POST /sandbox/api/{charge,query,close,refund,refund-query,openid,pay}`. */
export const answerApi = (request: SiteRequest, context: Context): Effect.Effect<SiteResponse, StoreUnavailable> =>
  Effect.gen(function* () {
    const path = request.url.pathname
    const nowMs = yield* Clock.currentTimeMillis
    const key = context.account.signingKey
    const signer = verified(key, `request ${path}`, request.headers, request.body)
    if (signer === undefined || Math.abs(nowMs - signer.timestampMs) > FRESH_MS) {
      return plain(401, "the signature is wrong or too old")
    }
    const operation = path.slice("/sandbox/api/".length)
    const handler = Object.hasOwn(operations, operation) ? operations[operation as keyof typeof operations] : undefined
    const outcome = handler === undefined ? { raw: plain(404, "no such operation") } : yield* handler(request, context)
    if ("raw" in outcome) return outcome.raw
    const body = typeof outcome.signed === "string" ? outcome.signed : JSON.stringify(outcome.signed)
    const headers = signatureHeaders(
      outcome.key ?? key,
      `answer ${path}`,
      body,
      yield* Clock.currentTimeMillis,
      signer.nonce
    )
    return { status: 200, headers: { "content-type": "application/json", ...headers }, body }
  })

/** Decodes the body and handles it. A body of another shape is a mistake of the channel: an unsigned 400. */
const operation =
  <A>(body: Schema.Codec<A, unknown>, handle: (input: A, context: Context, nowMs: number) => Handled) =>
  (request: SiteRequest, context: Context): Handled => {
    const input = Schema.decodeUnknownOption(Schema.fromJsonString(body))(Buffer.from(request.body).toString("utf8"))
    if (Option.isNone(input)) return Effect.succeed({ raw: plain(400, "the body is not as documented") })
    return Effect.flatMap(Clock.currentTimeMillis, (nowMs) => handle(input.value, context, nowMs))
  }

const charge = operation(ChargeBody, (input, context, nowMs) =>
  Effect.gen(function* () {
    const fault = faultAt(faultsOf(context.account.faults, input.amount_fen), "charge")
    const delays = yield* SandboxDelays
    if (fault === "refused") return refused("the sandbox refuses this amount", "everyone")
    if (fault === "http-500") return { raw: plain(500, "internal error") }
    if (fault === "lost-request") {
      yield* Effect.sleep(delays.hangMs)
      return { raw: plain(504, "time-out") }
    }
    if (!ORDER_NO.test(input.order_no)) return refused("the order number is ill-formed")
    if (input.expires_ms <= nowMs) return refused("the order has expired")
    if (input.jsapi !== null && !OPENID.test(input.jsapi.openid)) return refused("invalid openid", "payer")
    const trade = yield* addTrade(context.facts, {
      ...closedBefore(input.order_no, nowMs),
      tradeNo: newTradeNo(nowMs),
      code: input.code,
      amountFen: input.amount_fen,
      description: input.description,
      expiresMs: input.expires_ms,
      returnUrl: input.return_url,
      jsapi: input.jsapi === null ? null : { appId: input.jsapi.app_id, openid: input.jsapi.openid },
      state: "pending"
    })
    if (trade.state === "failed" || trade.state === "closed") return refused(`the order is ${trade.state}`)
    if (trade.amountFen !== input.amount_fen || trade.code !== input.code || !samePayer(trade, input.jsapi)) {
      // That trade may be paid, so this is no refusal.
      return { signed: { result: "unsure", reason: "the order number is taken by another trade" } }
    }
    const key = context.account.signingKey
    const signed = {
      result: "ok",
      trade_no: trade.tradeNo,
      pay_url: `${context.gateway.publicUrl}/sandbox/pay/${ticketOf(key, trade)}`,
      jsapi_pay_info: jsapiParams(key, trade)
    }
    if (fault === "lost-answer") return { raw: plain(504, "time-out") }
    if (fault === "wrong-signature") return { signed, key: Redacted.make(newNonce()) }
    if (fault === "garbage") return { signed: "<html>502 Bad Gateway</html>" }
    if (fault === "late-answer") yield* Effect.sleep(delays.lateChargeMs)
    return { signed }
  })
)

const query = operation(OrderBody, (input, context, nowMs) =>
  Effect.gen(function* () {
    const found = yield* findTrade(context.facts, input.order_no)
    if (faultAt(faultsOf(context.account.faults, found?.amountFen ?? 0), "query") === "http-500") {
      return { raw: plain(500, "internal error") }
    }
    if (found === null) return { signed: { result: "ok", state: "absent", payment: null } }
    const trade = expire(nowMs)(found) === found ? found : yield* step(context.facts, found.orderNo, expire(nowMs))
    const payment = trade.payment === null ? null : wirePayment(trade.payment)
    return { signed: { result: "ok", state: trade.state, payment } }
  })
)

const closeTrade = operation(OrderBody, (input, context, nowMs) =>
  Effect.gen(function* () {
    if (!ORDER_NO.test(input.order_no)) return refused("the order number is ill-formed")
    const found = yield* findTrade(context.facts, input.order_no)
    const fault = faultAt(faultsOf(context.account.faults, found?.amountFen ?? 0), "close")
    if (fault === "http-500") return { raw: plain(500, "internal error") }
    yield* addTrade(context.facts, closedBefore(input.order_no, nowMs))
    const trade = yield* step(context.facts, input.order_no, close)
    if (trade.state === "paid") return { signed: { result: "ok", state: "paid" } }
    if (fault === "late-payment" && trade.tradeNo !== "") yield* inBackground(payAfterClose(context, trade))
    return { signed: { result: "ok", state: "closed" } }
  })
)

const payAfterClose = (context: Context, closed: Trade): Effect.Effect<void, StoreUnavailable> =>
  Effect.gen(function* () {
    yield* Effect.sleep((yield* SandboxDelays).latePaymentMs)
    const payer = newNonce()
    const payment = paymentOf(closed, {}, yield* Clock.currentTimeMillis)
    const trade = yield* step(context.facts, closed.orderNo, payLate(payment, payer))
    if (trade.paidBy === payer) yield* tellPaid(context, trade, payment, {})
  })

const refundTrade = operation(RefundBody, (input, context, nowMs) =>
  Effect.gen(function* () {
    const found = yield* findTrade(context.facts, input.order_no)
    if (found === null || found.payment === null) return { signed: failedRefund("the order is not paid") }
    const change = refund(input.refund_no, input.refund_fen, newTradeNo(nowMs), nowMs)
    const answer = refundState(yield* step(context.facts, found.orderNo, change), input.refund_no, input.refund_fen)
    const pending = faultAt(faultsOf(context.account.faults, found.amountFen), "refund") === "refund-pending"
    return { signed: pending && answer.state === "refunded" ? { result: "ok", state: "pending" } : answer }
  })
)

const queryRefund = operation(RefundQueryBody, (input, context) =>
  Effect.map(findTrade(context.facts, input.order_no), (trade) => ({
    signed: trade === null ? failedRefund("no such order") : refundState(trade, input.refund_no)
  }))
)

const openid = operation(OpenidBody, (input, context, nowMs) =>
  Effect.map(openidOfCode(context, input.code, input.app_id, nowMs), (found) =>
    "openid" in found ? { signed: { result: "ok", openid: found.openid } } : refused(found.refused, "payer")
  )
)

/** `payhub sandbox pay`: does what it is told; of the order's faults only those of stage "payment" apply. */
const pay = operation(PayBody, (input, context, nowMs) =>
  Effect.gen(function* () {
    if (input.account_id !== context.accountId) return refused("this is another account's sandbox")
    const found = yield* findTrade(context.facts, input.order_no)
    if (found === null || found.tradeNo === "") return refused("the sandbox has no such order")
    const honest = !input.forge && input.amount_fen === null
    const asked = found.payment ?? paymentOf(found, faultsOf(context.account.faults, found.amountFen), nowMs)
    const trade = honest ? yield* step(context.facts, found.orderNo, payLate(asked, newNonce())) : found
    const payment = {
      ...(trade.payment ?? asked),
      ...(input.amount_fen === null ? {} : { amountFen: input.amount_fen })
    }
    const body = noticeBody("trade.paid", found.orderNo, payment)
    const notices: Array<SentNotice> = []
    for (let time = 0; time < input.times; time++) notices.push(yield* sendNotice(context, body, input.forge))
    if (honest && notices.some(isAccepted)) {
      yield* step(context.facts, found.orderNo, confirm)
    }
    return { signed: { result: "ok", order_no: found.orderNo, notices } }
  })
)

const operations = {
  charge,
  query,
  close: closeTrade,
  refund: refundTrade,
  "refund-query": queryRefund,
  openid,
  pay
}

const samePayer = (trade: Trade, jsapi: ChargeBody["jsapi"]): boolean =>
  trade.jsapi?.openid === jsapi?.openid && trade.jsapi?.appId === jsapi?.app_id

const refundState = (trade: Trade, refundNo: string, refundFen?: number) => {
  const done = Object.hasOwn(trade.refunds, refundNo) ? trade.refunds[refundNo] : undefined
  if (done === undefined) return failedRefund(refundFen === undefined ? "no such refund" : "more than was paid")
  if (refundFen !== undefined && refundFen !== done.refundFen) return failedRefund("the refund number is taken")
  return {
    result: "ok",
    state: "refunded",
    refund: { refund_fen: done.refundFen, trade_no: done.tradeNo, at_ms: done.atMs }
  }
}

const failedRefund = (reason: string) => ({ result: "ok", state: "failed", reason })

const refused = (reason: string, concerns?: Refused["concerns"]): { readonly signed: Refused } => ({
  signed: { result: "refused", reason, ...(concerns === undefined ? {} : { concerns }) }
})

const plain = (status: number, body: string): SiteResponse => ({
  status,
  headers: { "content-type": "text/plain; charset=utf-8" },
  body
})

import { Clock, Effect } from "effect"
import type { SiteContext, StoreUnavailable } from "../../core/channel/index.ts"
import type { SandboxAccount } from "./account.ts"
import { SandboxDelays } from "./delays.ts"
import { type FaultSettings, faultAt, PARALLEL_NOTICES } from "./faults.ts"
import { newNonce, signatureHeaders } from "./sign.ts"
import { confirm, newTradeNo, step, type Trade, type TradePayment } from "./trade.ts"

/** A notice that the provider's side sent to the gateway, and the gateway's answer. */
export interface SentNotice {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** null = no answer. */
  readonly status: number | null
  /** The answer's body, at most 2,000 characters; without a status, why there was no answer. */
  readonly answer: string
}

export type NoticeType = "trade.paid" | "trade.failed" | "trade.closed"
type Context = SiteContext<SandboxAccount>

/** A notice's JSON text. @param payment null except in the notice of a payment */
export const noticeBody = (type: NoticeType, orderNo: string, payment: TradePayment | null): string =>
  JSON.stringify({
    type,
    order_no: orderNo,
    payment: payment === null ? null : wirePayment(payment)
  })

/** A payment as it stands in notices and answers. */
export const wirePayment = (payment: TradePayment) => ({
  trade_no: payment.tradeNo,
  amount_fen: payment.amountFen,
  currency: payment.currency,
  paid_at_ms: payment.paidAtMs,
  fee_fen: payment.feeFen
})

/** Whether the gateway accepted a notice: it did so only if it answered exactly this. */
export const isAccepted = (sent: SentNotice): boolean => sent.status === 200 && sent.answer === "success"

/** Sends one notice, signed now. @param forge gives it a signature made without the key */
export const sendNotice = (context: Context, body: string, forge = false): Effect.Effect<SentNotice> =>
  Effect.gen(function* () {
    const { noticeTimeoutMs } = yield* SandboxDelays
    const nowMs = yield* Clock.currentTimeMillis
    const signed = signatureHeaders(context.account.signingKey, "notice", body, nowMs)
    const headers = {
      "content-type": "application/json",
      ...signed,
      ...(forge ? { "sandbox-signature": newNonce() + newNonce() } : {})
    }
    const url = `${context.gateway.localUrl}/api/notice/${encodeURIComponent(context.accountId)}`
    const answer = yield* Effect.tryPromise(async (signal) => {
      const response = await fetch(url, { method: "POST", headers, body, redirect: "manual", signal })
      return { status: response.status, answer: (await response.text()).slice(0, 2_000) }
    }).pipe(
      Effect.timeout(noticeTimeoutMs),
      Effect.catch((error) =>
        Effect.succeed({ status: null, answer: error._tag === "TimeoutError" ? "no answer in time" : "no connection" })
      )
    )
    return { url, headers, body, ...answer }
  })

/**
 * Tells the gateway of a payment, with the order's faults. Returns when each notice has been answered once; notices
 * that the gateway did not accept are sent again in the background.
 */
export const tellPaid = (
  context: Context,
  trade: Trade,
  payment: TradePayment,
  faults: FaultSettings
): Effect.Effect<void, StoreUnavailable> => {
  const fault = faultAt(faults, "notice")
  const tell = (type: NoticeType, about: TradePayment | null) => {
    const accepted = about === null ? Effect.void : Effect.asVoid(step(context.facts, trade.orderNo, confirm))
    return deliver(context, noticeBody(type, trade.orderNo, about), accepted, fault === "forged-notice")
  }
  const paid = tell("trade.paid", payment)
  switch (fault) {
    case "no-notice":
      return Effect.void
    case "late-notice":
      return Effect.gen(function* () {
        const { lateNoticeMs } = yield* SandboxDelays
        yield* inBackground(Effect.andThen(Effect.sleep(lateNoticeMs), paid))
      })
    case "notice-twice":
      return Effect.andThen(paid, paid)
    case "notices-at-once":
      return Effect.all(Array.from({ length: PARALLEL_NOTICES }).fill(paid) as Array<typeof paid>, {
        concurrency: "unbounded",
        discard: true
      })
    case "notices-out-of-order":
      return Effect.all([tell("trade.failed", null), paid, tell("trade.closed", null)], { discard: true })
    case "second-payment":
      return Effect.gen(function* () {
        yield* paid
        const nowMs = yield* Clock.currentTimeMillis
        yield* tell("trade.paid", { ...payment, tradeNo: newTradeNo(nowMs), paidAtMs: nowMs })
      })
    default:
      return paid
  }
}

/** Tells the gateway, in the background, that a trade ended without a payment. */
export const tellDeclined = (context: Context, trade: Trade): Effect.Effect<void> =>
  inBackground(deliver(context, noticeBody("trade.failed", trade.orderNo, null), Effect.void))

/** Runs an effect after the answer has been sent. A store that is down ends it silently. */
export const inBackground = (effect: Effect.Effect<void, StoreUnavailable>): Effect.Effect<void> =>
  Effect.asVoid(Effect.forkDetach(Effect.ignore(effect)))

/** Sends a notice, and repeats it in the background until the gateway accepts it; then runs `accepted`. */
const deliver = (
  context: Context,
  body: string,
  accepted: Effect.Effect<void, StoreUnavailable>,
  forge = false
): Effect.Effect<void, StoreUnavailable> =>
  Effect.gen(function* () {
    const { retryMs } = yield* SandboxDelays
    if (isAccepted(yield* sendNotice(context, body, forge))) return yield* accepted
    yield* inBackground(
      Effect.gen(function* () {
        for (const waitMs of retryMs) {
          yield* Effect.sleep(waitMs)
          if (isAccepted(yield* sendNotice(context, body, forge))) return yield* accepted
        }
      })
    )
  })

import { Clock, Effect, Option } from "effect"
import type { Notice, RawNotice, Reply } from "../channel/provider.ts"
import { crashPoint } from "../domain/crash-point.ts"
import type { Order, Payment } from "../domain/order.ts"
import { countRefusedNotice } from "../observe/metrics.ts"
import { logSampled } from "../observe/sampled-log.ts"
import { type KeptNotice, Notices } from "../pipeline/persistence/notices.ts"
import { Orders } from "../pipeline/persistence/orders.ts"
import { StoreClock } from "../pipeline/persistence/store-clock.ts"
import { type AskedState, askState, isCharged } from "./ask.ts"
import { ASK_EVERY_MS, AskLimit } from "./ask-limit.ts"
import { Channels } from "./channels.ts"
import type { OpenedAccount } from "./opened-account.ts"
import { settlePayment, withReadableTime } from "./settle.ts"

/** A notice as it arrived at an account's notice URL, not yet verified. */
export interface TakeNotice {
  readonly accountId: string
  readonly sent: Omit<RawNotice, "receivedAt">
}

/** The reply to the provider; null = no such account. */
export type NoticeAnswer = Reply | null

/**
 * The provider is answered within this many ms: WeChat Pay wants its answer within 5 s, the download of certificates
 * included. A question that takes longer goes on as a scheduled check.
 */
const ANSWER_WITHIN_MS = 4_000

/**
 * Takes a provider's notice for an account: the channel verifies and reads it, the core judges and settles it, and it
 * is acknowledged only once its content is durable. Fails with StoreUnavailable if the store does not answer; the
 * provider then repeats the notice.
 */
export const takeNotice = Effect.fnUntraced(function* ({ accountId, sent }: TakeNotice) {
  const startedMs = yield* monotonicMs
  const channels = yield* Channels
  const { nowMs } = yield* StoreClock
  const account = yield* channels.open(accountId)
  if (account === null) return null
  const { accepted, refused } = account.channel.replies
  const raw: RawNotice = { ...sent, receivedAt: new Date(nowMs()) }

  const { prepare } = account.channel
  // A failed preparation shows as a refusal below, and the provider repeats the notice.
  if (prepare !== undefined) {
    yield* Effect.ignore(
      Effect.timeoutOption(
        account.act(() => prepare, []),
        ANSWER_WITHIN_MS
      )
    )
  }
  const notice = yield* account
    .act(() => account.channel.readNotice(raw), [])
    .pipe(
      Effect.catchTag(["NoticeRefused", "ChannelUncertain"], (reason) =>
        // Forged notices are not stored: anybody can send them, and they would fill the disk.
        logSampled(Effect.logWarning, "a notice was refused", accountId, {
          account: accountId,
          reason: reason.message
        }).pipe(Effect.as(null))
      )
    )
  if (notice === null) {
    countRefusedNotice(account.provider.id)
    return refused
  }
  if (notice.kind !== "payment") {
    const leftMs = ANSWER_WITHIN_MS - ((yield* monotonicMs) - startedMs)
    return (yield* askAbout(notice, account, leftMs)) === "durable" ? accepted : refused
  }
  crashPoint("notice.verified")
  yield* takePayment(notice, account, raw)
  crashPoint("notice.before-acknowledge")
  return accepted
})

/** Settles the payment of a notice that is bound to the account, or keeps it where it matches no order. */
const takePayment = Effect.fnUntraced(function* (
  { orderNo, payment }: Extract<Notice, { readonly kind: "payment" }>,
  { id: accountId }: OpenedAccount,
  raw: RawNotice
) {
  const orders = yield* Orders
  const notices = yield* Notices
  const kept: KeptNotice = { accountId, receivedAt: raw.receivedAt, headers: { ...raw.headers }, body: raw.body }
  const order = yield* orders.findByOrderNo(orderNo)
  if (order === null || order.accountId !== accountId) {
    yield* notices.keepStray({ ...kept, orderNo, detail: { ...payment, paidAt: isoText(payment) } })
    if (order !== null) {
      const timed = withReadableTime(payment, raw.receivedAt)
      yield* notices.flag({ order, anomaly: "other-account", payment: timed, source: "notice", notice: kept })
    }
    yield* Effect.logError("a notice names no order of its account", { account: accountId, order_no: orderNo })
    return
  }
  yield* settlePayment(order, payment, kept)
})

/**
 * Asks the channel about the order of a notice that proves nothing by itself, and settles what the channel says.
 * `durable`: the answer is stored, or the question is scheduled, or there is nothing to ask. `again`: neither is so,
 * and only a repeated notice brings the question back. Of the notice itself nothing is stored.
 */
const askAbout = Effect.fnUntraced(function* (
  notice: Extract<Notice, { readonly kind: "news" | "hint" }>,
  account: OpenedAccount,
  withinMs: number
) {
  const orders = yield* Orders
  const limit = yield* AskLimit
  const order = yield* orders.findByOrderNo(notice.orderNo)
  // Whoever sent it learns nothing: an order that is unknown is acknowledged like any other.
  if (order === null) return "durable"
  if (order.accountId !== account.id) {
    return notice.kind === "news" ? "durable" : yield* askLeftAccount(order, account, withinMs)
  }
  if (!isCharged(order)) return "durable"
  const pending = order.status === "PENDING"
  // A late payment of an ended order is looked for where a notice says "paid"; a PAID order has nothing left to ask.
  const asks = pending || (notice.kind !== "news" && (order.status === "FAILED" || order.status === "CLOSED"))
  if (!asks) return "durable"

  const schedule = (afterMs: number) => Effect.as(orders.scheduleCheck(order, afterMs), "durable" as const)
  const asked = yield* limit.ask(order, Effect.timeoutOption(askState(order, account), Math.max(0, withinMs)))
  if ("afterMs" in asked) return pending ? yield* schedule(asked.afterMs) : "again"
  const state = Option.getOrElse(asked.answer, (): AskedState => ({ state: "unknown" }))
  switch (state.state) {
    case "paid":
      yield* settlePayment(order, state.payment, null)
      crashPoint("notice.before-acknowledge")
      return "durable"
    case "unknown":
      return pending ? yield* schedule(0) : "again"
    case "failed":
    case "closed":
      // Reconcile ends orders: it leaves alone those that are being charged.
      return pending ? yield* schedule(0) : "durable"
    case "pending":
    case "absent":
      // The provider's notice may be ahead of its own query.
      return pending && notice.kind !== "news" ? yield* schedule(ASK_EVERY_MS) : "durable"
  }
})

/**
 * Asks an account about a payment of an order that is at another one, and flags what it tells of: an order moves on only
 * after a refusal, so money at the account that it has left is nobody's to settle, and must not be forgotten.
 */
const askLeftAccount = Effect.fnUntraced(function* (order: Order, account: OpenedAccount, withinMs: number) {
  const notices = yield* Notices
  const limit = yield* AskLimit
  const { nowMs } = yield* StoreClock
  const asItWas = { ...order, accountId: account.id, reference: account.channel.reference?.(order) ?? {} }
  const asked = yield* limit.ask(asItWas, Effect.timeoutOption(askState(asItWas, account), Math.max(0, withinMs)))
  // Nothing else would ask again: only the repeated notice does.
  if ("afterMs" in asked || Option.isNone(asked.answer) || asked.answer.value.state === "unknown") return "again"
  const state = asked.answer.value
  if (state.state === "paid") {
    const payment = withReadableTime(state.payment, new Date(nowMs()))
    yield* notices.flag({ order, anomaly: "other-account", payment, source: "query", notice: null })
    yield* Effect.logError("a payment was made at an account that its order is not at", {
      account: account.id,
      order_no: order.orderNo
    })
  }
  return "durable"
})

const monotonicMs = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos / 1_000_000n))

const isoText = ({ paidAt }: Payment): string | null => (Number.isNaN(paidAt.getTime()) ? null : paidAt.toISOString())

import { Effect } from "effect"
import type { RawNotice, Reply } from "../channel/provider.ts"
import { crashPoint } from "../domain/crash-point.ts"
import type { Payment } from "../domain/order.ts"
import { countRefusedNotice } from "../observe/metrics.ts"
import { type KeptNotice, Notices } from "../pipeline/persistence/notices.ts"
import { Orders } from "../pipeline/persistence/orders.ts"
import { StoreClock } from "../pipeline/persistence/store-clock.ts"
import { Channels } from "./channels.ts"
import { settlePayment, withReadableTime } from "./settle.ts"

/** A notice as it arrived at an account's address; whose word it is has yet to be shown. */
export interface TakeNotice {
  readonly accountId: string
  readonly sent: Omit<RawNotice, "receivedAt">
}

/** What the provider is told, or null when there is no such account. */
export type NoticeAnswer = Reply | null

/**
 * A provider's notice for an account: verified and read by the channel, judged and booked here, acknowledged
 * only when what it says is durable. A store that does not answer is a refusal: the provider will come again.
 */
export const takeNotice = Effect.fnUntraced(function* ({ accountId, sent }: TakeNotice) {
  const channels = yield* Channels
  const orders = yield* Orders
  const notices = yield* Notices
  const { nowMs } = yield* StoreClock
  const account = yield* channels.open(accountId)
  if (account === null) return null
  const { accepted, refused } = account.channel.replies
  const raw: RawNotice = { ...sent, receivedAt: new Date(nowMs()) }

  const { prepare } = account.channel
  // What cannot be had then shows as a refusal below, and the provider comes again.
  if (prepare !== undefined) yield* Effect.ignore(account.act(() => prepare, []))
  const notice = yield* account
    .act(() => account.channel.readNotice(raw), [])
    .pipe(
      Effect.catchTag(["NoticeRefused", "ChannelUncertain"], (reason) =>
        // Forgeries are not kept: anybody can send them, and the disk is ours.
        Effect.logWarning("a notice was refused", { account: accountId, reason: reason.message }).pipe(Effect.as(null))
      )
    )
  if (notice === null) {
    countRefusedNotice(account.provider.id)
    return refused
  }
  if (notice.payment === null) {
    // Declined, closed, refunded: news, but no proof of anything. The channel is asked, with its signature, right away.
    yield* Effect.ignore(askSoon(accountId, notice.orderNo))
    return accepted
  }
  crashPoint("notice.verified")

  const kept: KeptNotice = { accountId, receivedAt: raw.receivedAt, headers: { ...raw.headers }, body: raw.body }
  const order = yield* orders.findByOrderNo(notice.orderNo)
  if (order === null || order.accountId !== accountId) {
    const { payment } = notice
    yield* notices.keepStray({
      ...kept,
      orderNo: notice.orderNo,
      detail: { ...payment, paidAt: isoText(payment) }
    })
    if (order !== null) {
      const timed = withReadableTime(payment, raw.receivedAt)
      yield* notices.flag({ order, anomaly: "other-account", payment: timed, source: "notice", notice: kept })
    }
    yield* Effect.logError("a notice names no order of its account", { account: accountId, order_no: notice.orderNo })
    return accepted
  }
  yield* settlePayment(order, notice.payment, kept)
  crashPoint("notice.before-acknowledge")
  return accepted
})

const askSoon = Effect.fnUntraced(function* (accountId: string, orderNo: string) {
  const orders = yield* Orders
  const order = yield* orders.findByOrderNo(orderNo)
  if (order?.accountId === accountId && order.status === "PENDING") yield* orders.scheduleCheck(order, 0)
})

const isoText = ({ paidAt }: Payment): string | null => (Number.isNaN(paidAt.getTime()) ? null : paidAt.toISOString())

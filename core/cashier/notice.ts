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

/** A notice as it arrived at an account's notice URL, not yet verified. */
export interface TakeNotice {
  readonly accountId: string
  readonly sent: Omit<RawNotice, "receivedAt">
}

/** The reply to the provider; null = no such account. */
export type NoticeAnswer = Reply | null

/**
 * Takes a provider's notice for an account: the channel verifies and reads it, the core judges and settles it, and it
 * is acknowledged only once its content is durable. Fails with StoreUnavailable if the store does not answer; the
 * provider then repeats the notice.
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
  // A failed preparation shows as a refusal below, and the provider repeats the notice.
  if (prepare !== undefined) yield* Effect.ignore(account.act(() => prepare, []))
  const notice = yield* account
    .act(() => account.channel.readNotice(raw), [])
    .pipe(
      Effect.catchTag(["NoticeRefused", "ChannelUncertain"], (reason) =>
        // Forged notices are not stored: anybody can send them, and they would fill the disk.
        Effect.logWarning("a notice was refused", { account: accountId, reason: reason.message }).pipe(Effect.as(null))
      )
    )
  if (notice === null) {
    countRefusedNotice(account.provider.id)
    return refused
  }
  if (notice.payment === null) {
    // Declined, closed or refunded: a reason to ask, not a proof. The order becomes due for a signed query right away.
    yield* Effect.ignore(checkNow(accountId, notice.orderNo))
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

const checkNow = Effect.fnUntraced(function* (accountId: string, orderNo: string) {
  const orders = yield* Orders
  const order = yield* orders.findByOrderNo(orderNo)
  if (order?.accountId === accountId && order.status === "PENDING") yield* orders.scheduleCheck(order, 0)
})

const isoText = ({ paidAt }: Payment): string | null => (Number.isNaN(paidAt.getTime()) ? null : paidAt.toISOString())

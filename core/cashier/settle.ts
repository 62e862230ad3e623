import assert from "node:assert/strict"
import { Effect } from "effect"
import { crashPoint } from "../domain/crash-point.ts"
import { feeFen } from "../domain/money.ts"
import { judgePayment, type Order, type Payment } from "../domain/order.ts"
import { countPayment } from "../observe/metrics.ts"
import { spanned } from "../observe/tracing.ts"
import { Notifier } from "../pipeline/notifier/notifier.ts"
import { type KeptNotice, Notices } from "../pipeline/persistence/notices.ts"
import { Orders } from "../pipeline/persistence/orders.ts"
import { Settlements } from "../pipeline/persistence/settlements.ts"
import { StoreClock } from "../pipeline/persistence/store-clock.ts"

/** Outcome of a payment that a channel reported: settled now, settled before, or kept and flagged. */
export type Settled = "settled" | "repeated" | "flagged"

/** Attempts to settle while other decisions on the order come first; more than two are unusual. */
const ATTEMPTS_MAX = 5

/**
 * Settles a verified payment: the only way an order becomes PAID. Notices and reconcile both end here, so a payment
 * that both report is settled once. The caller has checked signature and account; money, state and trade number are
 * checked here.
 * @param notice the raw notice; null = the payment comes from an authenticated query
 */
export const settlePayment = (found: Order, payment: Payment, notice: KeptNotice | null) =>
  spanned("settle", { order_no: found.orderNo }, settle(found, payment, notice))

const settle = Effect.fnUntraced(function* (found: Order, reported: Payment, notice: KeptNotice | null) {
  const orders = yield* Orders
  const settlements = yield* Settlements
  const notices = yield* Notices
  const { nowMs } = yield* StoreClock
  const payment = withReadableTime(reported, notice?.receivedAt ?? new Date(nowMs()))
  const notifier = yield* Notifier
  const source = notice === null ? ("query" as const) : ("notice" as const)
  let order = found
  const counted = <S extends Settled>(outcome: S): S => {
    countPayment(found.provider, outcome)
    return outcome
  }

  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const verdict = judgePayment(order, payment)
    if (verdict.kind === "repeated") return counted("repeated")
    if (verdict.kind === "anomaly") {
      yield* notices.flag({ order, anomaly: verdict.anomaly, payment, source, notice })
      yield* Effect.logError("a payment does not match its order", {
        order_no: order.orderNo,
        anomaly: verdict.anomaly
      })
      return counted("flagged")
    }
    const { money, impossibleFee } = settledMoney(order, payment)
    const webhook = yield* notifier.webhookFor(order, { ...money, paidAt: payment.paidAt })
    const outcome = yield* settlements.settle({
      order,
      provider: order.provider,
      payment,
      ...money,
      webhook,
      source,
      notice
    })
    if (outcome === "settled") {
      crashPoint("settle.committed")
      if (impossibleFee) yield* notices.flag({ order, anomaly: "fee-mismatch", payment, source, notice: null })
      notifier.wake()
      return counted("settled")
    }
    if (outcome === "trade-reused") {
      yield* notices.flag({ order, anomaly: "trade-reused", payment, source, notice })
      yield* Effect.logError("a channel reported one trade number for two orders", { order_no: order.orderNo })
      return counted("flagged")
    }
    const again = yield* orders.find(order)
    assert(again !== null, "an order that was found is never deleted")
    if (again.accountId !== found.accountId) {
      // The order moved to another account while this report was on its way: it is never settled under that account.
      yield* notices.flag({ order: again, anomaly: "other-account", payment, source, notice })
      yield* Effect.logError("a payment was made at an account that its order has left", { order_no: order.orderNo })
      return counted("flagged")
    }
    order = again
  }
  return yield* Effect.die(new Error(`order ${found.orderNo} kept changing while its payment was settled`))
})

/** An unparsable payment time must not block settlement or a flag: the time of receipt is used instead. */
export const withReadableTime = (payment: Payment, receivedAt: Date): Payment =>
  Number.isNaN(payment.paidAt.getTime()) ? { ...payment, paidAt: receivedAt } : payment

/** Whether a reported fee is possible: whole fen, at most the amount. */
const isFee = (fee: number, amountFen: number): boolean => Number.isSafeInteger(fee) && fee >= 0 && fee <= amountFen

/** The fee is the channel's if it reports one, else the account's rate; it is fixed here (contract section 7). */
const settledMoney = (order: Order, payment: Payment) => {
  assert(order.amountFen > 0, "a stored order has a positive amount")
  assert(payment.amountFen === order.amountFen, "only the order's own amount is settled")
  const byRate = feeFen(order.amountFen, order.feeRateBp)
  // An impossible fee must not block a correct payment: the order is settled at the account's rate and flagged.
  const impossibleFee = payment.feeFen !== undefined && !isFee(payment.feeFen, order.amountFen)
  const fee = impossibleFee ? byRate : (payment.feeFen ?? byRate)
  assert(isFee(fee, order.amountFen), "a fee is whole fen within the amount")
  return { money: { feeFen: fee, actualFen: order.amountFen - fee }, impossibleFee }
}

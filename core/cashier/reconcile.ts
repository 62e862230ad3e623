import { Effect, FiberSet, Layer, Schedule } from "effect"
import type { ChargeState } from "../channel/provider.ts"
import { crashPoint } from "../domain/crash-point.ts"
import type { Order } from "../domain/order.ts"
import type { Background } from "../observe/background.ts"
import type { Notifier } from "../pipeline/notifier/notifier.ts"
import { Persistence } from "../pipeline/persistence/persistence.ts"
import { Channels, type OpenedAccount } from "./channels.ts"
import { chargeRefOf } from "./charge.ts"
import { CLOSE_GRACE_MS, nextCheckAt } from "./reconcile-schedule.ts"
import { Settings } from "./settings.ts"
import { settlePayment } from "./settle.ts"

/** Orders asked about at once, in all and at one account: an account that hangs holds up no other's orders. */
const ORDERS_MAX = 512
const ORDERS_PER_ACCOUNT_MAX = 32

/** Orders taken at a time, and how long nobody else asks about them: three calls of 20 s fit. */
const LEASED_MAX = 64
const LEASE_MS = 90_000

/** How often due orders are looked for, and how many times in a row while there are more. */
const SWEEP = "1 second"
const LEASES_PER_SWEEP_MAX = 16

/** An order whose account is busy is given back for so long; the next ones are taken after a breath. */
const BUSY_MS = 1_000
const BREATH = "100 millis"

/**
 * Asks the channel about one PENDING order and does what its answer asks for (architecture section 2): books a payment,
 * ends what the channel has ended, closes what has expired — there first, then here.
 */
export const reconcileOrder = Effect.fnUntraced(function* (order: Order) {
  const store = yield* Persistence
  const channels = yield* Channels
  const { config } = yield* Settings
  const nowMs = store.nowMs()
  const account = yield* channels.open(order.accountId)
  const ended =
    account === null ? false : yield* ask(order, account, nowMs >= order.expiresAt.getTime() + CLOSE_GRACE_MS)
  if (ended) return
  const next = nextCheckAt(order, config.reconcileScheduleMs, nowMs)
  if (next === null) {
    yield* Effect.logError("an order is still open a day after its expiry; ask its channel by hand", {
      order_no: order.orderNo
    })
  }
  yield* store.orders.scheduleCheck(order, next === null ? null : next.getTime() - nowMs)
})

/** true = the order needs no further check. */
const ask = Effect.fnUntraced(function* (order: Order, account: OpenedAccount, expired: boolean) {
  const { orders } = yield* Persistence
  // Nobody has been charged yet: the channel has never heard of a JSAPI order without a payer.
  const uncharged = order.jsapi !== null && order.jsapi.openid === null
  if (uncharged) return expired ? yield* orders.end(order, "CLOSED", "expired before anyone paid") : false

  const state = yield* queryState(order, account)
  crashPoint("reconcile.asked")
  switch (state.state) {
    case "paid":
      return (yield* settlePayment(order, state.payment, null)) !== "flagged"
    case "failed":
      return yield* orders.end(order, "FAILED", state.reason)
    case "closed":
      return yield* orders.end(order, "CLOSED", "closed at the channel")
    case "unknown":
      return false
    case "pending":
    case "absent":
      return expired ? yield* closeExpired(order, account, state.state) : false
  }
})

const queryState = (order: Order, account: OpenedAccount): Effect.Effect<ChargeState | { readonly state: "unknown" }> =>
  account
    .act(() => account.channel.query(chargeRefOf(order)), [])
    .pipe(
      Effect.catch((failure) =>
        Effect.logWarning("a channel could not say", { order_no: order.orderNo, reason: failure.message }).pipe(
          Effect.as({ state: "unknown" as const })
        )
      )
    )

/** Closes at the channel, then asks once more, because a payment may have won the race; only then here. */
const closeExpired = Effect.fnUntraced(function* (order: Order, account: OpenedAccount, known: "pending" | "absent") {
  const { orders } = yield* Persistence
  const { close } = account.channel
  if (close === undefined) {
    // What cannot be closed ends when the channel no longer knows it, or says so itself.
    return known === "absent" ? yield* orders.end(order, "CLOSED", "expired") : false
  }
  const closed = yield* account
    .act(() => close(chargeRefOf(order)), [])
    .pipe(
      Effect.map(({ state }) => state === "closed"),
      // Not sent, or nobody knows: closed nowhere.
      Effect.catch(() => Effect.succeed(false))
    )
  crashPoint("reconcile.closed-at-channel")
  const last = yield* queryState(order, account)
  if (last.state === "paid") return (yield* settlePayment(order, last.payment, null)) !== "flagged"
  if (last.state === "unknown" || last.state === "pending") return false
  return closed || last.state === "closed" ? yield* orders.end(order, "CLOSED", "expired") : false
})

/** Runs reconcile for as long as the gateway does. Every process may: leases give each order one owner. */
export const reconcileLayer: Layer.Layer<never, never, Persistence | Channels | Settings | Notifier | Background> =
  Layer.effectDiscard(
    Effect.gen(function* () {
      const { orders } = yield* Persistence
      const underWay = yield* FiberSet.make<void>()
      const perAccount = new Map<string, number>()
      const running = (accountId: string) => perAccount.get(accountId) ?? 0

      const begin = (order: Order) => {
        const { accountId } = order
        perAccount.set(accountId, running(accountId) + 1)
        const done = Effect.sync(() => {
          if (running(accountId) > 1) perAccount.set(accountId, running(accountId) - 1)
          else perAccount.delete(accountId)
        })
        return FiberSet.run(underWay, Effect.ensuring(guarded(order), done))
      }

      const sweep = Effect.gen(function* () {
        for (let lease = 0; lease < LEASES_PER_SWEEP_MAX; lease++) {
          const limit = Math.min(LEASED_MAX, ORDERS_MAX - (yield* FiberSet.size(underWay)))
          if (limit <= 0) return
          const due = yield* orders.leaseChecks(limit, LEASE_MS)
          let busy = 0
          for (const order of due) {
            if (running(order.accountId) < ORDERS_PER_ACCOUNT_MAX) {
              yield* begin(order)
            } else {
              busy++
              yield* orders.scheduleCheck(order, BUSY_MS)
            }
          }
          if (due.length < limit) return
          if (busy > 0) yield* Effect.sleep(BREATH)
        }
      })
      yield* sweep.pipe(
        Effect.catchCause((cause) => Effect.logWarning("reconcile will try again", cause)),
        Effect.repeat(Schedule.spaced(SWEEP)),
        Effect.forkScoped
      )
    })
  )

/** One order's trouble is not the others'. Its lease runs out and it is asked about again. */
const guarded = (order: Order) =>
  reconcileOrder(order).pipe(
    Effect.catchCause((cause) =>
      Effect.logError("an order could not be reconciled", { order_no: order.orderNo }, cause)
    )
  )

import { Effect, FiberSet, Layer } from "effect"
import { Settings } from "../config/gateway-config.ts"
import { crashPoint } from "../domain/crash-point.ts"
import type { Order } from "../domain/order.ts"
import { leaseLoop } from "../observe/lease-loop.ts"
import { makeShares, shareOf } from "../observe/shares.ts"
import { Orders } from "../pipeline/persistence/orders.ts"
import { StoreClock } from "../pipeline/persistence/store-clock.ts"
import { askState, isCharged } from "./ask.ts"
import { Channels } from "./channels.ts"
import { chargeRefOf } from "./charge.ts"
import type { OpenedAccount } from "./opened-account.ts"
import { CLOSE_GRACE_MS, nextCheckAt } from "./reconcile-schedule.ts"
import { settlePayment } from "./settle.ts"

/**
 * Concurrent checks, in all and per account. An account gets less the fuller it is (`shareOf`): accounts that hang do not
 * hold up the orders of others.
 */
const ORDERS_MAX = 512
const ORDERS_PER_ACCOUNT_MAX = 32

/** Orders per lease, and the lease's duration in ms: three calls of 20 s fit. */
const LEASED_MAX = 64
const LEASE_MS = 90_000

/** Interval between searches for due orders. */
const SWEEP = "1 second"

/**
 * Checks one PENDING order at its channel and acts on the answer (architecture section 2): settles a payment, ends an
 * order that the channel has ended, closes an expired order at the channel first, then here.
 */
export const reconcileOrder = Effect.fnUntraced(function* (order: Order) {
  const orders = yield* Orders
  const { nowMs: storeNowMs } = yield* StoreClock
  const channels = yield* Channels
  const config = yield* Settings
  const nowMs = storeNowMs()
  const account = yield* channels.open(order.accountId)
  const ended =
    account === null ? false : yield* ask(order, account, nowMs >= order.expiresAt.getTime() + CLOSE_GRACE_MS)
  if (ended) return
  const next = nextCheckAt(order, config.reconcileScheduleMs, nowMs)
  if (next === null) {
    yield* Effect.logError("an order is still PENDING a day after its expiry; ask its channel by hand", {
      order_no: order.orderNo
    })
  }
  yield* orders.scheduleCheck(order, next === null ? null : next.getTime() - nowMs)
})

/** true = the order needs no further check. */
const ask = Effect.fnUntraced(function* (order: Order, account: OpenedAccount, expired: boolean) {
  const orders = yield* Orders
  if (!isCharged(order)) return expired ? yield* orders.end(order, "CLOSED", "expired before anyone paid") : false

  const state = yield* askState(order, account)
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

/** Closes at the channel, queries once more, because a payment may have won the race, and only then closes here. */
const closeExpired = Effect.fnUntraced(function* (order: Order, account: OpenedAccount, known: "pending" | "absent") {
  const orders = yield* Orders
  const { close } = account.channel
  if (close === undefined) {
    // An order that cannot be closed at its channel ends once the channel no longer knows it or reports its end.
    return known === "absent" ? yield* orders.end(order, "CLOSED", "expired") : false
  }
  const closed = yield* account
    .act(() => close(chargeRefOf(order)), [])
    .pipe(
      Effect.map(({ state }) => state === "closed"),
      // Refused or uncertain: the order does not count as closed.
      Effect.catch(() => Effect.succeed(false))
    )
  crashPoint("reconcile.closed-at-channel")
  const last = yield* askState(order, account)
  if (last.state === "paid") return (yield* settlePayment(order, last.payment, null)) !== "flagged"
  if (last.state === "unknown" || last.state === "pending") return false
  return closed || last.state === "closed" ? yield* orders.end(order, "CLOSED", "expired") : false
})

/** Runs reconcile for as long as the gateway runs. Every process may run it: leases give each order one owner. */
export const reconcileLayer = Layer.effectDiscard(
  Effect.gen(function* () {
    const orders = yield* Orders
    const underWay = yield* FiberSet.make<void>()
    const accounts = makeShares<string>()

    yield* leaseLoop({
      name: "orders to check",
      underWayMax: ORDERS_MAX,
      leasedMax: LEASED_MAX,
      sweepEvery: SWEEP,
      lease: (limit, free) =>
        orders.leaseChecks({
          // Half of what is free: shares are judged by it, and the next lease judges by what is left.
          limit: Math.min(limit, Math.ceil(free / 2)),
          perAccount: Math.min(ORDERS_PER_ACCOUNT_MAX, shareOf(free, ORDERS_MAX)),
          underWay: accounts.counts(),
          leaseMs: LEASE_MS
        }),
      work: (order: Order) => {
        accounts.add(order.accountId, 1)
        return Effect.ensuring(
          guarded(order),
          Effect.sync(() => accounts.add(order.accountId, -1))
        )
      },
      fork: (effect) => FiberSet.run(underWay, effect)
    })
  })
)

/** Keeps one order's failure from the others; the order is checked again when its lease runs out. */
const guarded = (order: Order) =>
  reconcileOrder(order).pipe(
    Effect.catchCause((cause) =>
      Effect.logError("an order could not be reconciled", { order_no: order.orderNo }, cause)
    )
  )

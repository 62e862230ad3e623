import { Clock, Context, Effect, Layer } from "effect"
import { Overloaded } from "../domain/errors.ts"
import type { MerchantMode } from "../domain/merchant.ts"
import { countOrderWaiting, countRefusedOrder } from "../observe/metrics.ts"
import { makeShares, shareOf } from "../observe/shares.ts"
import type { OpenedAccount } from "./opened-account.ts"

/**
 * Orders of this process that may wait for a channel at once. A channel that hangs holds each of them for 15 to 20 s,
 * and together with the requests that wait for nobody they have to fit into what the gateway serves at once. Test
 * orders have places of their own: whatever they wait for, no live order is refused because of them.
 */
const WAITING_MAX: { readonly [M in MerchantMode]: number } = { live: 3_000, test: 1_000 }

/** Visits of one order's payers that may wait at once: a payer who reloads does not use up the merchant's share. */
const VISITS_PER_ORDER_MAX = 16

/** Interval between two log lines about refusals at the same account. */
const LOGGED_EVERY_MS = 10_000

/**
 * Counts the order at an account, in place of the one where it was counted before. false = there is no room for it at
 * this account; the order stays where it was. Nobody has been asked then, so another account may be tried.
 */
export type TakeRoom = (account: Pick<OpenedAccount, "id" | "provider">) => boolean

/** Who waits. `orderNo` is set for a visit of the order's payer, which may come any number of times. */
interface Waiting {
  readonly merchantId: number
  readonly orderNo?: string
}

/**
 * How many orders wait for a channel, per mode, account and merchant. An order finds room while what its account and its
 * merchant hold together is less than the share (`shareOf`) that the mode's free places allow:
 *
 * - alone, one merchant at one account may have 804 live orders waiting (400 a second at a channel that answers in 2 s)
 *   and 268 test orders; several merchants at one account may have 1,146 live and 382 test orders;
 * - with a hundred merchants hanging, each at an account of its own, the next one still finds room.
 */
export class Bulkheads extends Context.Service<
  Bulkheads,
  {
    /** Runs `use`; what it has taken is given back when it ends, whether it succeeds, fails, throws or is interrupted. */
    readonly whileWaiting: <A, E, R>(
      waiting: Waiting,
      use: (take: TakeRoom) => Effect.Effect<A, E, R>
    ) => Effect.Effect<A, E, R>
    /** Counts a call for which there was no room, logs it now and then, and fails. */
    readonly refuse: (
      merchantId: number,
      account: Pick<OpenedAccount, "id" | "provider">
    ) => Effect.Effect<never, Overloaded>
  }
>()("payhub/cashier/Bulkheads") {
  static readonly layer: Layer.Layer<Bulkheads> = Layer.sync(Bulkheads, () => {
    const modes = { live: makeCounts("live"), test: makeCounts("test") }
    const visits = makeShares<string>()
    const refused = new Map<string, { count: number; loggedMs: number }>()

    return Bulkheads.of({
      // `take` is called inside what `ensuring` guards: an interrupt cannot come between taking and giving back.
      whileWaiting: ({ merchantId, orderNo }, use) =>
        Effect.suspend(() => {
          let held: { readonly counts: Counts; readonly accountId: string } | undefined
          const leave = () => {
            if (held === undefined) return
            held.counts.add(held.accountId, merchantId, -1)
            if (orderNo !== undefined) visits.add(orderNo, -1)
            held = undefined
          }
          const take: TakeRoom = ({ id, provider }) => {
            if (held?.accountId === id) return true
            if (held === undefined && orderNo !== undefined && visits.count(orderNo) >= VISITS_PER_ORDER_MAX)
              return false
            const before = held
            // The order leaves its place before it looks for another one, or it would count twice.
            leave()
            const counts = modes[modeOf(provider)]
            const hasRoom = counts.hasRoom(id, merchantId)
            held = hasRoom ? { counts, accountId: id } : before
            if (held !== undefined) {
              held.counts.add(held.accountId, merchantId, 1)
              if (orderNo !== undefined) visits.add(orderNo, 1)
            }
            return hasRoom
          }
          return Effect.ensuring(
            Effect.suspend(() => use(take)),
            Effect.sync(leave)
          )
        }),

      refuse: Effect.fnUntraced(function* (merchantId, { id, provider }) {
        const mode = modeOf(provider)
        countRefusedOrder(mode, id)
        const nowMs = (yield* Clock.Clock).currentTimeMillisUnsafe()
        const known = refused.get(id) ?? { count: 0, loggedMs: Number.NEGATIVE_INFINITY }
        refused.set(id, known)
        known.count++
        if (nowMs - known.loggedMs >= LOGGED_EVERY_MS) {
          const { count } = known
          Object.assign(known, { count: 0, loggedMs: nowMs })
          const waiting = modes[mode].figures(id, merchantId)
          yield* Effect.logWarning("orders are refused because too many wait for a channel", {
            ...{ mode, account: id, merchant_id: merchantId, refused: count },
            ...waiting
          })
        }
        return yield* new Overloaded()
      })
    })
  })
}

interface Counts {
  readonly hasRoom: (accountId: string, merchantId: number) => boolean
  readonly add: (accountId: string, merchantId: number, change: 1 | -1) => void
  readonly figures: (accountId: string, merchantId: number) => object
}

const makeCounts = (mode: MerchantMode): Counts => {
  const accounts = makeShares<string>()
  const merchants = makeShares<number>()
  const max = WAITING_MAX[mode]
  let all = 0
  return {
    hasRoom: (accountId, merchantId) =>
      accounts.count(accountId) + merchants.count(merchantId) < shareOf(max - all, max),
    add: (accountId, merchantId, change) => {
      all += change
      accounts.add(accountId, change)
      merchants.add(merchantId, change)
      countOrderWaiting(mode, accountId, change)
    },
    figures: (accountId, merchantId) => ({
      waiting: all,
      waiting_at_account: accounts.count(accountId),
      waiting_of_merchant: merchants.count(merchantId)
    })
  }
}

const modeOf = (provider: OpenedAccount["provider"]): MerchantMode =>
  provider.testMode === undefined ? "live" : "test"

import { Clock, Context, Effect, Layer } from "effect"
import { makeShares } from "../observe/shares.ts"
import type { OrderAtAccount } from "../pipeline/persistence/orders.ts"

/** Milliseconds from one question about an order to the next. */
export const ASK_EVERY_MS = 10_000

/** Questions of notices under way per account: the same share that reconcile takes. */
const PER_ACCOUNT_MAX = 32
/** Orders that are remembered as just asked about. */
const ORDERS_MAX = 10_000
/** Delay of a question that finds no room. */
const BUSY_MS = 1_000

/** The answer to a question, or in how many milliseconds it may be asked. */
export type Asked<A> = { readonly answer: A } | { readonly afterMs: number }

/**
 * Keeps a flood of notices from becoming a flood of calls to a provider: one question per order in ASK_EVERY_MS, and a
 * share of questions under way per account. The limits hold within this process.
 */
export class AskLimit extends Context.Service<
  AskLimit,
  {
    /** Asks, or says when. @param question must end within ASK_EVERY_MS, so that an order never has two under way */
    readonly ask: <A, E, R>(order: OrderAtAccount, question: Effect.Effect<A, E, R>) => Effect.Effect<Asked<A>, E, R>
  }
>()("payhub/cashier/AskLimit") {
  static readonly layer: Layer.Layer<AskLimit> = Layer.sync(AskLimit, () => {
    /** Order number → when it was last asked about, the longest ago first. */
    const asked = new Map<string, number>()
    const accounts = makeShares<string>()
    const forgetBefore = (ms: number) => {
      for (const [orderNo, askedMs] of asked) {
        if (askedMs > ms) return
        asked.delete(orderNo)
      }
    }
    return AskLimit.of({
      ask: Effect.fnUntraced(function* ({ orderNo, accountId }, question) {
        // Monotonic: the machine's clock may be set back, and no order should wait for the difference.
        const nowMs = Number((yield* Clock.monotonicTimeNanos) / 1_000_000n)
        forgetBefore(nowMs - ASK_EVERY_MS)
        const lastMs = asked.get(orderNo)
        if (lastMs !== undefined) return { afterMs: lastMs + ASK_EVERY_MS - nowMs }
        if (asked.size >= ORDERS_MAX || accounts.count(accountId) >= PER_ACCOUNT_MAX) return { afterMs: BUSY_MS }
        asked.set(orderNo, nowMs)
        accounts.add(accountId, 1)
        const answer = yield* Effect.ensuring(
          question,
          Effect.sync(() => accounts.add(accountId, -1))
        )
        return { answer }
      })
    })
  })
}

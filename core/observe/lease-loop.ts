import { type Duration, Effect, Latch, type Scope } from "effect"
import type { StoreUnavailable } from "../domain/errors.ts"

/** Work that is leased from the store: only the holder of an item's lease does it. */
export interface LeasedWork<Item, E, R> {
  /** The items' name in the log: "webhooks". */
  readonly name: string
  /** Concurrent items of this process. */
  readonly underWayMax: number
  /** Items per lease. */
  readonly leasedMax: number
  /** Interval between searches for due items if nobody wakes the loop. */
  readonly sweepEvery: Duration.Input
  /** Leases up to `limit` due items. */
  readonly lease: (limit: number) => Effect.Effect<ReadonlyArray<Item>, StoreUnavailable, R>
  /** Does one item. A failure ends neither the loop nor other items. */
  readonly work: (item: Item) => Effect.Effect<void, E, R>
  /** Starts an effect in the background and handles its failure. */
  readonly fork: (effect: Effect.Effect<void, E>) => Effect.Effect<unknown>
}

/** A loop that runs until its scope closes. */
export interface LeaseLoop {
  /** Looks for due items now. */
  readonly wake: () => void
}

/**
 * Leases due items and does up to `underWayMax` of them concurrently. It leases again at once while items are due;
 * otherwise it sleeps until it is woken, an item ends, or `sweepEvery` has passed. Every process may run the same loop.
 */
export const leaseLoop = Effect.fnUntraced(function* <Item, E, R>(
  options: LeasedWork<Item, E, R>
): Effect.fn.Return<LeaseLoop, never, R | Scope.Scope> {
  const { name, underWayMax, leasedMax, sweepEvery, lease, work, fork } = options
  const latch = Latch.makeUnsafe(false)
  const context = yield* Effect.context<R>()
  let underWay = 0

  const begin = (item: Item) =>
    Effect.suspend(() => {
      const doing = work(item)
      underWay++
      const ended = Effect.suspend(() => {
        underWay--
        return latch.open
      })
      return fork(Effect.provideContext(Effect.ensuring(doing, ended), context))
    }).pipe(
      // Code that throws before it returns its effect takes no slot and costs the other items nothing.
      Effect.catchDefect((defect) => Effect.logError(`one of the ${name} could not begin`, { defect: String(defect) }))
    )

  const round = Effect.gen(function* () {
    yield* latch.close
    const limit = Math.min(leasedMax, underWayMax - underWay)
    const leased = limit <= 0 ? [] : yield* lease(limit)
    for (const item of leased) yield* begin(item)
    if (leased.length === 0) yield* Effect.timeoutOption(latch.await, sweepEvery)
  }).pipe(
    Effect.catchCause((cause) =>
      Effect.logWarning(`${name} could not be leased; the loop tries again`, cause).pipe(
        Effect.andThen(Effect.sleep(sweepEvery))
      )
    )
  )
  yield* Effect.forkScoped(Effect.forever(round))
  return { wake: () => void latch.openUnsafe() }
})

/** Counts the items under way for each key, so that no key takes more than its share. */
export interface Shares<Key> {
  readonly add: (key: Key, change: 1 | -1) => void
  readonly count: (key: Key) => number
  readonly atLeast: (limit: number) => ReadonlyArray<Key>
}

export const makeShares = <Key>(): Shares<Key> => {
  const counts = new Map<Key, number>()
  const count = (key: Key) => counts.get(key) ?? 0
  return {
    add: (key, change) => {
      if (count(key) + change === 0) counts.delete(key)
      else counts.set(key, count(key) + change)
    },
    count,
    atLeast: (limit) => [...counts].filter(([, held]) => held >= limit).map(([key]) => key)
  }
}

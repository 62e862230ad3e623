import { type Duration, Effect, Latch, type Scope } from "effect"
import type { StoreUnavailable } from "../domain/errors.ts"

/** Work that is leased from the store: whoever holds an item's lease is the only one to do it. */
export interface LeasedWork<Item, E, R> {
  /** What the log calls it: "webhooks". */
  readonly name: string
  /** Items under way at once in this process. */
  readonly underWayMax: number
  /** Items leased at a time. */
  readonly leasedMax: number
  /** How often due items are looked for when nobody wakes the loop. */
  readonly sweepEvery: Duration.Input
  /** Takes up to `limit` items that are due. */
  readonly lease: (limit: number) => Effect.Effect<ReadonlyArray<Item>, StoreUnavailable, R>
  /** Does one item. Its failures are its own: they end neither the loop nor other items. */
  readonly work: (item: Item) => Effect.Effect<void, E, R>
  /** Starts an effect in the background; what becomes of its failure is decided here. */
  readonly fork: (effect: Effect.Effect<void, E>) => Effect.Effect<unknown>
}

/** A loop that runs until its scope closes. */
export interface LeaseLoop {
  /** Looks for due items now. */
  readonly wake: () => void
}

/**
 * Leases due items and does them, as many at once as `underWayMax`. While there is something to lease it goes on at
 * once; then it sleeps until it is woken, an item ends, or `sweepEvery` has passed. Every process may run the same loop.
 */
export const leaseLoop = Effect.fnUntraced(function* <Item, E, R>(
  options: LeasedWork<Item, E, R>
): Effect.fn.Return<LeaseLoop, never, R | Scope.Scope> {
  const { name, underWayMax, leasedMax, sweepEvery, lease, work, fork } = options
  const latch = Latch.makeUnsafe(false)
  const context = yield* Effect.context<R>()
  let underWay = 0

  const begin = (item: Item) => {
    underWay++
    const ended = Effect.suspend(() => {
      underWay--
      return latch.open
    })
    return fork(Effect.provideContext(Effect.ensuring(work(item), ended), context))
  }

  const round = Effect.gen(function* () {
    yield* latch.close
    const limit = Math.min(leasedMax, underWayMax - underWay)
    const leased = limit <= 0 ? [] : yield* lease(limit)
    for (const item of leased) yield* begin(item)
    if (leased.length === 0) yield* Effect.timeoutOption(latch.await, sweepEvery)
  }).pipe(
    Effect.catchCause((cause) =>
      Effect.logWarning(`${name} wait for the store`, cause).pipe(Effect.andThen(Effect.sleep(sweepEvery)))
    )
  )
  yield* Effect.forkScoped(Effect.forever(round))
  return { wake: () => void latch.openUnsafe() }
})

/** How many items of each key are under way: what a share is measured by. */
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

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
  /** Leases up to `limit` due items. @param free how many more items may be under way, at least `limit` */
  readonly lease: (limit: number, free: number) => Effect.Effect<ReadonlyArray<Item>, StoreUnavailable, R>
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
    const free = underWayMax - underWay
    const leased = free <= 0 ? [] : yield* lease(Math.min(leasedMax, free), free)
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

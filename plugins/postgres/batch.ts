import { setImmediate } from "node:timers"
import { Effect } from "effect"
import type { StoreUnavailable } from "../../core/domain/errors.ts"
import { codeOf, unavailable } from "./database.ts"

interface Waiting<Item, Answer> {
  readonly item: Item
  readonly resume: (effect: Effect.Effect<Answer, StoreUnavailable>) => void
}

/** Rows of one statement, and statements at once: measured, more of either brings nothing. */
const SIZE_MAX = 256
const IN_FLIGHT_MAX = 2

/**
 * Many calls, one statement. What arrives in one turn of the event loop goes together; while statements are under way
 * the next batch gathers, so a batch grows with the load and a lonely call does not wait. A caller that is interrupted
 * before its batch has left takes its item out; later it only stops listening.
 * @param execute answers each item at its index, or rejects: then all fail, but for what bisection can save
 */
export const makeBatch = <Item, Answer>(
  execute: (items: ReadonlyArray<Item>) => Promise<ReadonlyArray<Answer>>,
  inFlightMax = IN_FLIGHT_MAX
): ((item: Item) => Effect.Effect<Answer, StoreUnavailable>) => {
  let queue: Array<Waiting<Item, Answer>> = []
  let inFlight = 0
  let scheduled = false

  const schedule = (): void => {
    if (scheduled || inFlight >= inFlightMax || queue.length === 0) return
    scheduled = true
    setImmediate(() => {
      scheduled = false
      if (queue.length === 0) return
      const batch = queue.slice(0, SIZE_MAX)
      queue = queue.slice(SIZE_MAX)
      inFlight += 1
      void settle(batch).finally(() => {
        inFlight -= 1
        schedule()
      })
      schedule()
    })
  }

  const settle = async (batch: ReadonlyArray<Waiting<Item, Answer>>): Promise<void> => {
    try {
      const answers = await execute(batch.map((waiting) => waiting.item))
      batch.forEach((waiting, index) => {
        waiting.resume(Effect.succeed(answers[index] as Answer))
      })
    } catch (cause) {
      // A row that PostgreSQL refuses must not take its neighbours along: nothing of the batch was stored, try halves.
      if (batch.length > 1 && isRefusedRow(cause)) {
        const half = batch.length >> 1
        await settle(batch.slice(0, half))
        await settle(batch.slice(half))
      } else {
        const failure = Effect.fail(unavailable(cause))
        for (const waiting of batch) waiting.resume(failure)
      }
    }
  }

  return (item) =>
    Effect.callback<Answer, StoreUnavailable>((resume) => {
      const waiting = { item, resume }
      queue.push(waiting)
      schedule()
      return Effect.sync(() => {
        const index = queue.indexOf(waiting)
        if (index >= 0) queue.splice(index, 1)
      })
    })
}

/** Data exceptions, integrity constraints, limits of a row: faults of a statement's data, not of the database. */
const isRefusedRow = (cause: unknown): boolean => /^(22|23|54)/.test(codeOf(cause))

import { setImmediate } from "node:timers"
import { Effect } from "effect"
import type { StoreUnavailable } from "../../../core/domain/errors.ts"
import { codeOf, unavailable } from "./database.ts"

interface Waiting<Item, Answer> {
  readonly item: Item
  readonly resume: (effect: Effect.Effect<Answer, StoreUnavailable>) => void
}

const SIZE_MAX = 256
/** Fewer are not divided: what a statement costs by itself would outweigh them. */
const UNDIVIDED = 32
/** A statement that takes longer (a lock, a distant database) is not waited for: another may go beside it. */
const SLOW_MS = 50
/** Four kinds of writing share ten connections: should all of them stand still, reading goes on. */
const IN_FLIGHT_MAX = 2

/**
 * Many calls, one statement. What arrives in one turn of the event loop goes together; while a statement is under way
 * the next batch gathers, so a batch grows with the load and a lonely call does not wait.
 *
 * Callers that are answered call again soon, so those that wait and those just answered go by halves: one half is
 * stored while the other is prepared. All in one statement, PostgreSQL and this process would wait for each other in
 * turns.
 *
 * A caller that is interrupted before its batch has left takes its item out; later it only stops listening.
 * @param execute answers each item at its index, or rejects: then all fail, but for what bisection can save
 * @param slowMs from when on a statement is not waited for
 */
export const makeBatch = <Item, Answer>(
  execute: (items: ReadonlyArray<Item>) => Promise<ReadonlyArray<Answer>>,
  slowMs = SLOW_MS
): ((item: Item) => Effect.Effect<Answer, StoreUnavailable>) => {
  let queue: Array<Waiting<Item, Answer>> = []
  let scheduled = false
  let inFlight = 0
  let slow = 0
  /** Of those that were answered last, how many have not called again. */
  let away = 0

  const schedule = (): void => {
    if (scheduled || queue.length === 0 || inFlight > slow || inFlight >= IN_FLIGHT_MAX) return
    scheduled = true
    setImmediate(() => {
      scheduled = false
      if (queue.length > 0) send()
    })
  }

  const send = (): void => {
    const half = Math.ceil((queue.length + away) / 2)
    const size = Math.min(SIZE_MAX, Math.max(UNDIVIDED, half))
    const batch = queue.slice(0, size)
    queue = queue.slice(size)
    inFlight += 1
    let isSlow = false
    const timer = setTimeout(() => {
      isSlow = true
      slow += 1
      schedule()
    }, slowMs)
    void settle(batch).finally(() => {
      clearTimeout(timer)
      if (isSlow) slow -= 1
      inFlight -= 1
      away = batch.length
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
      if (away > 0) away -= 1
      schedule()
      return Effect.sync(() => {
        const index = queue.indexOf(waiting)
        if (index >= 0) queue.splice(index, 1)
      })
    })
}

/** Data exceptions, integrity constraints, limits of a row: faults of a statement's data, not of the database. */
const isRefusedRow = (cause: unknown): boolean => /^(22|23|54)/.test(codeOf(cause))

import { setImmediate } from "node:timers"
import { Effect } from "effect"
import type { StoreUnavailable } from "../../../core/domain/errors.ts"
import { codeOf } from "./connection.ts"
import { unavailable } from "./database.ts"

interface Waiting<Item, Answer> {
  readonly item: Item
  readonly resume: (effect: Effect.Effect<Answer, StoreUnavailable>) => void
}

const SIZE_MAX = 256
/** Up to this many items are never divided: the fixed cost of a second statement would outweigh the gain. */
const UNDIVIDED_MAX = 32
/** A statement that takes longer (a lock, a distant database) no longer holds back the next one. */
const SLOW_MS = 50
/**
 * Statements of one batch under way. Four kinds of writes share ten connections: if all stall, reads still have some.
 */
const IN_FLIGHT_MAX = 2

/**
 * Gathers calls into one statement. Calls that arrive in one turn of the event loop go together; while a statement is
 * under way the next batch gathers, so batches grow with the load and a single call does not wait.
 *
 * Answered callers call again at once, so half of the known callers (waiting or just answered) are sent at a time: one
 * half is stored while the other prepares. With all of them in one statement, PostgreSQL and this process would take
 * turns waiting for each other.
 *
 * A caller that is interrupted before its batch is sent takes its item out; afterwards it only stops listening.
 * @param execute answers each item at its index, or rejects. Where PostgreSQL refused a row, the batch is bisected
 * until only the refused items fail; any other failure fails all items
 * @param slowMs how long a statement holds back the next one
 */
export const makeBatch = <Item, Answer>(
  execute: (items: ReadonlyArray<Item>) => Promise<ReadonlyArray<Answer>>,
  slowMs = SLOW_MS
): ((item: Item) => Effect.Effect<Answer, StoreUnavailable>) => {
  let queue: Array<Waiting<Item, Answer>> = []
  let scheduled = false
  let inFlight = 0
  let slow = 0
  /** Callers of the last answered batch that have not called again. */
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
    const size = Math.min(SIZE_MAX, Math.max(UNDIVIDED_MAX, half))
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
      // A row that PostgreSQL refuses must not fail its neighbours. Nothing of the batch was stored: try each half.
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

/** Data exceptions (22), constraint violations (23), exceeded limits (54): faults of the rows, not of the database. */
const isRefusedRow = (cause: unknown): boolean => /^(22|23|54)/.test(codeOf(cause))

import { type Duration, Effect, Schedule, type Scope } from "effect"
import type postgres from "postgres"
import type { StoreClock } from "../../../core/pipeline/persistence/store-clock.ts"

/*
 * The database's clock without a call for each order: it is looked at every 5 s and carried forward by this machine's
 * monotonic clock, which nobody can set. Accurate to half of a look's round trip.
 */

const LOOK_EVERY = "5 seconds"

/** A look that takes longer is discarded: it says too little about when the answer was given. */
const ROUND_TRIP_MAX_MS = 500

interface Look {
  /** How far the database's Unix time is ahead of our monotonic clock. */
  readonly aheadMs: number
  readonly tookMs: number
}

/** Asks the database for its time. Rejects with the driver's error. */
export const lookAtClock = async (sql: postgres.Sql): Promise<Look> => {
  const askedAt = performance.now()
  const [row] = await sql<[{ now_ms: number }]>`
    select (extract(epoch from clock_timestamp()) * 1000)::double precision as now_ms`
  const answeredAt = performance.now()
  return { aheadMs: row.now_ms - (askedAt + answeredAt) / 2, tookMs: answeredAt - askedAt }
}

/**
 * The store's clock, corrected by a look every `every` until the scope closes.
 * @param again looks again; when it fails, the clock runs on uncorrected
 */
export const startClock = Effect.fnUntraced(function* (
  first: Look,
  again: () => Promise<Look>,
  every: Duration.Input = LOOK_EVERY
): Effect.fn.Return<StoreClock["Service"], never, Scope.Scope> {
  let { aheadMs } = first
  const look = Effect.map(Effect.tryPromise(again), (seen) => {
    if (seen.tookMs <= ROUND_TRIP_MAX_MS) aheadMs = seen.aheadMs
  })
  // One look at a time, so that a database that does not answer ties up one connection and no more.
  yield* Effect.ignore(look).pipe(Effect.repeat(Schedule.spaced(every)), Effect.delay(every), Effect.forkScoped)
  return { nowMs: () => Math.round(performance.now() + aheadMs) }
})

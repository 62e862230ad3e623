import { type Duration, Effect, Schedule, type Scope } from "effect"
import type postgres from "postgres"
import type { StoreClock } from "../../../core/pipeline/persistence/store-clock.ts"

/*
 * The database's clock, without asking it at every order: it is looked at now and then, and carried on between by this
 * machine's monotonic clock, which nobody sets. Accurate to half of a look's round trip.
 */

const LOOK_EVERY = "5 seconds"

/** A slower answer says too little about when it was given. */
const ROUND_TRIP_MAX_MS = 500

/** By how much the database's clock is ahead of our monotonic one. */
interface Look {
  readonly aheadMs: number
  readonly tookMs: number
}

export const lookAtClock = async (sql: postgres.Sql): Promise<Look> => {
  const askedAt = performance.now()
  const [row] = await sql<[{ now_ms: number }]>`
    select (extract(epoch from clock_timestamp()) * 1000)::double precision as now_ms`
  const answeredAt = performance.now()
  return { aheadMs: row.now_ms - (askedAt + answeredAt) / 2, tookMs: answeredAt - askedAt }
}

/**
 * The clock, looked at again and again until its scope closes.
 * @param again looks again; where it fails, the clock goes on as it is
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
  // One look at a time: a database that does not answer is not asked by more and more connections.
  yield* Effect.ignore(look).pipe(Effect.repeat(Schedule.spaced(every)), Effect.delay(every), Effect.forkScoped)
  return { nowMs: () => Math.round(performance.now() + aheadMs) }
})

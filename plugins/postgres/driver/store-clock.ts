import type postgres from "postgres"
import { nowAndThen } from "./now-and-then.ts"

/*
 * The database's clock, without asking it at every order: it is looked at now and then, and carried on between by this
 * machine's monotonic clock, which nobody sets. Accurate to half of a look's round trip.
 */

const LOOK_EVERY_MS = 5_000

/** A slower answer says too little about when it was given. */
const ROUND_TRIP_MAX_MS = 500

export interface StoreClock {
  /** Unix milliseconds, whole. */
  readonly nowMs: () => number
  readonly stop: () => void
}

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

/** @param again looks again; where it fails, the clock goes on as it is */
export const startClock = (first: Look, again: () => Promise<Look>, everyMs = LOOK_EVERY_MS): StoreClock => {
  let { aheadMs } = first
  const { stop } = nowAndThen(everyMs, async () => {
    const look = await again()
    if (look.tookMs <= ROUND_TRIP_MAX_MS) aheadMs = look.aheadMs
  })
  return { nowMs: () => Math.round(performance.now() + aheadMs), stop }
}

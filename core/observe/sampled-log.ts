import { type Clock, Effect } from "effect"

/** After a line, further ones of the same message and subject are counted for this long instead of being written. */
const EVERY_MS = 60_000

/** Subjects remembered; beyond this many, the one logged longest ago is forgotten. */
const SUBJECTS_MAX = 1_000

interface Sample {
  readonly atMs: number
  leftOut: number
}

/** Samples by message and subject, oldest first; per clock, because tests live by clocks of their own. */
const samplesOf = new WeakMap<Clock.Clock, Map<string, Sample>>()

/**
 * Logs what somebody without credentials can cause again and again, so that nobody fills the disk or buries the other
 * lines: the first at once, then at most one a minute with the number of those left out. Metrics count each of them.
 * @param log the level: Effect.logWarning or its siblings
 * @param subject what the line is about (an account, a store): each has a first line of its own
 */
export const logSampled = (
  log: (message: string, fields: object) => Effect.Effect<void>,
  message: string,
  subject: string,
  fields: object
): Effect.Effect<void> =>
  Effect.clockWith((clock) => {
    const nowMs = Number(clock.monotonicTimeNanosUnsafe()) / 1e6
    const samples = samplesOf.get(clock) ?? new Map<string, Sample>()
    samplesOf.set(clock, samples)
    const key = `${message} ${subject}`
    const last = samples.get(key)
    if (last !== undefined && nowMs - last.atMs < EVERY_MS) {
      last.leftOut++
      return Effect.void
    }
    samples.delete(key)
    samples.set(key, { atMs: nowMs, leftOut: 0 })
    if (samples.size > SUBJECTS_MAX) {
      const [oldest] = samples.keys()
      if (oldest !== undefined) samples.delete(oldest)
    }
    return log(message, last !== undefined && last.leftOut > 0 ? { ...fields, left_out: last.leftOut } : fields)
  })

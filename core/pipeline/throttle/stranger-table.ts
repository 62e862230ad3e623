/** Capacity of a StrangerTable in counters, about 20 MB. When full, the counter unused for longest makes room. */
const STRANGERS_MAX = 100_000

interface Counter {
  used: number
  endsAtMs: number
}

/**
 * The calls of strangers by address, in fixed windows that begin with an address's first call. Unlike a WindowTable it
 * is never full: a stranger whose counter was dropped starts again at 0, because these limits only slow guessing and
 * flooding down, and a table that refused whoever is new could be filled against everybody else. Times are
 * milliseconds of a clock that never runs backwards (the monotonic one).
 */
export class StrangerTable {
  /** In the order of their last use. */
  readonly #counters = new Map<string, Counter>()
  readonly #countersMax: number

  constructor(countersMax = STRANGERS_MAX) {
    this.#countersMax = countersMax
  }

  /** Counters held, including those whose window is over. */
  get size(): number {
    return this.#counters.size
  }

  /** Counts one call and returns 0, or counts nothing and returns the whole milliseconds (≥ 1) until the window ends. */
  take(key: string, count: number, windowMs: number, nowMs: number): number {
    const waitMs = this.waitMs(key, count, nowMs)
    if (waitMs === 0) this.#count(key, windowMs, nowMs)
    return waitMs
  }

  /** What `take` would return, without counting. */
  waitMs(key: string, count: number, nowMs: number): number {
    const counter = this.#counters.get(key)
    if (counter === undefined || counter.endsAtMs <= nowMs || counter.used < count) return 0
    return Math.max(1, Math.ceil(counter.endsAtMs - nowMs))
  }

  #count(key: string, windowMs: number, nowMs: number): void {
    const known = this.#counters.get(key)
    const live = known !== undefined && known.endsAtMs > nowMs
    const counter = live ? known : { used: 0, endsAtMs: nowMs + windowMs }
    counter.used++
    this.#counters.delete(key)
    this.#counters.set(key, counter)
    if (this.#counters.size > this.#countersMax) {
      const [unusedForLongest] = this.#counters.keys()
      if (unusedForLongest !== undefined) this.#counters.delete(unusedForLongest)
    }
  }
}

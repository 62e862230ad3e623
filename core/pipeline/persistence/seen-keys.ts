import { type Clock, Effect } from "effect"

/** How long a key is taken to be absent without asking again: the bound on a lost signal. */
const ABSENT_MS = 5_000

/** Absent keys remembered, about 2 MB; beyond this many, the one asked for longest ago is dropped. */
const ABSENT_MAX = 10_000

/**
 * What this process knows of keys that strangers may name (app_ids, accounts): those that the store had, for good, and
 * those that it did not have, for 5 s. The store's signals must drop a key with `forget` once it is made.
 */
export class SeenKeys {
  readonly #clock: Clock.Clock
  readonly #present = new Set<string>()
  /** Until when, oldest first. */
  readonly #absent = new Map<string, number>()
  #forgotten = 0

  constructor(clock: Clock.Clock) {
    this.#clock = clock
  }

  /** Neither found before nor known to be absent: whoever names it costs the store a query. */
  isNew(key: string): boolean {
    return !this.#present.has(key) && !this.isAbsent(key)
  }

  /** Whether the store did not have it within the last 5 s. */
  isAbsent(key: string): boolean {
    const untilMs = this.#absent.get(key)
    return untilMs !== undefined && this.#nowMs() < untilMs
  }

  /** Runs the store's lookup of a key and remembers whether the store had it. */
  noting<A, E, R>(key: string, find: Effect.Effect<A | null, E, R>): Effect.Effect<A | null, E, R> {
    return Effect.suspend(() => {
      const before = this.#forgotten
      return Effect.map(find, (found) => {
        if (found !== null) {
          this.#present.add(key)
          this.#absent.delete(key)
        }
        // A signal that came while the store was asked may have been about this key.
        else if (before === this.#forgotten) this.#miss(key)
        return found
      })
    })
  }

  /** A signal said that a key, or any, has changed. */
  forget(key?: string): void {
    this.#forgotten++
    if (key === undefined) this.#absent.clear()
    else this.#absent.delete(key)
  }

  #miss(key: string): void {
    this.#absent.delete(key)
    this.#absent.set(key, this.#nowMs() + ABSENT_MS)
    if (this.#absent.size > ABSENT_MAX) {
      const [oldest] = this.#absent.keys()
      if (oldest !== undefined) this.#absent.delete(oldest)
    }
  }

  #nowMs(): number {
    return Number(this.#clock.monotonicTimeNanosUnsafe()) / 1e6
  }
}

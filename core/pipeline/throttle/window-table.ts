/*
 * The sliding windows of one process, without a clock and without Effect: plugins/memory is built on it, plugins/redis
 * falls back to it. Times are milliseconds of a clock that never runs backwards (the monotonic one), with fractions:
 * whole milliseconds would grant a take up to 1 ms early.
 */

/** Capacity of a WindowTable in keys, about 100 MB. When full, it refuses new keys; it never forgets a live one. */
export const WINDOW_KEYS_MAX = 250_000

/**
 * Takes of one key that are remembered one by one. Rules with a higher count remember takes in thousandths of the
 * window, each dated to the end of its thousandth: memory stays bounded, and a slot is freed up to 0.1 % of the window
 * late, never early.
 */
export const WINDOW_MARKS_MAX = 1_000

/** The takes of one key that may still be inside its window, oldest first, from `head` on. */
interface Window {
  /** When each mark was taken. */
  readonly marks: Array<number>
  /** How many takes each mark stands for. */
  readonly takes: Array<number>
  head: number
  /** The sum of `takes` from `head` on. */
  used: number
  /** The length of the window at the last take: how long the key must be kept. */
  windowMs: number
}

/** Sliding windows by key: in any span of `windowMs` at most `count` takes of one key succeed. */
export class WindowTable {
  readonly #windows = new Map<string, Window>()
  readonly #keysMax: number
  #sweep: Iterator<[string, Window]> = this.#windows.entries()
  /** When full of live keys: the earliest time at which a search through all of them can find one to drop. */
  #fullUntil = Number.NEGATIVE_INFINITY

  constructor(keysMax = WINDOW_KEYS_MAX) {
    this.#keysMax = keysMax
  }

  /** Keys held, including expired ones that the sweep has not reached yet. */
  get size(): number {
    return this.#windows.size
  }

  /**
   * Takes one slot and returns 0, or takes nothing and returns the whole milliseconds (≥ 1) until one is free. "full" =
   * no room for a new key.
   */
  take(key: string, count: number, windowMs: number, nowMs: number): number | "full" {
    const waitMs = this.waitMs(key, count, windowMs, nowMs)
    if (waitMs > 0) return waitMs
    return this.record(key, count, windowMs, nowMs) ? 0 : "full"
  }

  /** What `take` would return, without taking: 0, or the whole milliseconds until a slot is free. */
  waitMs(key: string, count: number, windowMs: number, nowMs: number): number {
    const window = this.#windows.get(key)
    if (window === undefined) return 0
    dropExpired(window, windowMs, nowMs)
    let left = window.used
    if (left < count) return 0
    for (let i = window.head; i < window.marks.length; i++) {
      left -= window.takes[i] ?? 0
      if (left < count) return Math.max(1, Math.ceil((window.marks[i] ?? nowMs) + windowMs - nowMs))
    }
    return Math.max(1, Math.ceil(windowMs))
  }

  /** Records a take that somebody else has granted. false = no room for a new key, nothing is recorded. */
  record(key: string, count: number, windowMs: number, nowMs: number): boolean {
    this.#sweepSome(nowMs)
    let window = this.#windows.get(key)
    if (window === undefined) {
      if (this.#windows.size >= this.#keysMax && !this.#makeRoom(nowMs)) return false
      window = { marks: [], takes: [], head: 0, used: 0, windowMs }
      this.#windows.set(key, window)
    }
    const grainMs = count <= WINDOW_MARKS_MAX ? 0 : windowMs / WINDOW_MARKS_MAX
    const mark = grainMs === 0 ? nowMs : Math.ceil(nowMs / grainMs) * grainMs
    const last = window.marks.length - 1
    // A mark is never earlier than the last one, so that the oldest stays in front (a rule's grain may have changed).
    if (last >= window.head && mark <= (window.marks[last] ?? 0)) {
      window.takes[last] = (window.takes[last] ?? 0) + 1
    } else {
      window.marks.push(mark)
      window.takes.push(1)
    }
    window.used++
    window.windowMs = windowMs
    return true
  }

  /** Looks at two keys for each take recorded: the sweep outruns the growth, so no timer is needed. */
  #sweepSome(nowMs: number): void {
    for (let i = 0; i < 2; i++) {
      const next = this.#sweep.next()
      if (next.done === true) {
        this.#sweep = this.#windows.entries()
        return
      }
      const [key, window] = next.value
      if (expiryOf(window) <= nowMs) this.#windows.delete(key)
    }
  }

  #makeRoom(nowMs: number): boolean {
    if (nowMs < this.#fullUntil) return false
    let firstExpiry = Number.POSITIVE_INFINITY
    for (const [key, window] of this.#windows) {
      const expiry = expiryOf(window)
      if (expiry <= nowMs) this.#windows.delete(key)
      else if (expiry < firstExpiry) firstExpiry = expiry
    }
    if (this.#windows.size < this.#keysMax) return true
    this.#fullUntil = firstExpiry
    return false
  }
}

const expiryOf = (window: Window): number => (window.marks.at(-1) ?? Number.NEGATIVE_INFINITY) + window.windowMs

const dropExpired = (window: Window, windowMs: number, nowMs: number): void => {
  while (window.head < window.marks.length && (window.marks[window.head] ?? 0) + windowMs <= nowMs) {
    window.used -= window.takes[window.head] ?? 0
    window.head++
  }
  // Done once at least half of the marks are free, so moving the rest costs no more than what it frees.
  if (window.head > 0 && window.head * 2 >= window.marks.length) {
    window.marks.splice(0, window.head)
    window.takes.splice(0, window.head)
    window.head = 0
  }
}

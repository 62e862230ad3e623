import { hash } from "node:crypto"

/*
 * The sliding window and the nonces of one process, without a clock and without Effect: plugins/memory is these two,
 * plugins/redis falls back to them. Times are milliseconds of any clock that never runs backwards (the monotonic one),
 * fractions included: whole milliseconds would let a take in up to 1 ms early.
 */

/** Live keys of a WindowTable; about 100 MB when full. New keys are then refused; a live one is never forgotten. */
export const WINDOW_KEYS_MAX = 250_000

/**
 * Takes of one key that are remembered one by one. Above this count they are remembered in thousandths of the window,
 * each as if it had come at the end of its thousandth: memory stays bounded, and a slot comes back up to 0.1 % of the
 * window late, never early.
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
  /** When full of live keys: the first moment at which a look through all of them may find one to drop. */
  #fullUntil = Number.NEGATIVE_INFINITY

  constructor(keysMax = WINDOW_KEYS_MAX) {
    this.#keysMax = keysMax
  }

  /** Keys held, those included that have expired and were not yet met by the sweep. */
  get size(): number {
    return this.#windows.size
  }

  /** Takes one slot and answers 0, or takes nothing and answers the whole milliseconds (≥ 1) until one is free. */
  take(key: string, count: number, windowMs: number, nowMs: number): number | "full" {
    const waitMs = this.waitMs(key, count, windowMs, nowMs)
    if (waitMs > 0) return waitMs
    return this.record(key, count, windowMs, nowMs) ? 0 : "full"
  }

  /** What `take` would answer, without taking. */
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

  /** Notes a take that somebody else has granted. false = no room for a new key: it is not noted. */
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
    // Not earlier than the last mark, so that the oldest is always in front (a rule's grain may have changed).
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

  /** Two keys for each one added: the sweep outruns the growth, and no timer is needed. */
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
  // Moving the rest down costs as much as the marks that it frees.
  if (window.head > 0 && window.head * 2 >= window.marks.length) {
    window.marks.splice(0, window.head)
    window.takes.splice(0, window.head)
    window.head = 0
  }
}

/** Live nonces of a NonceTable: 10 minutes at 13,000 a second, about 250 MB. New ones are then refused. */
export const NONCES_MAX = 8_000_000

/** Nonces are dropped a slice at a time; each still expires to the millisecond. */
const SLICE_MS = 60_000
/** Three words of SHA-256 and one for the expiry. */
const ENTRY_WORDS = 4
const SLICE_ENTRIES_MIN = 256

/**
 * Used nonces by digest: of any number of claims of one key at once exactly one is true. A million take 32 MB and give
 * the garbage collector nothing to walk; a Map of the keys took 227 MB. The digest is 96 bits of SHA-256: two of 8
 * million differ with all but one chance in 10^15, and nobody can choose a nonce that meets another merchant's.
 */
export class NonceTable {
  /** By the minute in which its nonces expire. */
  readonly #slices = new Map<number, Slice>()
  readonly #noncesMax: number
  #size = 0

  constructor(noncesMax = NONCES_MAX) {
    this.#noncesMax = noncesMax
  }

  /** Nonces held, those included that expired within the last minute. */
  get size(): number {
    return this.#size
  }

  /** true = first use within `windowMs`, now remembered that long; "full" = no room to remember it, so not claimed. */
  claim(key: string, windowMs: number, nowMs: number): boolean | "full" {
    const digest = hash("sha256", key, "buffer")
    const a = digest.readUInt32LE(0)
    const b = digest.readUInt32LE(4)
    const c = digest.readUInt32LE(8)
    for (const [index, slice] of this.#slices) {
      if ((index + 1) * SLICE_MS <= nowMs) {
        this.#slices.delete(index)
        this.#size -= slice.size
      } else {
        const offsetMs = slice.find(a, b, c)
        if (offsetMs !== undefined && index * SLICE_MS + offsetMs > nowMs) return false
      }
    }
    if (this.#size >= this.#noncesMax) return "full"
    const expiresAt = Math.ceil(nowMs + windowMs)
    const index = Math.floor(expiresAt / SLICE_MS)
    let slice = this.#slices.get(index)
    if (slice === undefined) {
      // As large as the minute before needed, so that a steady load never waits for a table to grow.
      slice = new Slice(this.#slices.get(index - 1)?.size ?? 0)
      this.#slices.set(index, slice)
    }
    if (slice.put(a, b, c, expiresAt - index * SLICE_MS)) this.#size++
    return true
  }
}

/** The nonces that expire in one minute: an open-addressing table that only grows. */
class Slice {
  size = 0
  #words: Uint32Array

  constructor(expected: number) {
    let entries = SLICE_ENTRIES_MIN
    while (entries * 0.75 < expected) entries *= 2
    this.#words = new Uint32Array(entries * ENTRY_WORDS)
  }

  find(a: number, b: number, c: number): number | undefined {
    const stored = this.#words[this.#locate(a, b, c) + 3] ?? 0
    return stored === 0 ? undefined : stored - 1
  }

  /** false = it was there already (expired); it has the new offset now. */
  put(a: number, b: number, c: number, offsetMs: number): boolean {
    const at = this.#locate(a, b, c)
    const added = this.#words[at + 3] === 0
    this.#words[at] = a
    this.#words[at + 1] = b
    this.#words[at + 2] = c
    this.#words[at + 3] = offsetMs + 1 // 0 marks a free entry
    if (added && ++this.size * ENTRY_WORDS > this.#words.length * 0.75) this.#grow()
    return added
  }

  /** Where the entry is, or the free one where it would be. */
  #locate(a: number, b: number, c: number): number {
    const words = this.#words
    const mask = words.length / ENTRY_WORDS - 1
    for (let i = a & mask; ; i = (i + 1) & mask) {
      const at = i * ENTRY_WORDS
      if (words[at + 3] === 0) return at
      if (words[at] === a && words[at + 1] === b && words[at + 2] === c) return at
    }
  }

  #grow(): void {
    const old = this.#words
    this.#words = new Uint32Array(old.length * 2)
    for (let at = 0; at < old.length; at += ENTRY_WORDS) {
      if (old[at + 3] !== 0) {
        this.#words.set(
          old.subarray(at, at + ENTRY_WORDS),
          this.#locate(old[at] ?? 0, old[at + 1] ?? 0, old[at + 2] ?? 0)
        )
      }
    }
  }
}

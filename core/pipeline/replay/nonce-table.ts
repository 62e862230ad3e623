import { hash } from "node:crypto"

/*
 * The nonces of one process, without a clock and without Effect: plugins/memory is built on it, plugins/redis falls
 * back to it. Times are milliseconds of a clock that never runs backwards (the monotonic one).
 */

/** Capacity of a NonceTable: 10 minutes at 13,000 a second, about 250 MB. When full, it refuses new nonces. */
export const NONCES_MAX = 8_000_000

/*
 * Shares. A merchant may hold four times the nonces that there is still room for, outside a reserve: alone that is three
 * quarters of the table, and a flood shrinks its own share by what it takes. The reserve is for merchants that hold less
 * than a thousandth, so that however many flood, sixty others find room for that much.
 */
const SHARE_OF_FREE = 4
const RESERVE = 1 / 16
const MINIMUM = 1 / 1_000

/** Nonces are dropped one slice at a time; each still expires to the millisecond. */
const SLICE_MS = 60_000
/** Three 32-bit words of SHA-256 and one for the expiry. */
const ENTRY_WORDS = 4
const SLICE_ENTRIES_MIN = 256

/**
 * Used nonces by digest: of any number of concurrent claims of one key, exactly one is true. A million take 32 MB and
 * give the garbage collector nothing to walk; a Map of the keys took 227 MB. The digest is 96 bits of SHA-256: the
 * chance that any two of 8 million collide is below 1 in 10^15, and nobody can choose a nonce that collides with
 * another merchant's.
 */
export class NonceTable {
  /** Slices by the minute in which their nonces expire. */
  readonly #slices = new Map<number, Slice>()
  readonly #noncesMax: number
  /** Nonces that each owner holds. */
  readonly #held = new Map<string, number>()
  #size = 0

  constructor(noncesMax = NONCES_MAX) {
    this.#noncesMax = noncesMax
  }

  /** Nonces held, including those that expired within the last minute. */
  get size(): number {
    return this.#size
  }

  /**
   * true = first use within `windowMs`, now remembered for as long. Not claimed: "over-share" = no room for this owner,
   * "full" = no room for anybody.
   */
  claim(owner: string, nonce: string, windowMs: number, nowMs: number): boolean | "over-share" | "full" {
    const digest = hash("sha256", `${owner}:${nonce}`, "buffer")
    const a = digest.readUInt32LE(0)
    const b = digest.readUInt32LE(4)
    const c = digest.readUInt32LE(8)
    for (const [index, slice] of this.#slices) {
      if ((index + 1) * SLICE_MS <= nowMs) {
        this.#slices.delete(index)
        this.#size -= slice.size
        for (const [each, nonces] of slice.owners) this.#add(each, -nonces)
      } else {
        const offsetMs = slice.find(a, b, c)
        if (offsetMs !== undefined && index * SLICE_MS + offsetMs > nowMs) return false
      }
    }
    if (this.#size >= this.#noncesMax) return "full"
    if ((this.#held.get(owner) ?? 0) >= this.#share()) return "over-share"
    const expiresAt = Math.ceil(nowMs + windowMs)
    const index = Math.floor(expiresAt / SLICE_MS)
    let slice = this.#slices.get(index)
    if (slice === undefined) {
      // As large as the previous minute's, so that a steady load never waits for a table to grow.
      slice = new Slice(this.#slices.get(index - 1)?.size ?? 0)
      this.#slices.set(index, slice)
    }
    if (slice.put(a, b, c, expiresAt - index * SLICE_MS)) {
      this.#size++
      this.#add(owner, 1)
      slice.owners.set(owner, (slice.owners.get(owner) ?? 0) + 1)
    }
    return true
  }

  /** How many nonces an owner may hold now. */
  #share(): number {
    const free = this.#noncesMax * (1 - RESERVE) - this.#size
    return Math.max(this.#noncesMax * MINIMUM, free * SHARE_OF_FREE)
  }

  #add(owner: string, nonces: number): void {
    const held = (this.#held.get(owner) ?? 0) + nonces
    if (held === 0) this.#held.delete(owner)
    else this.#held.set(owner, held)
  }
}

/** The nonces that expire in one minute: an open-addressing table that only grows. */
class Slice {
  size = 0
  /** How many of its nonces are whose. */
  readonly owners = new Map<string, number>()
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

  /** false = the entry existed already (expired) and now has the new offset. */
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

  /** The index of the entry, or of the free entry where it belongs. */
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

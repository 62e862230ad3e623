const MINUTE_MS = 60_000

/** How many nonces an owner has that expire within one minute. */
interface MinuteCount {
  readonly minute: number
  count: number
}

/**
 * The nonces that this process has claimed without Redis counting them, by owner. Nearly all owners hold few, and for
 * these one plain command is cheaper than a script; an owner that holds more is counted by Redis (nonce-script.ts).
 */
export class LightClaims {
  readonly #byOwner = new Map<string, Array<MinuteCount>>()

  /** How many an owner holds, to the minute. */
  held(owner: string, nowMs: number): number {
    const counts = this.#byOwner.get(owner)
    if (counts === undefined) return 0
    while (counts[0] !== undefined && (counts[0].minute + 1) * MINUTE_MS <= nowMs) counts.shift()
    if (counts.length === 0) this.#byOwner.delete(owner)
    let held = 0
    for (const { count } of counts) held += count
    return held
  }

  /** Notes a nonce that lasts `windowMs`. Windows are of one length, so minutes come in their order. */
  add(owner: string, windowMs: number, nowMs: number): void {
    const minute = Math.floor((nowMs + windowMs) / MINUTE_MS)
    const counts = this.#byOwner.get(owner)
    const last = counts?.at(-1)
    if (last?.minute === minute) last.count++
    else if (counts !== undefined) counts.push({ minute, count: 1 })
    else this.#byOwner.set(owner, [{ minute, count: 1 }])
  }
}

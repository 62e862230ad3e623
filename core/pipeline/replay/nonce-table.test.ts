import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { NonceTable } from "./nonce-table.ts"

describe("NonceTable", () => {
  test("answers every claim like a plain map of expiries", () => {
    const claims = fc.array(
      fc.record({
        passMs: fc.integer({ min: 0, max: 50_000 }),
        key: fc.integer({ min: 0, max: 30 }),
        windowMs: fc.constantFrom(10, 5_000, 60_000, 600_000)
      }),
      { maxLength: 300 }
    )
    fc.assert(
      fc.property(claims, (all) => {
        const table = new NonceTable()
        const expiries = new Map<number, number>()
        let nowMs = 0
        for (const { passMs, key, windowMs } of all) {
          nowMs += passMs
          const free = (expiries.get(key) ?? 0) <= nowMs
          expect(table.claim(String(key), windowMs, nowMs)).toBe(free)
          if (free) expiries.set(key, nowMs + windowMs)
        }
      })
    )
  })

  test("distinguishes a hundred thousand nonces while it grows, and drops them when their window is over", () => {
    const table = new NonceTable()
    for (let i = 0; i < 100_000; i++) if (table.claim(`nonce ${i}`, 600_000, i) !== true) throw new Error(`${i} lost`)
    for (let i = 0; i < 100_000; i++) if (table.claim(`nonce ${i}`, 600_000, 100_000) !== false) throw new Error(`${i}`)
    expect(table.size).toBe(100_000)
    expect(table.claim("nonce 0", 600_000, 760_000)).toBe(true)
    expect(table.size).toBe(1)
  })

  test("when full of live nonces, claims no new one and never forgets a live one", () => {
    const table = new NonceTable(2)
    expect(table.claim("a", 60_000, 0)).toBe(true)
    expect(table.claim("b", 60_000, 0)).toBe(true)
    expect(table.claim("c", 60_000, 10)).toBe("full")
    expect(table.claim("a", 60_000, 59_999)).toBe(false)
    expect(table.claim("c", 60_000, 120_000)).toBe(true)
  })
})

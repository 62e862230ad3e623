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
          expect(table.claim("pk", String(key), windowMs, nowMs)).toBe(free)
          if (free) expiries.set(key, nowMs + windowMs)
        }
      })
    )
  })

  test("distinguishes a hundred thousand nonces while it grows, and drops them when their window is over", () => {
    const table = new NonceTable()
    for (let i = 0; i < 100_000; i++)
      if (table.claim("pk", `nonce ${i}`, 600_000, i) !== true) throw new Error(`${i} lost`)
    for (let i = 0; i < 100_000; i++)
      if (table.claim("pk", `nonce ${i}`, 600_000, 100_000) !== false) throw new Error(`${i}`)
    expect(table.size).toBe(100_000)
    expect(table.claim("pk", "nonce 0", 600_000, 760_000)).toBe(true)
    expect(table.size).toBe(1)
  })

  test("when full of live nonces, claims no new one and never forgets a live one", () => {
    const table = new NonceTable(2)
    expect(table.claim("pk", "a", 60_000, 0)).toBe(true)
    expect(table.claim("pk", "b", 60_000, 0)).toBe(true)
    expect(table.claim("pk", "c", 60_000, 10)).toBe("full")
    expect(table.claim("pk", "a", 60_000, 59_999)).toBe(false)
    expect(table.claim("pk", "c", 60_000, 120_000)).toBe(true)
  })

  test("however many merchants flood, in whatever order, one that holds little always finds room", () => {
    const floods = fc.array(
      fc.record({
        passMs: fc.integer({ min: 0, max: 90_000 }),
        owner: fc.integer({ min: 0, max: 20 }),
        nonces: fc.integer({ min: 1, max: 9_000 })
      }),
      { minLength: 1, maxLength: 40 }
    )
    fc.assert(
      fc.property(floods, fc.integer({ min: 2_000, max: 8_000 }), (all, noncesMax) => {
        const table = new NonceTable(noncesMax)
        let nowMs = 0
        let made = 0
        const claim = (owner: string) => table.claim(owner, String(made++), 605_000, nowMs)
        for (const { passMs, owner, nonces } of all) {
          nowMs += passMs
          for (let i = 0; i < nonces; i++) expect(claim(`flood ${owner}`)).not.toBe("full")
        }
        for (let i = 0; i < noncesMax / 1_000; i++) expect(claim("newcomer")).toBe(true)
      }),
      { numRuns: 50 }
    )
  })

  test("a merchant alone may use three quarters of the table, and again once its nonces are over", () => {
    const table = new NonceTable(8_000)
    const claimMany = (nowMs: number) => {
      let claimed = 0
      for (let i = 0; i < 8_000; i++) if (table.claim("pk", `${nowMs} ${i}`, 60_000, nowMs) === true) claimed++
      return claimed
    }
    expect(claimMany(0)).toBe(6_000)
    expect(table.claim("pk", "0 0", 60_000, 0)).toBe(false) // used, whatever the share
    expect(table.claim("other", "0 0", 60_000, 0)).toBe(true)
    expect(claimMany(60_001)).toBe(0) // dropped by the minute
    expect(claimMany(120_000)).toBe(6_000)
  })

  test("while one merchant floods, a fast one goes on", () => {
    const table = new NonceTable(8_000)
    let made = 0
    const claim = (owner: string, nowMs: number) => table.claim(owner, String(made++), 600_000, nowMs)
    // 1 nonce a second is 600 held: 7.5 % of the table, 1,000 a second of the real one.
    for (let second = 0; second < 1_800; second++) {
      expect(claim("fast", second * 1_000)).toBe(true)
      if (second > 300) for (let i = 0; i < 50; i++) claim("flood", second * 1_000)
    }
  })
})

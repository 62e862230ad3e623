import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { StrangerTable } from "./stranger-table.ts"

describe("StrangerTable", () => {
  test("answers every call like a plain count per window, which begins with its first call", () => {
    const calls = fc.array(fc.record({ passMs: fc.integer({ min: 0, max: 40 }), key: fc.constantFrom("a", "b") }), {
      maxLength: 200
    })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 60 }), calls, (count, windowMs, all) => {
        const table = new StrangerTable()
        const windows: Record<string, { used: number; beganMs: number }> = {}
        let nowMs = 0
        for (const { passMs, key } of all) {
          nowMs += passMs
          let window = windows[key]
          if (window === undefined || window.beganMs + windowMs <= nowMs) {
            window = { used: 0, beganMs: nowMs }
            windows[key] = window
          }
          const expected = window.used < count ? 0 : window.beganMs + windowMs - nowMs
          expect(table.waitMs(key, count, nowMs)).toBe(expected)
          expect(table.take(key, count, windowMs, nowMs)).toBe(expected)
          if (expected === 0) window.used++
        }
      })
    )
  })

  test("when full, forgets the counter that was unused for longest and refuses nobody who is new", () => {
    const table = new StrangerTable(3)
    for (const key of ["a", "b", "c"]) expect(table.take(key, 2, 1_000, 0)).toBe(0)
    expect(table.take("a", 2, 1_000, 1)).toBe(0)
    expect(table.take("d", 2, 1_000, 2)).toBe(0) // drops "b"
    expect(table.size).toBe(3)
    expect(table.take("a", 2, 1_000, 3)).toBe(997)
    expect(table.take("b", 1, 1_000, 3)).toBe(0) // drops "c"
    expect(table.take("c", 1, 1_000, 3)).toBe(0)
  })
})

import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { WINDOW_MARKS_MAX, WindowTable } from "./window-table.ts"

describe("WindowTable", () => {
  test("answers every call like a plain list of the granted calls", () => {
    const calls = fc.array(fc.record({ passMs: fc.integer({ min: 0, max: 40 }), key: fc.constantFrom("a", "b") }), {
      maxLength: 200
    })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 60 }), calls, (count, windowMs, all) => {
        const table = new WindowTable()
        const granted: Record<string, Array<number>> = { a: [], b: [] }
        let nowMs = 0
        for (const { passMs, key } of all) {
          nowMs += passMs
          const times = granted[key] ?? []
          const live = times.filter((at) => at > nowMs - windowMs)
          const expected = live.length < count ? 0 : (live[live.length - count] ?? 0) + windowMs - nowMs
          expect(table.take(key, count, windowMs, nowMs)).toBe(expected)
          if (expected === 0) times.push(nowMs)
        }
      })
    )
  })

  test("with large counts, grants at most the count in any span, and frees a slot at most a thousandth late", () => {
    const bursts = fc.array(
      fc.record({ passMs: fc.double({ min: 0, max: 900, noNaN: true }), calls: fc.integer({ min: 1, max: 900 }) }),
      { maxLength: 40 }
    )
    fc.assert(
      fc.property(
        fc.integer({ min: 1_001, max: 3_000 }),
        fc.constantFrom(1_000, 2_345),
        bursts,
        (count, windowMs, all) => {
          const table = new WindowTable()
          const granted: Array<number> = []
          let nowMs = 0
          for (const { passMs, calls } of all) {
            nowMs += passMs
            for (let i = 0; i < calls; i++) {
              const within = (spanMs: number) => granted.length - firstAfter(granted, nowMs - spanMs)
              const answer = table.take("key", count, windowMs, nowMs)
              if (answer === 0) {
                granted.push(nowMs)
                expect(within(windowMs)).toBeLessThanOrEqual(count)
              } else expect(within(windowMs * (1 + 1 / WINDOW_MARKS_MAX))).toBeGreaterThanOrEqual(count)
            }
          }
        }
      ),
      { numRuns: 30 }
    )
  })

  test("with large counts, dates a call to the end of its thousandth of the window, never to the beginning", () => {
    const table = new WindowTable()
    for (let i = 0; i < 2_000; i++) expect(table.take("key", 2_000, 10_000, 5)).toBe(0)
    expect(table.take("key", 2_000, 10_000, 10_004)).toBe(6)
    expect(table.take("key", 2_000, 10_000, 10_009)).toBe(1)
    for (let i = 0; i < 2_000; i++) expect(table.take("key", 2_000, 10_000, 10_010)).toBe(0)
  })

  test("never grants a call a fraction of a millisecond early", () => {
    const table = new WindowTable()
    expect(table.take("key", 1, 3_000, 0.9)).toBe(0)
    expect(table.take("key", 1, 3_000, 1_000.5)).toBe(2_001)
    expect(table.take("key", 1, 3_000, 3_000.8)).toBe(1)
    expect(table.take("key", 1, 3_000, 3_000.9)).toBe(0)
  })

  test("drops keys whose window is over, even if they are never asked for again", () => {
    const table = new WindowTable()
    for (let i = 0; i < 10_000; i++) table.take(`key ${i}`, 1, 3_000, i)
    // 3,000 are live at any time; a round of the sweep takes as many calls again.
    expect(table.size).toBeLessThan(7_000)
    for (let i = 0; i < 10_000; i++) table.take("the same key", 1_000_000, 3_000, 20_000 + i)
    expect(table.size).toBe(1)
  })

  test("when full of live keys, takes no new one and never forgets a live one", () => {
    const table = new WindowTable(3)
    expect(["a", "b", "c"].map((key, i) => table.take(key, 1, 100, i))).toEqual([0, 0, 0])
    expect(table.take("d", 1, 100, 50)).toBe("full")
    expect(table.take("a", 1, 100, 50)).toBe(50)
    expect(table.take("d", 1, 100, 99)).toBe("full")
    expect(table.take("d", 1, 100, 100)).toBe(0) // "a" is over
    expect(table.take("e", 1, 100, 100)).toBe("full")
    expect(["b", "c", "d"].map((key) => table.take(key, 1, 100, 100))).toEqual([1, 2, 100])
  })
})

/** The index of the first time after `time`; times are in order. */
const firstAfter = (times: ReadonlyArray<number>, time: number): number => {
  let low = 0
  let high = times.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((times[middle] ?? 0) > time) high = middle
    else low = middle + 1
  }
  return low
}

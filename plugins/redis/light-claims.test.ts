import { expect, test } from "bun:test"
import fc from "fast-check"
import { LightClaims } from "./light-claims.ts"

const WINDOW_MS = 600_000

test("an owner holds what it has claimed until the minute in which it expires is over, whatever others claim", () => {
  const steps = fc.array(fc.record({ passMs: fc.integer({ min: 0, max: 200_000 }), owner: fc.constantFrom("a", "b") }))
  fc.assert(
    fc.property(steps, (all) => {
      const claims = new LightClaims()
      const minutes: Record<string, Array<number>> = { a: [], b: [] }
      let nowMs = 0
      for (const { passMs, owner } of all) {
        nowMs += passMs
        for (const [one, mine] of Object.entries(minutes)) {
          expect(claims.held(one, nowMs)).toBe(mine.filter((minute) => (minute + 1) * 60_000 > nowMs).length)
        }
        claims.add(owner, WINDOW_MS, nowMs)
        minutes[owner]?.push(Math.floor((nowMs + WINDOW_MS) / 60_000))
      }
    })
  )
})

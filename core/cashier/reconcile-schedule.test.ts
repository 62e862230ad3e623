import { expect, test } from "bun:test"
import fc from "fast-check"
import { CLOSE_GRACE_MS, firstCheckAt, GIVE_UP_AFTER_EXPIRY_MS, nextCheckAt } from "./reconcile-schedule.ts"

const SCHEDULE = [30_000, 60_000, 120_000, 300_000, 600_000]
const MINUTE = 60_000
const order = { createdAt: new Date(0), expiresAt: new Date(30 * MINUTE) }

test("an order is checked at 30 s, 1, 2, 5 and 10 min, then every 10 min, at its expiry and for a day after it", () => {
  const times: Array<number> = []
  let at: Date | null = firstCheckAt(order.createdAt, SCHEDULE)
  while (at !== null && times.length < 1_000) {
    times.push(at.getTime())
    at = nextCheckAt(order, SCHEDULE, at.getTime())
  }
  expect(times.slice(0, 8)).toEqual([
    30_000,
    60_000,
    120_000,
    300_000,
    600_000,
    20 * MINUTE,
    30 * MINUTE,
    30 * MINUTE + CLOSE_GRACE_MS
  ])
  expect(at).toBeNull()
  expect(times.at(-1)).toBeGreaterThan(30 * MINUTE + GIVE_UP_AFTER_EXPIRY_MS)
  expect(times).toHaveLength(8 + 144)
})

test("the next check is always in the future and, until the order is due to be closed, not later than that", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 25 * 3_600_000 }), (nowMs) => {
      const next = nextCheckAt(order, SCHEDULE, nowMs)
      if (nowMs > order.expiresAt.getTime() + GIVE_UP_AFTER_EXPIRY_MS) return expect(next).toBeNull()
      expect(next?.getTime()).toBeGreaterThan(nowMs)
      const closeMs = order.expiresAt.getTime() + CLOSE_GRACE_MS
      if (nowMs < closeMs) expect(next?.getTime()).toBeLessThanOrEqual(closeMs)
    })
  )
})

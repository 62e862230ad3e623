import { expect, test } from "bun:test"
import fc from "fast-check"
import { isOrderNo, newOrderNo } from "./order-no.ts"

test("an order number is QR or WX, the Shanghai second and eight of [0-9A-Z]", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("QR" as const, "WX" as const),
      fc.integer({ min: 1, max: 2_000_000_000 }),
      fc.integer({ min: 0, max: 4_102_444_800_000 }),
      fc.integer({ min: 0, max: 0xffff_ffff }),
      (prefix, merchantId, nowMs, random) => {
        const orderNo = newOrderNo(prefix, merchantId, nowMs, random)
        expect(orderNo).toMatch(/^(QR|WX)\d{14}[0-9A-Z]{8}$/)
        expect(isOrderNo(orderNo)).toBe(true)
      }
    )
  )
  expect(newOrderNo("QR", 1, Date.UTC(2026, 2, 15, 16, 0, 0), 0)).toStartWith("QR20260316000000")
})

test("numbers drawn in one second by one merchant differ", () => {
  const drawn = new Set(Array.from({ length: 500 }, () => newOrderNo("QR", 7, 0)))
  expect(drawn.size).toBeGreaterThan(495)
})

test("two merchants' numbers of one second differ even with the same draw", () => {
  const drawn = new Set(Array.from({ length: 5_000 }, (_, merchantId) => newOrderNo("QR", merchantId + 1, 0, 42)))
  expect(drawn.size).toBe(5_000)
})

import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { AMOUNT_FEN_MAX, FEE_RATE_BP_MAX, feeFen, fenOfYuan, yuanText } from "./money.ts"

const fen = fc.integer({ min: 0, max: AMOUNT_FEN_MAX })

describe("Fen and yuan", () => {
  test.each([
    [0, "0.00"],
    [1, "0.01"],
    [99, "0.99"],
    [100, "1.00"],
    [123_456, "1234.56"],
    [10_000_000_000, "100000000.00"]
  ])("%d fen are %s yuan", (amount, text) => {
    expect(yuanText(amount)).toBe(text)
    expect(fenOfYuan(text)).toBe(amount)
  })

  test("go back and forth without loss, whatever the amount", () => {
    fc.assert(fc.property(fen, (amount) => fenOfYuan(yuanText(amount)) === amount))
  })

  test("are read from JSON numbers as providers send them", () => {
    fc.assert(fc.property(fen, (amount) => fenOfYuan(amount / 100) === amount))
  })

  test.each(["", "1.", ".5", "1.005", "01.00", "-1", "+1", "1e3", " 1", "1,000.00", "１", "NaN", "Infinity"])(
    "%p is not an amount of yuan",
    (text) => {
      expect(fenOfYuan(text)).toBeUndefined()
    }
  )
})

describe("The fee", () => {
  test.each([
    [1_000, 60, 6],
    [83, 60, 0],
    [84, 60, 1],
    [1, 5_000, 1],
    [1, 4_999, 0],
    [10_000_000_000, 10_000, 10_000_000_000],
    [1_000, 0, 0]
  ])("of %d fen at %d basis points is %d fen, rounded half up", (amount, rate, fee) => {
    expect(feeFen(amount, rate)).toBe(fee)
  })

  test("is what exact arithmetic says, and never more than the amount", () => {
    fc.assert(
      fc.property(fen, fc.integer({ min: 0, max: FEE_RATE_BP_MAX }), (amount, rate) => {
        const exact = (BigInt(amount) * BigInt(rate) * 2n + 10_000n) / 20_000n
        expect(feeFen(amount, rate)).toBe(Number(exact))
        expect(feeFen(amount, rate)).toBeLessThanOrEqual(amount)
      })
    )
  })
})

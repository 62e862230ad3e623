import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { plainText } from "./plain-text.ts"

describe("a text for a provider", () => {
  test.each([
    ["loses its emoji", "苹果🍎派", "苹果派"],
    ["loses a family of joined emoji whole", "家👨‍👩‍👧庭", "家庭"],
    ["loses keycaps and variation selectors", "1️⃣号", "1号"],
    ["loses rare characters beyond the basic plane", "𠮷野家", "野家"],
    ["loses lone surrogates", "a\ud83cb", "ab"],
    ["loses line ends", "一\r\n二", "一 二"],
    ["becomes the standard text when nothing is left", "🍎", "在线支付"],
    ["keeps 42 Chinese characters in 127 bytes", "汉".repeat(42), "汉".repeat(42)],
    ["loses the 43rd, which does not fit whole", "汉".repeat(43), "汉".repeat(42)],
    ["keeps 127 letters", "x".repeat(128), "x".repeat(127)]
  ])("%s", (_what, text, plain) => {
    expect(plainText(text, 127, "在线支付")).toBe(plain)
  })

  test("never has more bytes than allowed, nor a character that is refused", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), fc.integer({ min: 12, max: 80 }), (text, bytesMax) => {
        const plain = plainText(text, bytesMax, "在线支付")
        expect(Buffer.byteLength(plain)).toBeLessThanOrEqual(bytesMax)
        expect(plain).not.toMatch(/[\ud800-\udfff]|\p{Cc}/u)
        expect(plain).not.toBe("")
      })
    )
  })
})

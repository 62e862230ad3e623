import { expect, test } from "bun:test"
import fc from "fast-check"
import { utf8Prefix } from "./utf8-prefix.ts"

const text = fc.string({ unit: "binary", maxLength: 60 })

test("a prefix fits, begins the text, is well-formed, and has no room for the next character", () => {
  fc.assert(
    fc.property(text, fc.nat(80), (text, bytesMax) => {
      const prefix = utf8Prefix(text, bytesMax)
      expect(Buffer.byteLength(prefix)).toBeLessThanOrEqual(bytesMax)
      expect(text.startsWith(prefix)).toBe(true)
      expect(prefix.isWellFormed()).toBe(true)
      const [next] = text.slice(prefix.length)
      if (next !== undefined) expect(Buffer.byteLength(prefix + next)).toBeGreaterThan(bytesMax)
    }),
    { numRuns: 2_000 }
  )
})

test.each([
  ["汉字", 5, "汉"],
  ["汉字", 6, "汉字"],
  ["a🍵", 4, "a"],
  ["a🍵", 5, "a🍵"],
  ["", 0, ""],
  ["a", 0, ""]
])("%p in %d bytes is %p", (text, bytesMax, prefix) => {
  expect(utf8Prefix(text, bytesMax)).toBe(prefix)
})

import { expect, test } from "bun:test"
import { randomHex, randomUint32 } from "./random.ts"

test("no part of the pool is handed out twice, over many refills", () => {
  const texts = Array.from({ length: 20_000 }, () => randomHex(12))
  expect(new Set(texts).size).toBe(texts.length)
  for (const text of texts) expect(text).toMatch(/^[0-9a-f]{24}$/)
})

test("numbers come from the whole range", () => {
  const numbers = Array.from({ length: 20_000 }, randomUint32)
  expect(new Set(numbers).size).toBeGreaterThan(19_950)
  // 16 equal parts of the range, 1,250 expected in each; 1,000 is seven standard deviations away.
  const parts = new Array<number>(16).fill(0)
  for (const number of numbers) parts[number >>> 28] = (parts[number >>> 28] ?? 0) + 1
  for (const part of parts) expect(part).toBeGreaterThan(1_000)
})

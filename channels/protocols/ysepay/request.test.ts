import { expect, test } from "bun:test"
import { timeoutExpress } from "./request.ts"

test.each([
  [30 * 60_000, "30m"],
  [30 * 60_000 - 250, "30m"],
  [29 * 60_000, "29m"],
  [1, "1m"],
  [-5_000, "1m"],
  [40 * 86_400_000, "21600m"]
])("an order that expires in %p ms lives for %s at the provider", (ms, text) => {
  expect(timeoutExpress(ms)).toBe(text)
})

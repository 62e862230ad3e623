import { expect, test } from "bun:test"
import { until } from "./until.ts"

test("until returns the first answer that is something", async () => {
  const answers = [undefined, null, false, 0]
  expect(await until("an answer", () => answers.shift())).toBe(0)
  expect(answers).toEqual([])
})

test("until names what did not come, and why", async () => {
  const why = () => "(it was late)"
  await expect(until("the bus", () => false, { timeoutMs: 30, why })).rejects.toThrow(
    "waited 30 ms in vain for the bus (it was late)"
  )
})

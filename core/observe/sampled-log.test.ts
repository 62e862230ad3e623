import { expect, test } from "bun:test"
import { Effect, Logger } from "effect"
import { TestClock } from "effect/testing"
import { logSampled } from "./sampled-log.ts"

const forged = (account: string) => logSampled(Effect.logWarning, "a notice was refused", account, { account })

const linesOf = async (work: Effect.Effect<void>): Promise<ReadonlyArray<unknown>> => {
  const lines: Array<unknown> = []
  const logger = Logger.layer([Logger.make(({ message }) => void lines.push(message))])
  await Effect.runPromise(work.pipe(Effect.provide(logger), Effect.provide(TestClock.layer())))
  return lines
}

test("the first line is written at once, then one a minute that says how many were left out", async () => {
  const lines = await linesOf(
    Effect.gen(function* () {
      for (let i = 0; i < 100; i++) yield* forged("acc_1")
      yield* TestClock.adjust("59 seconds")
      yield* forged("acc_1")
      yield* TestClock.adjust("1 second")
      yield* forged("acc_1")
      yield* TestClock.adjust("60 seconds")
      yield* forged("acc_1")
    })
  )
  expect(lines).toEqual([
    ["a notice was refused", { account: "acc_1" }],
    ["a notice was refused", { account: "acc_1", left_out: 100 }],
    ["a notice was refused", { account: "acc_1" }]
  ])
})

test("each account has a first line of its own, also while another's are left out", async () => {
  const lines = await linesOf(
    Effect.gen(function* () {
      for (let i = 0; i < 3; i++) for (const account of ["acc_1", "acc_2"]) yield* forged(account)
      yield* logSampled(Effect.logError, "a channel threw", "acc_1", {})
    })
  )
  expect(lines.map((line) => (line as [string])[0])).toEqual([
    "a notice was refused",
    "a notice was refused",
    "a channel threw"
  ])
})

import { expect, test } from "bun:test"
import { Effect, Layer, Logger } from "effect"
import { TestClock } from "effect/testing"
import { aMerchant } from "../../../tests/harness/sample-merchants.ts"
import { ThrottleExceeded } from "../../domain/errors.ts"
import { Replay, ReplayStore } from "./replay.ts"

test("a merchant that has used up its share of the store gets 429 for a minute, with one line for the operator", async () => {
  const lines: Array<unknown> = []
  const logger = Logger.layer([Logger.make(({ message }) => void lines.push(message))])
  const store = Layer.succeed(ReplayStore, { claim: () => Effect.succeed("over-share" as const) })
  const merchant = { ...aMerchant("pk_live_flood"), id: 1, active: true, createdAt: new Date(0) }
  await Effect.runPromise(
    Effect.gen(function* () {
      const replay = yield* Replay
      for (let i = 0; i < 3; i++) {
        expect(yield* Effect.flip(replay.claim(merchant, String(i)))).toEqual(
          new ThrottleExceeded({ retryAfterMs: 60_000, windowMs: 60_000 })
        )
      }
    }).pipe(
      Effect.provide(Layer.provide(Replay.layer, store)),
      Effect.provide(Layer.merge(logger, TestClock.layer()))
    ) as Effect.Effect<void>
  )
  expect(lines).toEqual([["a merchant has used up its share of the nonce store", { appId: "pk_live_flood" }]])
})

import { Effect } from "effect"
import { TestClock } from "effect/testing"

/** The clock that a store lives by: the test's, which the test moves, or its own (Redis), for which the test waits. */
export type StoreTime = "test" | "own"

/** Lets time pass for a store. */
export const passing =
  (clock: StoreTime) =>
  (ms: number): Effect.Effect<void> =>
    clock === "test" ? TestClock.adjust(ms) : Effect.promise(() => new Promise((resolve) => setTimeout(resolve, ms)))

/** A key that no other test uses, with the hash tag that a Redis Cluster needs. */
export const uniqueKey = (kind: string): string => `${kind}:{${crypto.randomUUID()}}:1`

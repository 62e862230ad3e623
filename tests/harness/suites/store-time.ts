import { Effect } from "effect"
import { TestClock } from "effect/testing"

/** The clock that a store goes by: the test's, which a test moves at once, or its own (Redis), which takes real time. */
export type StoreTime = "test" | "own"

/** Lets time pass for a store: only its own clock can end its windows, so a store with one takes that time. */
export const passing =
  (clock: StoreTime) =>
  (ms: number): Effect.Effect<void> =>
    clock === "test" ? TestClock.adjust(ms) : Effect.promise(() => new Promise((resolve) => setTimeout(resolve, ms)))

/** A key that no other test uses, with the hash tag that a cluster needs. */
export const uniqueKey = (kind: string): string => `${kind}:{${crypto.randomUUID()}}:1`

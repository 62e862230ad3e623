import { Effect } from "effect"
import { TestClock } from "effect/testing"

/** Whose time a store lives in: the test's, which moves at once, or its own (Redis), for which one must wait. */
export type StoreClock = "test" | "own"

/** Lets time pass for a store. */
export const passing =
  (clock: StoreClock) =>
  (ms: number): Effect.Effect<void> =>
    clock === "test" ? TestClock.adjust(ms) : Effect.promise(() => new Promise((resolve) => setTimeout(resolve, ms)))

/** A key that no other test has, with the hash tag that a cluster needs. */
export const uniqueKey = (kind: string): string => `${kind}:{${crypto.randomUUID()}}:1`

import type { Effect } from "effect"
import type { StoreUnavailable } from "../../domain/errors.ts"

/** What a store's methods answer: all that they say was done, durably, or nothing (see StoreUnavailable). */
export type Stored<A, E = never> = Effect.Effect<A, E | StoreUnavailable>

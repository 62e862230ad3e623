import type { Effect } from "effect"
import type { StoreUnavailable } from "../../domain/errors.ts"

/*
 * The core's promises to itself about storage, in domain words: one service per noun in this folder. A plugin keeps them
 * (plugins/postgres has a file of the same name for each). Transactions are inside: each method either did all that it
 * says, durably, or nothing, except where StoreUnavailable says that nobody knows. Secrets arrive sealed
 * (core/secrets/vault.ts); a store never sees them open.
 */

/** What a store's methods answer: all that they say was done, durably, or nothing (see StoreUnavailable). */
export type Stored<A, E = never> = Effect.Effect<A, E | StoreUnavailable>

import type { Effect } from "effect"
import type { StoreUnavailable } from "../../domain/errors.ts"

/*
 * What the core requires of storage, in domain words: one service per noun in this folder. A plugin implements them
 * (plugins/postgres has a file of the same name for each). Transactions are inside: each method does all that it says,
 * durably, or nothing, except where StoreUnavailable says that nobody knows. Secrets arrive sealed
 * (core/secrets/vault.ts); a store never sees them decrypted.
 */

/** The result of a store's method: everything it says was done, durably, or nothing (see StoreUnavailable). */
export type Stored<A, E = never> = Effect.Effect<A, E | StoreUnavailable>

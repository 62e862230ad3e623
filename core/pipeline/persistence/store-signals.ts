import { Context } from "effect"
import type { Stored } from "./stored.ts"

/** What changed in the store, by whichever process: the core drops caches and wakes workers. */
export type StoreSignal =
  | { readonly kind: "merchant"; readonly id: string }
  | { readonly kind: "account"; readonly id: string }
  | { readonly kind: "webhook-due" }
  /** The signals may have been interrupted: forget everything that was cached. */
  | { readonly kind: "all" }

/** Signals that the store sends to every process on it. */
export class StoreSignals extends Context.Service<
  StoreSignals,
  {
    /** Calls back at each signal until the store is closed. */
    readonly listen: (onSignal: (signal: StoreSignal) => void) => Stored<void>
  }
>()("payhub/persistence/StoreSignals") {}

import { Context } from "effect"
import type { Stored } from "./stored.ts"

/** A change in the store, made by any process; the core drops caches and wakes workers on it. */
export type StoreSignal =
  | { readonly kind: "merchant"; readonly id: string }
  | { readonly kind: "account"; readonly id: string }
  | { readonly kind: "webhook-due" }
  /** Signals may have been lost: everything cached is dropped. */
  | { readonly kind: "all" }

/** Signals that the store sends to every process that uses it. */
export class StoreSignals extends Context.Service<
  StoreSignals,
  {
    /** Calls `onSignal` for each signal until the store is closed. */
    readonly listen: (onSignal: (signal: StoreSignal) => void) => Stored<void>
  }
>()("payhub/persistence/StoreSignals") {}

import { Context } from "effect"

/**
 * The store's clock, by which orders' times are set and judged. A gateway's own clock may be changed and several
 * gateways' clocks may differ, but an order expires at the same moment for all of them.
 */
export class StoreClock extends Context.Service<
  StoreClock,
  {
    /** Unix milliseconds, whole, without a call to the store. */
    readonly nowMs: () => number
  }
>()("payhub/persistence/StoreClock") {}

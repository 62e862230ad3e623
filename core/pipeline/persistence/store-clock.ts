import { Context } from "effect"

/**
 * The store's clock: what orders' times are made and judged by. A gateway's own clock may be set, and several gateways'
 * may differ; an order expires at one moment for all of them.
 */
export class StoreClock extends Context.Service<
  StoreClock,
  {
    /** Unix milliseconds, whole, without a call to the store. */
    readonly nowMs: () => number
  }
>()("payhub/persistence/StoreClock") {}

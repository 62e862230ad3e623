import { Context } from "effect"
import type { Json, JsonObject } from "../../domain/order.ts"
import type { OrderKey } from "./orders.ts"
import type { Stored } from "./stored.ts"

/** How long a charge may be under way: a channel's whole deadline, twice, with room for the statements around it. */
export const CHARGE_LEASE_MS = 60_000

/** One try at a channel, for the timeline, and for a payer who comes again to be shown the same. */
export interface ChargeRecord extends OrderKey {
  readonly provider: string
  readonly accountId: string
  /** 1 for the order's first try: as `Orders.create`, `begin` and `moveToAccount` count them. */
  readonly attempt: number
  /** Ends the charge: nobody will be tried after this one. */
  readonly final: boolean
  readonly at: Date
  readonly durationMs: number
  readonly outcome: "accepted" | "rejected" | "uncertain"
  /** Set when accepted; `record` keeps it on the order. */
  readonly presentation: JsonObject | null
  /** Reasons and exchanges, scrubbed of secrets; a code's presentation. */
  readonly detail: Json
}

export type AcceptedCharge = Omit<ChargeRecord, "final" | "outcome" | "presentation">

/** Charges: who may try an order at a channel, and what came of it. */
export class Charges extends Context.Service<
  Charges,
  {
    /**
     * Begins a charge of a PENDING order that has not expired: its attempt's number, or why not. For CHARGE_LEASE_MS,
     * or until a final `record` or `recordAccepted`, no other charge begins (`busy`) and no check is leased, in any
     * process. `over`: the order can no longer be paid.
     */
    readonly begin: (order: OrderKey) => Stored<number | "busy" | "over">
    /** Batched. true = the order is PENDING still, and has the presentation now if there is one. */
    readonly record: (charge: ChargeRecord) => Stored<boolean>
    /**
     * Records an accepted charge whose answer nobody is shown again (a code's). It ends the charge; the order is not
     * written, which is most of the cost. Batched.
     */
    readonly recordAccepted: (charge: AcceptedCharge) => Stored<void>
    /**
     * Moves a PENDING order to another account before it is tried there: the new attempt's number. null = not PENDING,
     * or another charge has begun since this one's `attempt` (its process stood still for longer than its lease).
     */
    readonly moveToAccount: (
      charge: OrderKey & { readonly attempt: number },
      account: {
        readonly provider: string
        readonly accountId: string
        readonly feeRateBp: number
        readonly reference: JsonObject
      }
    ) => Stored<number | null>
  }
>()("payhub/persistence/Charges") {}

import { Context } from "effect"
import type { Json, JsonObject } from "../../domain/order.ts"
import type { OrderKey } from "./orders.ts"
import type { Stored } from "./stored.ts"

/** How long a charge may be under way: a channel's deadline (20 s) twice, with room for the statements around it. */
export const CHARGE_LEASE_MS = 60_000

/** One attempt at a channel: for the timeline, and for showing a returning payer the same presentation. */
export interface ChargeRecord extends OrderKey {
  readonly provider: string
  readonly accountId: string
  /** The order's attempt from 1, as `Orders.create`, `begin` and `moveToAccount` count it. */
  readonly attempt: number
  /** Ends the charge: no other account is tried after this attempt. */
  readonly final: boolean
  readonly at: Date
  readonly durationMs: number
  readonly outcome: "accepted" | "rejected" | "uncertain"
  /** Set if accepted; `record` keeps it on the order. */
  readonly presentation: JsonObject | null
  /** Reasons and exchanges, scrubbed of secrets; the presentation of a QR code. */
  readonly detail: Json
}

export type AcceptedCharge = Omit<ChargeRecord, "final" | "outcome" | "presentation">

/** Charges: who may try an order at a channel, and the outcome of each attempt. */
export class Charges extends Context.Service<
  Charges,
  {
    /**
     * Begins a charge of a PENDING order that has not expired and returns the attempt's number, or why it did not. For
     * CHARGE_LEASE_MS, or until a final `record` or `recordAccepted`, no other charge begins (`busy`) and no check is
     * leased, in any process. `over`: the order can no longer be paid.
     */
    readonly begin: (order: OrderKey) => Stored<number | "busy" | "over">
    /** Records an attempt. true = the order is still PENDING and now has the presentation, if there is one. Batched. */
    readonly record: (charge: ChargeRecord) => Stored<boolean>
    /**
     * Records an accepted charge whose presentation is not shown again (a QR code's) and ends the charge. The order is
     * not written, which saves most of the cost. Batched.
     */
    readonly recordAccepted: (charge: AcceptedCharge) => Stored<void>
    /**
     * Moves a PENDING order to another account before it is tried there, and returns the new attempt's number. null =
     * not PENDING, or another charge has begun since `attempt` (this process stood still for longer than its lease).
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

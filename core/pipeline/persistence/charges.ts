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

/** A login code that named nobody. */
export interface FailedLogin extends OrderKey {
  readonly outcome: "rejected" | "uncertain"
  /** The reason and the exchanges, without the code and the tokens. */
  readonly detail: Json
}

export type AcceptedCharge = Omit<ChargeRecord, "final" | "outcome" | "presentation">

/**
 * Charges: who may try an order at a channel, and the outcome of each attempt. What payers begin is permitted by the
 * store as it is now, not by a cache: an order is stopped while its merchant is disabled, or its account is disabled or
 * removed.
 */
export class Charges extends Context.Service<
  Charges,
  {
    /** Whether an order is not stopped. */
    readonly permits: (order: OrderKey) => Stored<boolean>
    /**
     * Begins a charge of a PENDING order that has not expired and returns the attempt's number, or why it did not. For
     * CHARGE_LEASE_MS, or until a final `record` or `recordAccepted`, no other charge begins (`busy`) and no check is
     * leased, in any process. `over`: the order can no longer be paid. `stopped`: see above. A `payer` is bound to the
     * order by the same statement, so an order is bound only once its charge begins; where it is bound to another one,
     * nothing begins (`busy`, and the caller's next look shows the payer).
     */
    readonly begin: (order: OrderKey & { readonly payer?: string }) => Stored<number | "busy" | "over" | "stopped">
    /** Records an attempt. true = the order is still PENDING and now has the presentation, if there is one. Batched. */
    readonly record: (charge: ChargeRecord) => Stored<boolean>
    /**
     * Records an accepted charge whose presentation is not shown again (a QR code's) and ends the charge. The order is
     * not written, which saves most of the cost. Batched.
     */
    readonly recordAccepted: (charge: AcceptedCharge) => Stored<void>
    /**
     * Records the refusal of a payer and ends the charge. true = the order is bound to nobody again, so that another
     * payer can pay it. false = it stays as it is: no longer PENDING, at a later attempt, or an earlier attempt is not
     * known to have been refused, so that this payer may be able to pay after all.
     */
    readonly refusePayer: (charge: AcceptedCharge & { readonly payer: string }) => Stored<boolean>
    /** Whether every attempt before this one is known to have been refused. */
    readonly onlyRefusedBefore: (charge: OrderKey & { readonly attempt: number }) => Stored<boolean>
    /** Adds a login that named nobody to the order's timeline. */
    readonly recordLogin: (login: FailedLogin) => Stored<void>
    /**
     * Moves a PENDING order to another account before it is tried there, and returns the new attempt's number. null =
     * not PENDING, or another charge has begun since `attempt` (this process stood still for longer than its lease).
     * `stopped`: the order would be stopped at that account; it has not moved.
     */
    readonly moveToAccount: (
      charge: OrderKey & { readonly attempt: number },
      account: {
        readonly provider: string
        readonly accountId: string
        readonly feeRateBp: number
        readonly reference: JsonObject
      }
    ) => Stored<number | "stopped" | null>
  }
>()("payhub/persistence/Charges") {}

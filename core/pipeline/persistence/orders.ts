import type { DuplicateOrder } from "../../domain/errors.ts"
import type { Anomaly, Json, JsonObject, Order, OrderStatus, Payment } from "../../domain/order.ts"
import type { Stored } from "./stored.ts"

export interface OrderKey {
  readonly merchantId: number
  readonly orderNo: string
}

/** An order as far as an account is concerned: what it says counts only while the order is at it. */
export interface OrderAtAccount extends OrderKey {
  readonly accountId: string
}

/** How long a charge may be under way: a channel's whole deadline, twice, with room for the statements around it. */
export const CHARGE_LEASE_MS = 60_000

/** An order about to be stored PENDING. */
export type NewOrder = Omit<
  Order,
  "status" | "presentation" | "paidAt" | "feeFen" | "actualFen" | "channelTradeNo" | "flags"
> & {
  /** When reconcile asks the channel first. */
  readonly nextCheckAt: Date
  /** Its first charge begins at once and is under way already, for CHARGE_LEASE_MS (see `beginCharge`). */
  readonly charging: boolean
}

/** One try at a channel, for the timeline, and for a JSAPI payer to be shown the same again. */
export interface ChargeRecord extends OrderKey {
  readonly provider: string
  readonly accountId: string
  /** 1 for the order's first try: as `create`, `beginCharge` and `moveToAccount` count them. */
  readonly attempt: number
  /** Ends the charge: nobody will be tried after this one. */
  readonly final: boolean
  readonly at: Date
  readonly durationMs: number
  readonly outcome: "accepted" | "rejected" | "uncertain"
  /** Set when accepted; `recordCharge` keeps it on the order. */
  readonly presentation: JsonObject | null
  /** Reasons and exchanges, scrubbed of secrets; a code's presentation. */
  readonly detail: Json
}

export type AcceptedCharge = Omit<ChargeRecord, "final" | "outcome" | "presentation">

/** The webhook of a settled order: made once, sent byte for byte in every attempt. */
export interface NewWebhook {
  readonly eventId: string
  readonly url: string
  /** The JSON text, signed. */
  readonly body: string
}

/** The notice that a decision rests on, as it came; null for an answer to a query. */
export interface KeptNotice {
  readonly accountId: string
  readonly receivedAt: Date
  readonly headers: JsonObject
  readonly body: Uint8Array
}

export interface Settlement {
  readonly order: OrderAtAccount
  readonly provider: string
  readonly payment: Payment
  readonly feeFen: number
  readonly actualFen: number
  readonly webhook: NewWebhook
  readonly source: "notice" | "query"
  readonly notice: KeptNotice | null
}

export interface OrderFilter {
  readonly merchantId?: number
  readonly status?: OrderStatus
  readonly since?: Date
  readonly flagged?: boolean
  /** 1 … 1000, newest first. */
  readonly limit: number
}

/** What a merchant that asks is told of its order. It is asked for most, so it is read without the rest. */
export type OrderSummary = Pick<
  Order,
  | "orderNo"
  | "merchantOrderNo"
  | "channelCode"
  | "status"
  | "amountFen"
  | "actualFen"
  | "feeFen"
  | "createdAt"
  | "paidAt"
>

/** A verified notice that names no order of its account. */
export interface StrayNotice {
  readonly accountId: string
  readonly orderNo: string
  readonly receivedAt: Date
  readonly detail: Json
}

/** One line of an order's story, oldest first. */
export interface TimelineEntry {
  readonly at: Date
  readonly kind: string
  readonly detail: Json
}

export interface OrderStore {
  /** Whether the merchant has used this number before. */
  readonly known: (merchantId: number, merchantOrderNo: string) => Stored<boolean>
  /**
   * Stores the order PENDING; on return it is durable. `order-no-taken`: the gateway's own number was drawn before,
   * draw another. Batched with what arrives at the same time.
   */
  readonly create: (order: NewOrder) => Stored<"created" | "order-no-taken", DuplicateOrder>
  /**
   * Begins a charge of a PENDING order that has not expired: its attempt's number, or why not. For CHARGE_LEASE_MS, or
   * until a final `recordCharge` or `recordAccepted`, no other charge begins (`busy`) and no check is leased, in any
   * process. `over`: it can not be paid any more.
   */
  readonly beginCharge: (order: OrderKey) => Stored<number | "busy" | "over">
  /** Batched. true = the order is PENDING still, and has the presentation now if there is one. */
  readonly recordCharge: (charge: ChargeRecord) => Stored<boolean>
  /**
   * Records an accepted charge whose answer nobody is shown again (a code's). It ends the charge; the order is not
   * written, which is most of the cost. Batched.
   */
  readonly recordAccepted: (charge: AcceptedCharge) => Stored<void>
  /**
   * Moves a PENDING order to another account before it is tried there: the new attempt's number. null = not PENDING, or
   * another charge has begun since this one's `attempt` (its process stood still for longer than its lease).
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
  /** Binds a JSAPI order to its payer; answers the openid it is bound to, which may be an earlier payer's. */
  readonly bindPayer: (order: OrderKey, openid: string) => Stored<string>
  /** PENDING → FAILED or CLOSED, with the reason as an event. false = not PENDING any more, or at another account. */
  readonly end: (order: OrderAtAccount, status: "FAILED" | "CLOSED", reason: string) => Stored<boolean>
  /**
   * PENDING → PAID in one transaction with trade number, money, event, ledger and outbox row.
   * `not-pending`: another decision came first, judge again. `trade-reused`: this provider's trade number has already
   * credited another order; nothing was changed.
   */
  readonly settle: (settlement: Settlement) => Stored<"settled" | "not-pending" | "trade-reused">
  /** Keeps what did not match: flag, event and raw notice in one transaction. Repeats of the same change nothing. */
  readonly flag: (flag: {
    readonly order: OrderKey
    readonly anomaly: Anomaly
    readonly payment: Payment
    readonly source: "notice" | "query"
    readonly notice: KeptNotice | null
  }) => Stored<void>
  /** Keeps a verified notice that names no order of the account. Repeats of the same change nothing. */
  readonly keepStrayNotice: (notice: KeptNotice & { readonly orderNo: string; readonly detail: Json }) => Stored<void>
  /** Newest first. */
  readonly listStrayNotices: (limit: number) => Stored<ReadonlyArray<StrayNotice>>
  /** Batched, both. */
  readonly summary: (order: OrderKey) => Stored<OrderSummary | null>
  readonly summaryByMerchantOrderNo: (merchantId: number, merchantOrderNo: string) => Stored<OrderSummary | null>
  readonly find: (order: OrderKey) => Stored<Order | null>
  /** Across merchants: notices, the operator and pay pages know only the number. */
  readonly findByOrderNo: (orderNo: string) => Stored<Order | null>
  readonly findByTokenHash: (tokenHash: string) => Stored<Order | null>
  readonly list: (filter: OrderFilter) => Stored<ReadonlyArray<Order>>
  readonly timeline: (order: OrderKey) => Stored<ReadonlyArray<TimelineEntry>>
  /** Takes up to `limit` PENDING orders whose check is due and that no charge is under way for; nobody else gets them
   * for `leaseMs`. */
  readonly leaseChecks: (limit: number, leaseMs: number) => Stored<ReadonlyArray<Order>>
  /**
   * When to ask about an order again, from now by the store's clock (a gateway's may be wrong by minutes); null = never:
   * only a notice or the operator can change it.
   */
  readonly scheduleCheck: (order: OrderKey, afterMs: number | null) => Stored<void>
}

import { Context, type Effect } from "effect"
import type { DuplicateOrder, StoreUnavailable } from "../domain/errors.ts"
import type { Merchant, MerchantMode, ThrottleRule } from "../domain/merchant.ts"
import type { Anomaly, Json, JsonObject, Order, OrderStatus, Payment } from "../domain/order.ts"

/*
 * The core's promises to itself about storage, in domain words. A plugin keeps them (plugins/postgres). Transactions
 * are inside: each method either did all that it says, durably, or nothing, except where StoreUnavailable says that
 * nobody knows. Secrets arrive sealed (core/pipeline/vault.ts); a store never sees them open.
 */

type Stored<A, E = never> = Effect.Effect<A, E | StoreUnavailable>

export interface OrderKey {
  readonly merchantId: number
  readonly orderNo: string
}

// ---------------------------------------------------------------------------------------------------- merchants

/** A merchant's secret as stored. */
export interface SealedSecret {
  readonly id: number
  readonly sealed: string
  readonly createdAt: Date
  readonly expiresAt: Date | null
  readonly firstUsedAt: Date | null
}

export interface StoredMerchant {
  readonly merchant: Merchant
  /** Those that have not expired. */
  readonly secrets: ReadonlyArray<SealedSecret>
}

export interface NewMerchant {
  readonly appId: string
  readonly name: string
  readonly mode: MerchantMode
  readonly callbackUrl: string | null
  readonly allowIps: ReadonlyArray<string>
  readonly throttle: ThrottleRule | null
  readonly accounts: ReadonlyArray<string> | null
  readonly sealedSecret: string
}

/** Absent = as it is. */
export interface MerchantChange {
  readonly name?: string
  readonly active?: boolean
  readonly callbackUrl?: string | null
  readonly allowIps?: ReadonlyArray<string>
  readonly throttle?: ThrottleRule | null
  readonly accounts?: ReadonlyArray<string> | null
}

export interface MerchantStore {
  readonly find: (appId: string) => Stored<StoredMerchant | null>
  readonly findById: (merchantId: number) => Stored<StoredMerchant | null>
  readonly list: () => Stored<ReadonlyArray<Merchant>>
  readonly create: (merchant: NewMerchant) => Stored<Merchant>
  /** null = no such merchant. Every gateway's cache forgets the merchant. */
  readonly update: (appId: string, change: MerchantChange) => Stored<Merchant | null>
  /** Adds a secret; those live before it end at `othersExpireAt`, or when they did before if that is sooner. */
  readonly addSecret: (merchantId: number, sealed: string, othersExpireAt: Date) => Stored<void>
  /** Replaces a sealed secret (key rotation). */
  readonly resealSecret: (merchantId: number, secretId: number, sealed: string) => Stored<void>
  /** Notes the first request that verified with a secret. Idempotent. */
  readonly secretUsed: (merchantId: number, secretId: number, at: Date) => Stored<void>
}

// ----------------------------------------------------------------------------------------------------- accounts

/** An account at a channel's provider. */
export interface StoredAccount {
  readonly id: string
  readonly provider: string
  readonly name: string
  readonly enabled: boolean
  /** Removed accounts serve no order but still read the notices of their old ones. */
  readonly removed: boolean
  /** Basis points of the amount. */
  readonly feeRateBp: number
  /** The account's JSON, sealed. */
  readonly sealed: string
  readonly createdAt: Date
}

export interface AccountStore {
  readonly find: (id: string) => Stored<StoredAccount | null>
  /** All but the removed, oldest first: the default order of preference. */
  readonly list: () => Stored<ReadonlyArray<StoredAccount>>
  /** The removed too. */
  readonly listAll: () => Stored<ReadonlyArray<StoredAccount>>
  /** Does nothing when the id exists. */
  readonly create: (account: Omit<StoredAccount, "enabled" | "removed" | "createdAt">) => Stored<StoredAccount>
  readonly change: (
    id: string,
    change: { readonly enabled?: boolean; readonly removed?: true; readonly feeRateBp?: number }
  ) => Stored<StoredAccount | null>
  /** Replaces sealed settings (key rotation). */
  readonly reseal: (id: string, sealed: string) => Stored<void>
}

// ------------------------------------------------------------------------------------------------------- orders

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

/** One try at a channel, for the timeline and for the payer to be shown the same again. */
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
  /** Set when accepted; kept on the order too. */
  readonly presentation: JsonObject | null
  /** Reasons and exchanges, scrubbed of secrets. */
  readonly detail: Json
}

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
   * until a final `recordCharge`, no other charge begins (`busy`) and no check is leased, in any process. `over`: it can
   * not be paid any more.
   */
  readonly beginCharge: (order: OrderKey) => Stored<number | "busy" | "over">
  /** Batched. true = the order is PENDING still, and has the presentation now if there is one. */
  readonly recordCharge: (charge: ChargeRecord) => Stored<boolean>
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
  readonly find: (order: OrderKey) => Stored<Order | null>
  readonly findByMerchantOrderNo: (merchantId: number, merchantOrderNo: string) => Stored<Order | null>
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

// ----------------------------------------------------------------------------------------------------- webhooks

/** A due webhook with the lease that its sender holds. */
export interface LeasedWebhook {
  readonly merchantId: number
  readonly eventId: string
  readonly orderNo: string
  readonly url: string
  readonly body: string
  /** Pushes made before this one. */
  readonly attempts: number
  /** Pushes since it was created or last resent: what the schedule counts. */
  readonly round: number
  readonly createdAt: Date
}

export interface WebhookAttempt {
  readonly merchantId: number
  readonly eventId: string
  readonly orderNo: string
  /** From 1, counting on when resent: the X-PayHub-Attempt header. */
  readonly attempt: number
  readonly at: Date
  readonly durationMs: number
  /** null = no answer. */
  readonly status: number | null
  /** The first 256 characters of what was answered, or why there was no answer. */
  readonly detail: string
  /** As it was leased: a resend during the push has begun another round, and `next` is not its answer. */
  readonly round: number
  readonly next:
    | { readonly kind: "delivered" }
    | { readonly kind: "dead" }
    | { readonly kind: "again"; readonly afterMs: number }
}

export interface WebhookRow extends LeasedWebhook {
  readonly state: "due" | "delivered" | "dead"
  readonly dueAt: Date
  readonly history: ReadonlyArray<{
    readonly attempt: number
    readonly at: Date
    readonly durationMs: number
    readonly status: number | null
    readonly detail: string
  }>
}

export interface WebhookStore {
  /**
   * Takes up to `limit` due webhooks, at most `perHost` of one host (a URL's host:port), none of the
   * `busyHosts` and `busyMerchants`; nobody else gets them for `leaseMs`. Oldest due first.
   */
  readonly lease: (take: {
    readonly limit: number
    readonly perHost: number
    readonly busyHosts: ReadonlyArray<string>
    readonly busyMerchants: ReadonlyArray<number>
    readonly leaseMs: number
  }) => Stored<ReadonlyArray<LeasedWebhook>>
  /** Records an attempt and settles its webhook. Batched. */
  readonly record: (attempt: WebhookAttempt) => Stored<void>
  /** Makes the order's webhook due now, with a new round of the schedule. false = the order has none. */
  readonly resend: (order: OrderKey) => Stored<boolean>
  readonly list: (filter: {
    readonly state?: "due" | "delivered" | "dead"
    readonly orderNo?: string
    readonly limit: number
  }) => Stored<ReadonlyArray<WebhookRow>>
}

// -------------------------------------------------------------------------------------------------- small things

export interface BookStore {
  readonly get: (provider: string, key: string) => Stored<JsonObject | null>
  readonly update: (
    provider: string,
    key: string,
    change: (value: JsonObject | null) => JsonObject
  ) => Stored<JsonObject>
}

/** What waits in the store, for the operator's metrics and alarms. */
export interface Backlog {
  readonly pendingOrders: number
  /** The oldest PENDING order of which nobody knows whether its channel took it. */
  readonly oldestUncertainAt: Date | null
  readonly dueWebhooks: number
  readonly oldestDueWebhookAt: Date | null
  readonly deadWebhooks: number
  readonly flaggedOrders: number
  /** PENDING orders that nobody asks about any more: a day past their expiry without an answer. */
  readonly abandonedOrders: number
  readonly strayNotices: number
}

/** What changed in the store, by whichever process: the core drops caches and wakes workers. */
export type StoreSignal =
  | { readonly kind: "merchant"; readonly id: string }
  | { readonly kind: "account"; readonly id: string }
  | { readonly kind: "webhook-due" }
  /** The signals may have been interrupted: forget everything that was cached. */
  | { readonly kind: "all" }

/** Where merchants, accounts, orders and webhooks live. */
export class Persistence extends Context.Service<
  Persistence,
  {
    readonly merchants: MerchantStore
    readonly accounts: AccountStore
    readonly orders: OrderStore
    readonly webhooks: WebhookStore
    readonly book: BookStore
    /** Calls back at each signal until the store is closed. */
    readonly listen: (onSignal: (signal: StoreSignal) => void) => Stored<void>
    readonly backlog: () => Stored<Backlog>
    /** Whether the store answers now. */
    readonly ping: () => Stored<void>
  }
>()("payhub/pipeline/Persistence") {}

import { Context } from "effect"
import type { JsonObject } from "../../domain/order.ts"
import type { AccountStore } from "./accounts.ts"
import type { MerchantStore } from "./merchants.ts"
import type { OrderStore } from "./orders.ts"
import type { WebhookStore } from "./outbox.ts"
import type { Stored } from "./stored.ts"

/*
 * The core's promises to itself about storage, in domain words. A plugin keeps them (plugins/postgres). Transactions
 * are inside: each method either did all that it says, durably, or nothing, except where StoreUnavailable says that
 * nobody knows. Secrets arrive sealed (core/secrets/vault.ts); a store never sees them open.
 */

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
    /**
     * The store's clock, Unix milliseconds, without a call: what orders' times are made and judged by. A gateway's own
     * clock may be set, and several gateways' may differ; an order expires at one moment for all of them.
     */
    readonly nowMs: () => number
    /** Calls back at each signal until the store is closed. */
    readonly listen: (onSignal: (signal: StoreSignal) => void) => Stored<void>
    readonly backlog: () => Stored<Backlog>
    /** Whether the store answers now. */
    readonly ping: () => Stored<void>
  }
>()("payhub/pipeline/Persistence") {}

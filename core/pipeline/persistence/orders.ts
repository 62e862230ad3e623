import { Context } from "effect"
import type { DuplicateOrder } from "../../domain/errors.ts"
import type { Order, OrderStatus } from "../../domain/order.ts"
import type { Stored } from "./stored.ts"

export interface OrderKey {
  readonly merchantId: number
  readonly orderNo: string
}

/** An order at an account: an account's report counts only while the order is at that account. */
export interface OrderAtAccount extends OrderKey {
  readonly accountId: string
}

/** An order about to be stored PENDING. */
export type NewOrder = Omit<
  Order,
  "status" | "presentation" | "paidAt" | "feeFen" | "actualFen" | "channelTradeNo" | "flags"
> & {
  /** When reconcile first asks the channel. */
  readonly nextCheckAt: Date
  /** The first charge begins with the order and is under way for CHARGE_LEASE_MS (see `Charges.begin`). */
  readonly charging: boolean
}

export interface OrderFilter {
  readonly merchantId?: number
  readonly status?: OrderStatus
  readonly since?: Date
  readonly flagged?: boolean
  /** 1 … 1000, newest first. */
  readonly limit: number
}

/** What order-query answers. It is the most frequent read, so the rest of the order is left out. */
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

/** Orders: stored once, found in several ways, leased for checks at their channels. */
export class Orders extends Context.Service<
  Orders,
  {
    /** Whether the merchant has used this number before. */
    readonly known: (merchantId: number, merchantOrderNo: string) => Stored<boolean>
    /**
     * Stores the order PENDING; on return it is durable. `order-no-taken`: the gateway's own number exists already, the
     * caller draws another. Batched with orders that arrive at the same time.
     */
    readonly create: (order: NewOrder) => Stored<"created" | "order-no-taken", DuplicateOrder>
    /** PENDING → FAILED or CLOSED, with the reason as an event. false = no longer PENDING, or at another account. */
    readonly end: (order: OrderAtAccount, status: "FAILED" | "CLOSED", reason: string) => Stored<boolean>
    /** `summary` and `summaryByMerchantOrderNo` are batched. */
    readonly summary: (order: OrderKey) => Stored<OrderSummary | null>
    readonly summaryByMerchantOrderNo: (merchantId: number, merchantOrderNo: string) => Stored<OrderSummary | null>
    readonly find: (order: OrderKey) => Stored<Order | null>
    /** Not scoped to a merchant: notices, the operator and pay pages know only the number. */
    readonly findByOrderNo: (orderNo: string) => Stored<Order | null>
    readonly findByTokenHash: (tokenHash: string) => Stored<Order | null>
    readonly list: (filter: OrderFilter) => Stored<ReadonlyArray<Order>>
    /**
     * Leases up to `limit` PENDING orders whose check is due and for which no charge is under way, by turns: first one
     * of each account that has no check under way, then of each that has one, and so on; among those of a turn the
     * longest due first. None by which an account would have more than `perAccount` under way. Nobody else gets them for
     * `leaseMs`.
     */
    readonly leaseChecks: (take: {
      readonly limit: number
      readonly perAccount: number
      /** Checks under way, by account; an account that is not listed has none. */
      readonly underWay: ReadonlyArray<readonly [accountId: string, count: number]>
      readonly leaseMs: number
    }) => Stored<ReadonlyArray<Order>>
    /**
     * Sets when an order is checked next, from now by the store's clock (a gateway's may be wrong by minutes). null =
     * never: only a notice or the operator changes the order from then on.
     */
    readonly scheduleCheck: (order: OrderKey, afterMs: number | null) => Stored<void>
  }
>()("payhub/persistence/Orders") {}

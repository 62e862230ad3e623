import { Context } from "effect"
import type { DuplicateOrder } from "../../domain/errors.ts"
import type { Order, OrderStatus } from "../../domain/order.ts"
import type { Stored } from "./stored.ts"

export interface OrderKey {
  readonly merchantId: number
  readonly orderNo: string
}

/** An order as far as an account is concerned: what it says counts only while the order is at it. */
export interface OrderAtAccount extends OrderKey {
  readonly accountId: string
}

/** An order about to be stored PENDING. */
export type NewOrder = Omit<
  Order,
  "status" | "presentation" | "paidAt" | "feeFen" | "actualFen" | "channelTradeNo" | "flags"
> & {
  /** When reconcile asks the channel first. */
  readonly nextCheckAt: Date
  /** Its first charge begins at once and is under way already, for CHARGE_LEASE_MS (see `Charges.begin`). */
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

/** What order-query answers. It is read most often, so it is read without the rest of the order. */
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

/** Orders: stored once, found in several ways, asked about by lease. */
export class Orders extends Context.Service<
  Orders,
  {
    /** Whether the merchant has used this number before. */
    readonly known: (merchantId: number, merchantOrderNo: string) => Stored<boolean>
    /**
     * Stores the order PENDING; on return it is durable. `order-no-taken`: the gateway's own number was drawn before,
     * draw another. Batched with what arrives at the same time.
     */
    readonly create: (order: NewOrder) => Stored<"created" | "order-no-taken", DuplicateOrder>
    /** Binds a JSAPI order to its payer; answers the openid it is bound to, which may be an earlier payer's. */
    readonly bindPayer: (order: OrderKey, openid: string) => Stored<string>
    /** PENDING → FAILED or CLOSED, with the reason as an event. false = not PENDING any more, or at another account. */
    readonly end: (order: OrderAtAccount, status: "FAILED" | "CLOSED", reason: string) => Stored<boolean>
    /** Batched, both. */
    readonly summary: (order: OrderKey) => Stored<OrderSummary | null>
    readonly summaryByMerchantOrderNo: (merchantId: number, merchantOrderNo: string) => Stored<OrderSummary | null>
    readonly find: (order: OrderKey) => Stored<Order | null>
    /** Across merchants: notices, the operator and pay pages know only the number. */
    readonly findByOrderNo: (orderNo: string) => Stored<Order | null>
    readonly findByTokenHash: (tokenHash: string) => Stored<Order | null>
    readonly list: (filter: OrderFilter) => Stored<ReadonlyArray<Order>>
    /**
     * Takes up to `limit` PENDING orders whose check is due and that no charge is under way for; nobody else gets them
     * for `leaseMs`.
     */
    readonly leaseChecks: (limit: number, leaseMs: number) => Stored<ReadonlyArray<Order>>
    /**
     * When to ask about an order again, from now by the store's clock (a gateway's may be wrong by minutes); null =
     * never: only a notice or the operator can change it.
     */
    readonly scheduleCheck: (order: OrderKey, afterMs: number | null) => Stored<void>
  }
>()("payhub/persistence/Orders") {}

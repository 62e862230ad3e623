import { Context } from "effect"
import type { Payment } from "../../domain/order.ts"
import type { KeptNotice } from "./notices.ts"
import type { OrderAtAccount } from "./orders.ts"
import type { NewWebhook } from "./outbox.ts"
import type { Stored } from "./stored.ts"

/** A payment that settles its order, with everything that is committed with it. Money is whole fen. */
export interface Settlement {
  readonly order: OrderAtAccount
  readonly provider: string
  readonly payment: Payment
  readonly feeFen: number
  readonly actualFen: number
  readonly webhook: NewWebhook
  readonly source: "notice" | "query"
  /** null = the payment came with the answer to a query. */
  readonly notice: KeptNotice | null
}

/** Settlements: the one way to PAID. */
export class Settlements extends Context.Service<
  Settlements,
  {
    /**
     * PENDING → PAID in one transaction with trade number, money, event, ledger and outbox row.
     * `not-pending`: another decision came first; the caller judges again. `trade-reused`: this provider's trade number
     * has already credited another order. Neither changes anything.
     */
    readonly settle: (settlement: Settlement) => Stored<"settled" | "not-pending" | "trade-reused">
  }
>()("payhub/persistence/Settlements") {}

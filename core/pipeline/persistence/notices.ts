import { Context } from "effect"
import type { Anomaly, Json, JsonObject, Payment } from "../../domain/order.ts"
import type { OrderKey } from "./orders.ts"
import type { Stored } from "./stored.ts"

/** The raw notice that a decision is based on. */
export interface KeptNotice {
  readonly accountId: string
  readonly receivedAt: Date
  readonly headers: JsonObject
  readonly body: Uint8Array
}

/** A verified notice that names no order of its account. */
export interface StrayNotice {
  readonly accountId: string
  readonly orderNo: string
  readonly receivedAt: Date
  readonly detail: Json
}

/** Reports of providers that did not settle an order, kept for a person to look at. */
export class Notices extends Context.Service<
  Notices,
  {
    /** Keeps a payment that does not match: flag, event and raw notice in one transaction. Repeats change nothing. */
    readonly flag: (flag: {
      readonly order: OrderKey
      readonly anomaly: Anomaly
      readonly payment: Payment
      readonly source: "notice" | "query"
      /** null = the payment came with the answer to a query. */
      readonly notice: KeptNotice | null
    }) => Stored<void>
    /** Keeps a verified notice that names no order of the account. Repeats change nothing. */
    readonly keepStray: (notice: KeptNotice & { readonly orderNo: string; readonly detail: Json }) => Stored<void>
    /** Stray notices, newest first. */
    readonly listStrays: (limit: number) => Stored<ReadonlyArray<StrayNotice>>
  }
>()("payhub/persistence/Notices") {}

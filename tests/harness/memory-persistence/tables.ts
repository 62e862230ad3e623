import type { WrittenEventKind } from "../../../core/domain/event.ts"
import type { LedgerEntry } from "../../../core/domain/ledger.ts"
import type { Merchant } from "../../../core/domain/merchant.ts"
import type { Json, JsonObject, Order } from "../../../core/domain/order.ts"
import type { StoredAccount } from "../../../core/pipeline/persistence/accounts.ts"
import type { ChargeRecord } from "../../../core/pipeline/persistence/charges.ts"
import type { SealedSecret } from "../../../core/pipeline/persistence/merchants.ts"
import type { KeptNotice, StrayNotice } from "../../../core/pipeline/persistence/notices.ts"
import type { OrderKey } from "../../../core/pipeline/persistence/orders.ts"
import type { WebhookAttempt, WebhookRow } from "../../../core/pipeline/persistence/outbox.ts"

/* What the in-memory stores hold. Rows are replaced, never changed in place: what a caller was given stays as it was. */

/** An order with what the store alone reads. Times are Unix milliseconds. */
export interface OrderRow {
  readonly order: Order
  /** null = nobody asks the channel about it. */
  readonly nextCheckMs: number | null
  /** Tries at a channel so far. */
  readonly attempts: number
  /** Until when the last try's charge is under way; null = it has ended. */
  readonly chargingUntilMs: number | null
}

export type ChargeRow = Omit<ChargeRecord, "final" | "presentation">

export interface EventRow extends OrderKey {
  readonly at: Date
  readonly kind: WrittenEventKind
  readonly detail: Json
  /** What is told once only; null = told each time. */
  readonly once: string | null
}

export interface SecretRow extends SealedSecret {
  readonly merchantId: number
}

/** A webhook with the time from which a sender may take it: its due time, or the end of the lease that one holds. */
export interface OutboxEntry extends Omit<WebhookRow, "history" | "dueAt"> {
  readonly host: string
  readonly dueMs: number
  readonly takeMs: number
}

export interface Tables {
  /** By app_id. */
  readonly merchants: Map<string, Merchant>
  readonly secrets: Array<SecretRow>
  /** By id, in the order of adding. */
  readonly accounts: Map<string, StoredAccount>
  /** By `orderKey`. */
  readonly orders: Map<string, OrderRow>
  /** By `orderKey` and attempt. */
  readonly charges: Map<string, ChargeRow>
  readonly events: Array<EventRow>
  readonly notices: Array<OrderKey & { readonly notice: KeptNotice }>
  /** By account, order number and what the notice says. */
  readonly strays: Map<string, StrayNotice>
  /** The order that a provider's trade number has credited. */
  readonly trades: Map<string, OrderKey>
  readonly ledger: Array<OrderKey & LedgerEntry & { readonly accountId: string }>
  /** By merchant and event id, in the order of settling. */
  readonly outbox: Map<string, OutboxEntry>
  /** By merchant, event id and attempt. */
  readonly attempts: Map<string, WebhookAttempt>
  /** By provider and key. */
  readonly facts: Map<string, JsonObject>
}

export const makeTables = (): Tables => ({
  merchants: new Map(),
  secrets: [],
  accounts: new Map(),
  orders: new Map(),
  charges: new Map(),
  events: [],
  notices: [],
  strays: new Map(),
  trades: new Map(),
  ledger: [],
  outbox: new Map(),
  attempts: new Map(),
  facts: new Map()
})

/** One text for several parts, none of which can run into the next. */
export const keyText = (...parts: ReadonlyArray<string | number>): string => JSON.stringify(parts)

export const orderKey = ({ merchantId, orderNo }: OrderKey): string => keyText(merchantId, orderNo)

/** The rows of one order. */
export const ofOrder =
  ({ merchantId, orderNo }: OrderKey) =>
  (row: OrderKey): boolean =>
    row.merchantId === merchantId && row.orderNo === orderNo

/** Whether the order's last charge was accepted, and so has ended: `Charges.recordAccepted` leaves the lease as it is. */
const hasAcceptedLast = ({ charges }: Tables, { order, attempts }: OrderRow): boolean =>
  charges.get(keyText(orderKey(order), attempts))?.outcome === "accepted"

/** Whether a charge of the order is under way. */
export const isCharging = (tables: Tables, row: OrderRow, nowMs: number): boolean =>
  row.chargingUntilMs !== null && row.chargingUntilMs > nowMs && !hasAcceptedLast(tables, row)

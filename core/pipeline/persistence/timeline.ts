import { Context } from "effect"
import type { EventKind } from "../../domain/event.ts"
import type { Json } from "../../domain/order.ts"
import type { OrderKey } from "./orders.ts"
import type { Stored } from "./stored.ts"

/** One line of an order's history. */
export interface TimelineEntry {
  readonly at: Date
  readonly kind: EventKind
  readonly detail: Json
}

/** Timelines: an order's history from all tables, oldest first. */
export class Timeline extends Context.Service<
  Timeline,
  { readonly of: (order: OrderKey) => Stored<ReadonlyArray<TimelineEntry>> }
>()("payhub/persistence/Timeline") {}

import { Context, type Effect } from "effect"
import type { StoreUnavailable } from "../domain/errors.ts"

/** The store's backlog, for the operator's metrics and alarms. */
export interface Backlog {
  /** The store's time when the backlog was read; ages are measured from it. */
  readonly at: Date
  readonly pendingOrders: number
  /** Creation time of the oldest PENDING order whose charge ended uncertain; null = none. */
  readonly oldestUncertainAt: Date | null
  readonly dueWebhooks: number
  readonly oldestDueWebhookAt: Date | null
  readonly deadWebhooks: number
  readonly flaggedOrders: number
  /** PENDING orders that are no longer checked: a day past their expiry without an answer. */
  readonly abandonedOrders: number
  readonly strayNotices: number
}

/** Milliseconds from an instant to the reading of the backlog, ≥ 0; 0 for null. */
export const backlogAgeMs = ({ at }: Backlog, since: Date | null): number =>
  since === null ? 0 : Math.max(0, at.getTime() - since.getTime())

/** The store's availability and backlog. */
export class StoreStatus extends Context.Service<
  StoreStatus,
  {
    /** Fails if the store does not answer now. */
    readonly ping: () => Effect.Effect<void, StoreUnavailable>
    readonly backlog: () => Effect.Effect<Backlog, StoreUnavailable>
  }
>()("payhub/observe/StoreStatus") {}

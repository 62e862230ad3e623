import { Context, type Effect } from "effect"
import type { StoreUnavailable } from "../domain/errors.ts"

/** What waits in the store, for the operator's metrics and alarms. */
export interface Backlog {
  /** The store's time at this look; what the other times are compared with. */
  readonly at: Date
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

/** Milliseconds from an instant to the look; 0 for none, and never below. */
export const backlogAgeMs = ({ at }: Backlog, since: Date | null): number =>
  since === null ? 0 : Math.max(0, at.getTime() - since.getTime())

/** What the store says of itself. */
export class StoreStatus extends Context.Service<
  StoreStatus,
  {
    /** Fails where the store does not answer now. */
    readonly ping: () => Effect.Effect<void, StoreUnavailable>
    readonly backlog: () => Effect.Effect<Backlog, StoreUnavailable>
  }
>()("payhub/observe/StoreStatus") {}

import type { StoreStatus } from "../../../core/observe/store-status.ts"
import type { MemoryStore } from "./store.ts"
import { type OutboxEntry, ofOrder, orderKey, type Tables } from "./tables.ts"

/** What waits in memory: core/observe/store-status.ts says what each figure counts. */
export const makeStoreStatus = ({ tables, nowMs, act }: MemoryStore): StoreStatus["Service"] => ({
  ping: () => act("status.ping", () => undefined),
  backlog: () =>
    act("status.backlog", () => {
      const pending = [...tables.orders.values()].filter(({ order }) => order.status === "PENDING")
      const asked = pending.filter(({ nextCheckMs }) => nextCheckMs !== null)
      const uncertain = new Set(
        [...tables.charges.values()].filter(({ outcome }) => outcome === "uncertain").map(orderKey)
      )
      const webhooks = [...tables.outbox.values()]
      const due = webhooks.filter(({ state }) => state === "due")
      return {
        at: new Date(nowMs()),
        pendingOrders: asked.length,
        oldestUncertainAt: oldest(
          asked
            .filter(({ order }) => uncertain.has(orderKey(order)) && order.presentation === null)
            .map(({ order }) => order.createdAt)
        ),
        dueWebhooks: due.length,
        oldestDueWebhookAt: oldest(due.map((entry) => dueSince(tables, entry))),
        deadWebhooks: webhooks.filter(({ state }) => state === "dead").length,
        flaggedOrders: [...tables.orders.values()].filter(({ order }) => order.flags.length > 0).length,
        abandonedOrders: pending.length - asked.length,
        strayNotices: tables.strays.size
      }
    })
})

/** A resent webhook is as old as its resending. */
const dueSince = ({ events }: Tables, entry: OutboxEntry): Date => {
  if (entry.attempts === entry.round) return entry.createdAt
  const resent = events.filter((event) => ofOrder(entry)(event) && event.kind === "webhook.resent")
  return resent.at(-1)?.at ?? entry.createdAt
}

const oldest = (times: ReadonlyArray<Date>): Date | null =>
  times.reduce<Date | null>((first, time) => (first === null || time < first ? time : first), null)

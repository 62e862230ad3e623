import { Effect, Layer, Schedule } from "effect"
import { backlogAgeMs, StoreStatus } from "./store-status.ts"

/** Ages from which an uncertain order and an undelivered webhook need a person. */
const UNCERTAIN_ALARM_MS = 10 * 60_000
const WEBHOOK_ALARM_MS = 15 * 60_000

/** Interval between checks of the backlog. */
const INTERVAL = "1 minute"

/**
 * Logs alarms for uncertain orders and undelivered webhooks that have become old, and for what a person must look at.
 */
export const watchLayer: Layer.Layer<never, never, StoreStatus> = Layer.effectDiscard(
  Effect.gen(function* () {
    const { backlog } = yield* StoreStatus
    const check = Effect.gen(function* () {
      const waiting = yield* backlog()
      const { flaggedOrders, abandonedOrders, strayNotices } = waiting
      const uncertainMs = backlogAgeMs(waiting, waiting.oldestUncertainAt)
      if (uncertainMs > UNCERTAIN_ALARM_MS) {
        yield* alarm("an order has been uncertain for a long time: its channel does not answer", uncertainMs)
      }
      const undeliveredMs = backlogAgeMs(waiting, waiting.oldestDueWebhookAt)
      if (undeliveredMs > WEBHOOK_ALARM_MS)
        yield* alarm("a webhook has been undelivered for a long time", undeliveredMs)
      if (abandonedOrders > 0) {
        yield* Effect.logError(
          "orders are still PENDING a day after their expiry; see `payhub order list --status PENDING`",
          {
            alarm: true,
            abandoned_orders: abandonedOrders
          }
        )
      }
      if (strayNotices > 0)
        yield* Effect.logInfo("notices name no order of their account; see `payhub order strays`", {
          stray_notices: strayNotices
        })
      if (flaggedOrders > 0)
        yield* Effect.logInfo("orders are flagged; see `payhub order list --flagged`", {
          flagged_orders: flaggedOrders
        })
    })
    yield* check.pipe(
      Effect.catch(() => Effect.void),
      Effect.repeat(Schedule.spaced(INTERVAL)),
      Effect.delay(INTERVAL),
      Effect.forkScoped
    )
  })
)

const alarm = (message: string, ageMs: number) =>
  Effect.logError(message, { alarm: true, age_s: Math.round(ageMs / 1000) })

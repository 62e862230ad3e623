import { Effect, Layer, Schedule } from "effect"
import { backlogAgeMs, StoreStatus } from "./store-status.ts"

/** Older than this, what should have resolved itself wants a person. */
const UNCERTAIN_ALARM_MS = 10 * 60_000
const WEBHOOK_ALARM_MS = 15 * 60_000

/** How often it is looked at. */
const LOOK = "1 minute"

/** Says in the log, as alarms, when an uncertain order or an undelivered webhook has become old. */
export const watchLayer: Layer.Layer<never, never, StoreStatus> = Layer.effectDiscard(
  Effect.gen(function* () {
    const { backlog } = yield* StoreStatus
    const look = Effect.gen(function* () {
      const waiting = yield* backlog()
      const { flaggedOrders, abandonedOrders, strayNotices } = waiting
      const uncertainMs = backlogAgeMs(waiting, waiting.oldestUncertainAt)
      if (uncertainMs > UNCERTAIN_ALARM_MS) {
        yield* alarm("an order has been uncertain for long: its channel does not answer", uncertainMs)
      }
      const undeliveredMs = backlogAgeMs(waiting, waiting.oldestDueWebhookAt)
      if (undeliveredMs > WEBHOOK_ALARM_MS) yield* alarm("a webhook has been undelivered for long", undeliveredMs)
      if (abandonedOrders > 0) {
        yield* Effect.logError(
          "orders have no answer a day after their expiry; see `payhub order list --status PENDING`",
          {
            alarm: true,
            abandonedOrders
          }
        )
      }
      if (strayNotices > 0) yield* Effect.logInfo("notices name no order; see `payhub order strays`", { strayNotices })
      if (flaggedOrders > 0)
        yield* Effect.logInfo("orders are flagged; see `payhub order list --flagged`", { flaggedOrders })
    })
    yield* look.pipe(
      Effect.catch(() => Effect.void),
      Effect.repeat(Schedule.spaced(LOOK)),
      Effect.delay(LOOK),
      Effect.forkScoped
    )
  })
)

const alarm = (message: string, ageMs: number) =>
  Effect.logError(message, { alarm: true, age_s: Math.round(ageMs / 1000) })

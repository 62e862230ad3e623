import { Effect, Layer, Schedule } from "effect"
import { Persistence } from "../pipeline/persistence/persistence.ts"

/** Older than this, what should have resolved itself wants a person. */
const UNCERTAIN_ALARM_MS = 10 * 60_000
const WEBHOOK_ALARM_MS = 15 * 60_000

/** How often it is looked at. */
const LOOK = "1 minute"

/** Says in the log, as alarms, when an uncertain order or an undelivered webhook has become old. */
export const watchLayer: Layer.Layer<never, never, Persistence> = Layer.effectDiscard(
  Effect.gen(function* () {
    const { backlog, nowMs: storeNowMs } = yield* Persistence
    const look = Effect.gen(function* () {
      const { oldestUncertainAt, oldestDueWebhookAt, flaggedOrders, abandonedOrders, strayNotices } = yield* backlog()
      const nowMs = storeNowMs()
      const ageMs = (at: Date | null) => (at === null ? 0 : nowMs - at.getTime())
      if (ageMs(oldestUncertainAt) > UNCERTAIN_ALARM_MS) {
        yield* alarm("an order has been uncertain for long: its channel does not answer", ageMs(oldestUncertainAt))
      }
      if (ageMs(oldestDueWebhookAt) > WEBHOOK_ALARM_MS) {
        yield* alarm("a webhook has been undelivered for long", ageMs(oldestDueWebhookAt))
      }
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

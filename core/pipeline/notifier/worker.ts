import { Effect, Layer } from "effect"
import { crashPoint } from "../../domain/crash-point.ts"
import { receiverOf } from "../../domain/notify-url.ts"
import { Background } from "../../observe/background.ts"
import { leaseLoop, makeShares } from "../../observe/lease-loop.ts"
import { countPush } from "../../observe/metrics.ts"
import { type LeasedWebhook, Outbox, type WebhookAttempt } from "../persistence/outbox.ts"
import { StoreClock } from "../persistence/store-clock.ts"
import { Notifier } from "./notifier.ts"
import { PUSH_DEADLINE_MS, pushWebhook } from "./push.ts"

/**
 * Pushes under way at once: in all, of one merchant, to one host. A host or merchant that has its share is left out of
 * the next lease, so a slow one holds up nobody else. A lease may add a share to what is under way.
 */
const PUSHES_MAX = 512
const PUSHES_PER_MERCHANT_MAX = 128
const PUSHES_PER_HOST_MAX = 32
const LEASED_MAX = 128

/** A push and its record fit; after a crash the row is due again this soon. */
const LEASE_MS = PUSH_DEADLINE_MS + 8_000

/** Due webhooks are looked for this often even if no one wakes the worker. */
const SWEEP = "1 second"

export interface WorkerOptions {
  /** Milliseconds before each push after the first of a round. */
  readonly scheduleMs: ReadonlyArray<number>
  readonly allow: ReadonlyArray<string>
  /** The gateway's own receiver: the one local URL that is always allowed. */
  readonly own: string
}

/** Pushes due webhooks for as long as the gateway runs. Every process may: leases give each webhook one sender. */
export const webhookWorkerLayer = (
  options: WorkerOptions
): Layer.Layer<never, never, Outbox | StoreClock | Notifier | Background> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const outbox = yield* Outbox
      const notifier = yield* Notifier
      const background = yield* Background
      const hosts = makeShares<string>()
      const merchants = makeShares<number>()

      const work = (webhook: LeasedWebhook) => {
        const host = receiverOf(webhook.url)
        hosts.add(host, 1)
        merchants.add(webhook.merchantId, 1)
        const done = Effect.sync(() => {
          hosts.add(host, -1)
          merchants.add(webhook.merchantId, -1)
        })
        return Effect.ensuring(pushLeased(webhook, options), done)
      }

      const { wake } = yield* leaseLoop({
        name: "webhooks",
        underWayMax: PUSHES_MAX,
        leasedMax: LEASED_MAX,
        sweepEvery: SWEEP,
        lease: (limit) =>
          outbox.lease({
            limit,
            perHost: PUSHES_PER_HOST_MAX,
            busyHosts: hosts.atLeast(PUSHES_PER_HOST_MAX),
            busyMerchants: merchants.atLeast(PUSHES_PER_MERCHANT_MAX),
            leaseMs: LEASE_MS
          }),
        work,
        fork: background.run
      })
      notifier.onWake(wake)
    })
  )

/** Pushes a leased webhook once and records what came of it. */
const pushLeased = Effect.fnUntraced(function* (webhook: LeasedWebhook, options: WorkerOptions) {
  const outbox = yield* Outbox
  const { nowMs } = yield* StoreClock
  crashPoint("webhook.leased")
  const startedMs = nowMs()
  const attempt = webhook.attempts + 1
  const result = yield* Effect.promise(() =>
    pushWebhook({
      url: webhook.url,
      body: webhook.body,
      allow: options.allow,
      own: options.own,
      headers: {
        "content-type": "application/json",
        "user-agent": "PayHub-Webhook/1",
        "x-payhub-event": webhook.eventId,
        "x-payhub-attempt": String(attempt)
      }
    })
  )
  crashPoint("webhook.pushed")
  const endedMs = nowMs()
  const wait = options.scheduleMs[webhook.round]
  const next = nextStep(result.delivered, wait)
  yield* outbox.record({
    merchantId: webhook.merchantId,
    eventId: webhook.eventId,
    orderNo: webhook.orderNo,
    attempt,
    at: new Date(startedMs),
    durationMs: endedMs - startedMs,
    status: result.status,
    detail: result.detail,
    round: webhook.round,
    next
  })
  crashPoint("webhook.recorded")
  countPush(next.kind, attempt === 1 ? startedMs - webhook.createdAt.getTime() : undefined)
  if (!result.delivered && wait === undefined) {
    yield* Effect.logError("a webhook is dead; resend it when the merchant is well", {
      order_no: webhook.orderNo,
      detail: result.detail
    })
  }
})

/** What follows an attempt. @param waitMs what the schedule says before the next push; undefined = it was the last */
export const nextStep = (delivered: boolean, waitMs: number | undefined): WebhookAttempt["next"] => {
  if (delivered) return { kind: "delivered" }
  return waitMs === undefined ? { kind: "dead" } : { kind: "again", afterMs: waitMs }
}

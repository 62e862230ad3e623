import { Effect, Layer } from "effect"
import { crashPoint } from "../../domain/crash-point.ts"
import { receiverOf } from "../../domain/notify-url.ts"
import { Background } from "../../observe/background.ts"
import { leaseLoop } from "../../observe/lease-loop.ts"
import { countPush } from "../../observe/metrics.ts"
import { makeShares, shareOf } from "../../observe/shares.ts"
import { type LeasedWebhook, Outbox, type WebhookAttempt } from "../persistence/outbox.ts"
import { StoreClock } from "../persistence/store-clock.ts"
import { Notifier } from "./notifier.ts"
import { PUSH_DEADLINE_MS, pushWebhook } from "./push.ts"
import { makeSilentHosts } from "./silent-hosts.ts"

/**
 * Concurrent pushes: in all, per merchant, per host. A merchant gets less the fuller it is (`shareOf`), so that a few
 * merchants whose receivers hang never take all; a host at its limit is left out of the next lease, which may exceed the
 * limit by as much again.
 */
const PUSHES_MAX = 512
const PUSHES_PER_MERCHANT_MAX = 128
const PUSHES_PER_HOST_MAX = 32
const LEASED_MAX = 128

/** A host that gives no answer for this long is silent (silent-hosts.ts); one that fails sooner holds up nobody. */
const SILENT_AFTER_MS = 1_000

/** Long enough for a push and its record; after a crash the webhook is due again this much later. */
const LEASE_MS = PUSH_DEADLINE_MS + 8_000

/** Interval between searches for due webhooks if nobody wakes the worker. */
const SWEEP = "1 second"

export interface WorkerOptions {
  /** Milliseconds before each push after the first of a round. */
  readonly scheduleMs: ReadonlyArray<number>
  /** Addresses and CIDR ranges that may be reached although they are not public. */
  readonly allow: ReadonlyArray<string>
  /** URL of the gateway's own receiver: the one local URL that is always allowed. */
  readonly own: string
}

/**
 * Pushes due webhooks for as long as the gateway runs. Every process may run it: leases give each webhook one sender.
 */
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

      const silent = makeSilentHosts()

      const work = (webhook: LeasedWebhook) => {
        const host = receiverOf(webhook.url)
        const begun = silent.begin(host)
        hosts.add(host, 1)
        merchants.add(webhook.merchantId, 1)
        const done = Effect.sync(() => {
          hosts.add(host, -1)
          merchants.add(webhook.merchantId, -1)
          begun.end()
        })
        return Effect.ensuring(pushLeased(webhook, options, begun.answered), done)
      }

      const { wake } = yield* leaseLoop({
        name: "webhooks",
        underWayMax: PUSHES_MAX,
        leasedMax: LEASED_MAX,
        sweepEvery: SWEEP,
        lease: (limit, free) =>
          outbox.lease({
            // Half of what is free: shares are judged by it, and the next lease judges by what is left.
            limit: Math.min(limit, Math.ceil(free / 2)),
            perHost: PUSHES_PER_HOST_MAX,
            busyHosts: [...hosts.atLeast(PUSHES_PER_HOST_MAX), ...silent.busy()],
            perMerchant: Math.min(PUSHES_PER_MERCHANT_MAX, shareOf(free, PUSHES_MAX)),
            underWay: merchants.counts(),
            leaseMs: LEASE_MS
          }),
        work,
        fork: background.run
      })
      notifier.onWake(wake)
    })
  )

/** Pushes a leased webhook once and records what came of it. @param answered is told whether the receiver answered */
const pushLeased = Effect.fnUntraced(function* (
  webhook: LeasedWebhook,
  options: WorkerOptions,
  answered: (yes: boolean) => void
) {
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
  answered(result.status !== null || endedMs - startedMs < SILENT_AFTER_MS)
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
    yield* Effect.logError("a webhook has used up its pushes; resend it once the merchant's receiver works", {
      order_no: webhook.orderNo,
      detail: result.detail
    })
  }
})

/**
 * What follows an attempt.
 * @param waitMs the schedule's wait before the next push; undefined = this was the last push
 */
export const nextStep = (delivered: boolean, waitMs: number | undefined): WebhookAttempt["next"] => {
  if (delivered) return { kind: "delivered" }
  return waitMs === undefined ? { kind: "dead" } : { kind: "again", afterMs: waitMs }
}

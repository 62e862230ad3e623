import { Effect, Layer } from "effect"
import { crashPoint } from "../../domain/crash-point.ts"
import { receiverOf } from "../../domain/notify-url.ts"
import { Background } from "../../observe/background.ts"
import { countPush } from "../../observe/metrics.ts"
import type { LeasedWebhook, WebhookAttempt } from "../persistence/outbox.ts"
import { Persistence } from "../persistence/persistence.ts"
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
const SWEEP_MS = 1_000

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
): Layer.Layer<never, never, Persistence | Notifier | Background> =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const { webhooks, nowMs } = yield* Persistence
      const notifier = yield* Notifier
      const background = yield* Background
      const hosts = makeCounts<string>()
      const merchants = makeCounts<number>()
      let total = 0
      const gate = makeGate()
      notifier.onWake(gate.open)

      const push = Effect.fnUntraced(function* (webhook: LeasedWebhook) {
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
        yield* webhooks.record({
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

      const start = (webhook: LeasedWebhook) => {
        const host = receiverOf(webhook.url)
        hosts.add(host, 1)
        merchants.add(webhook.merchantId, 1)
        total++
        const done = Effect.sync(() => {
          hosts.add(host, -1)
          merchants.add(webhook.merchantId, -1)
          total--
          gate.open()
        })
        return background.run(Effect.ensuring(push(webhook), done))
      }

      const loop = Effect.gen(function* () {
        gate.close()
        const room = PUSHES_MAX - total
        const leased =
          room === 0
            ? []
            : yield* webhooks.lease({
                limit: Math.min(room, LEASED_MAX),
                perHost: PUSHES_PER_HOST_MAX,
                busyHosts: hosts.atLeast(PUSHES_PER_HOST_MAX),
                busyMerchants: merchants.atLeast(PUSHES_PER_MERCHANT_MAX),
                leaseMs: LEASE_MS
              })
        for (const webhook of leased) yield* start(webhook)
        if (leased.length === 0) yield* Effect.promise((signal) => gate.wait(SWEEP_MS, signal))
      }).pipe(
        Effect.catchCause((cause) =>
          Effect.logWarning("webhooks wait for the store", cause).pipe(Effect.andThen(Effect.sleep(SWEEP_MS)))
        )
      )
      yield* Effect.forkScoped(Effect.forever(loop))
    })
  )

/** What follows an attempt. @param waitMs what the schedule says before the next push; undefined = it was the last */
export const nextStep = (delivered: boolean, waitMs: number | undefined): WebhookAttempt["next"] => {
  if (delivered) return { kind: "delivered" }
  return waitMs === undefined ? { kind: "dead" } : { kind: "again", afterMs: waitMs }
}

/** How many of each key are under way. */
const makeCounts = <K>() => {
  const counts = new Map<K, number>()
  return {
    add: (key: K, change: 1 | -1) => {
      const count = (counts.get(key) ?? 0) + change
      if (count === 0) counts.delete(key)
      else counts.set(key, count)
    },
    atLeast: (limit: number): ReadonlyArray<K> => [...counts].filter(([, count]) => count >= limit).map(([key]) => key)
  }
}

/** A flag that one waiter sleeps on, for a bounded time. */
const makeGate = () => {
  let opened = false
  let wakeUp: (() => void) | undefined
  return {
    open: () => {
      opened = true
      wakeUp?.()
    },
    close: () => {
      opened = false
    },
    wait: (ms: number, signal: AbortSignal) =>
      opened
        ? Promise.resolve()
        : new Promise<void>((resolve) => {
            const timer = setTimeout(resolve, ms)
            wakeUp = () => {
              clearTimeout(timer)
              resolve()
            }
            signal.addEventListener("abort", wakeUp, { once: true })
          })
  }
}

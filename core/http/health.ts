import { Effect, Redacted } from "effect"
import { Settings } from "../config/gateway-config.ts"
import { sameDigest } from "../domain/signature.ts"
import { exposition } from "../observe/metrics.ts"
import { type Backlog, backlogAgeMs, StoreStatus } from "../observe/store-status.ts"
import { type WorkerFigures, workersText } from "../observe/worker-figures.ts"
import type { Call, Handler, Route, Run } from "./call.ts"
import { notFound, respond } from "./respond.ts"

/** `/healthz` for supervisors: this process answers. */
export const healthRoutes: ReadonlyArray<Route> = [
  { method: "GET", path: "/healthz", handle: async () => plain(200, "ok\n") }
]

/**
 * Routes for load balancers and monitoring: `/readyz` (this process can take orders: its store answers too) and, behind
 * PAYHUB_METRICS_TOKEN, `/metrics` in Prometheus' text format.
 * @param figures reads the figures of all workers; absent = this is the only process
 */
export const monitorRoutes = (run: Run, figures?: Figures): ReadonlyArray<Route> => [
  { method: "GET", path: "/readyz", handle: ready(run) },
  { method: "GET", path: "/metrics", handle: metrics(run, figures) }
]

type Figures = () => Promise<ReadonlyArray<WorkerFigures>>

const ready =
  (run: Run): Handler =>
  (call) =>
    respond(
      run,
      call,
      Effect.flatMap(StoreStatus, ({ ping }) => ping()).pipe(
        Effect.as(plain(200, "ready\n")),
        Effect.catch(() => Effect.succeed(silentStore()))
      ),
      (answer) => answer
    )

const metrics =
  (run: Run, figures: Figures | undefined): Handler =>
  (call) =>
    respond(
      run,
      call,
      Effect.catch(scrape(call, figures), () => Effect.succeed(silentStore())),
      (answer) => answer ?? notFound(call)
    )

const silentStore = (): Response => plain(503, "the database does not answer\n")

/** The metrics; null = no token is set or another one was given, and the page does not exist for the caller. */
const scrape = Effect.fnUntraced(function* (call: Call, figures: Figures | undefined) {
  const { metricsToken } = yield* Settings
  const { backlog } = yield* StoreStatus
  const given = /^Bearer (.+)$/.exec(call.request.headers.get("authorization") ?? "")?.[1]
  if (metricsToken === null || given === undefined) return null
  if (!sameDigest(Redacted.value(metricsToken), given)) return null
  const counted = figures === undefined ? exposition() : workersText(yield* Effect.promise(figures))
  return plain(200, counted + backlogText(yield* backlog()))
})

const backlogText = (backlog: Backlog): string => {
  const age = (since: Date | null) => backlogAgeMs(backlog, since) / 1000
  const gauges: ReadonlyArray<readonly [name: string, help: string, value: number]> = [
    ["payhub_orders_pending", "Orders that wait for a payment or an answer", backlog.pendingOrders],
    ["payhub_orders_flagged", "Orders with a payment that did not match: a person has to check", backlog.flaggedOrders],
    [
      "payhub_order_uncertain_oldest_seconds",
      "Age of the oldest order whose charge ended uncertain; 0 = none",
      age(backlog.oldestUncertainAt)
    ],
    [
      "payhub_orders_abandoned",
      "Orders without an answer a day after their expiry, which are no longer checked",
      backlog.abandonedOrders
    ],
    ["payhub_notices_stray", "Verified notices that name no order of their account", backlog.strayNotices],
    ["payhub_webhooks_due", "Webhooks that are not delivered yet", backlog.dueWebhooks],
    ["payhub_webhooks_dead", "Webhooks given up after their last push", backlog.deadWebhooks],
    [
      "payhub_webhook_undelivered_oldest_seconds",
      "Age of the oldest webhook that is not delivered yet; 0 = none",
      age(backlog.oldestDueWebhookAt)
    ]
  ]
  return gauges
    .map(([name, help, value]) => `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${value}\n`)
    .join("")
}

const plain = (status: number, text: string): Response =>
  new Response(text, { status, headers: { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" } })

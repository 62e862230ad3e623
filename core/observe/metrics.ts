import { Context, Metric } from "effect"
import { PrometheusMetrics } from "effect/observability"

/*
 * The operator's metrics, under Prometheus names. Effect keeps counters and histograms; figures that only the store
 * knows (the age of the oldest undelivered webhook) are read at each scrape: core/http/health.ts.
 */

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20]

const requests = Metric.counter("payhub_requests_total", {
  description: "HTTP requests by route and status",
  incremental: true
})
const requestSeconds = Metric.histogram("payhub_request_duration_seconds", {
  description: "Time to answer, by route",
  boundaries: SECONDS
})
const charges = Metric.counter("payhub_charges_total", {
  description: "Attempts at a channel by provider and outcome (accepted, rejected, uncertain)",
  incremental: true
})
const waiting = Metric.counter("payhub_orders_waiting", {
  description: "Orders that wait for a channel now, by mode (live, test) and account"
})
const refusedOrders = Metric.counter("payhub_orders_refused_total", {
  description: "Orders and payers refused because too many waited for a channel, by mode and account",
  incremental: true
})
const payments = Metric.counter("payhub_payments_total", {
  description: "Payments that channels reported, by provider and outcome (settled, repeated, flagged)",
  incremental: true
})
const notices = Metric.counter("payhub_notices_refused_total", {
  description: "Notices that a channel did not recognise as its provider's",
  incremental: true
})
const pushes = Metric.counter("payhub_webhook_pushes_total", {
  description: "Webhook pushes by outcome (delivered, again, dead)",
  incremental: true
})
const firstPushSeconds = Metric.histogram("payhub_webhook_first_push_seconds", {
  description: "Time from the commit of a payment to the first push of its webhook",
  boundaries: SECONDS
})

const noContext = Context.empty()

/** This process's metrics in Prometheus' text format. */
export const exposition = (): string => PrometheusMetrics.formatUnsafe(noContext)

/** Each set of attributes is a metric of its own; it is made once and kept, because every request passes here. */
const byLabel = <Label extends string | number, Made>(make: (label: Label) => Made): ((label: Label) => Made) => {
  const made = new Map<Label, Made>()
  return (label) => {
    const known = made.get(label)
    if (known !== undefined) return known
    const first = make(label)
    made.set(label, first)
    return first
  }
}

const ofRoute = byLabel((route: string) => ({
  seconds: Metric.withAttributes(requestSeconds, { route }),
  count: byLabel((status: number) => Metric.withAttributes(requests, { route, status: String(status) }))
}))
const chargesOf = byLabel((provider: string) =>
  byLabel((outcome: string) => Metric.withAttributes(charges, { provider, outcome }))
)
const waitingAt = byLabel((mode: string) =>
  byLabel((account: string) => Metric.withAttributes(waiting, { mode, account }))
)
const refusedOrdersAt = byLabel((mode: string) =>
  byLabel((account: string) => Metric.withAttributes(refusedOrders, { mode, account }))
)
const paymentsOf = byLabel((provider: string) =>
  byLabel((outcome: string) => Metric.withAttributes(payments, { provider, outcome }))
)
const noticesOf = byLabel((provider: string) => Metric.withAttributes(notices, { provider }))
const pushesOf = byLabel((outcome: string) => Metric.withAttributes(pushes, { outcome }))

export const countRequest = (route: string, status: number, seconds: number): void => {
  const metrics = ofRoute(route)
  metrics.count(status).updateUnsafe(1, noContext)
  metrics.seconds.updateUnsafe(seconds, noContext)
}

export const countCharge = (provider: string, outcome: "accepted" | "rejected" | "uncertain"): void =>
  chargesOf(provider)(outcome).updateUnsafe(1, noContext)

/** @param change 1 = an order begins to wait for the account's channel, -1 = it no longer waits */
export const countOrderWaiting = (mode: "live" | "test", account: string, change: 1 | -1): void =>
  waitingAt(mode)(account).updateUnsafe(change, noContext)

export const countRefusedOrder = (mode: "live" | "test", account: string): void =>
  refusedOrdersAt(mode)(account).updateUnsafe(1, noContext)

export const countPayment = (provider: string, outcome: "settled" | "repeated" | "flagged"): void =>
  paymentsOf(provider)(outcome).updateUnsafe(1, noContext)

export const countRefusedNotice = (provider: string): void => noticesOf(provider).updateUnsafe(1, noContext)

/** @param sinceCommitMs time since the payment was committed; undefined = not the webhook's first push */
export const countPush = (outcome: "delivered" | "again" | "dead", sinceCommitMs: number | undefined): void => {
  pushesOf(outcome).updateUnsafe(1, noContext)
  if (sinceCommitMs !== undefined) firstPushSeconds.updateUnsafe(sinceCommitMs / 1000, noContext)
}

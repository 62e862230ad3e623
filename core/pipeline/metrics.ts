import { Context, Metric } from "effect"
import { PrometheusMetrics } from "effect/observability"

/*
 * What an operator watches, in Prometheus' names. Counters and histograms are kept by Effect; what only the store knows
 * (how old the oldest undelivered webhook is) is read when it is asked for: core/http/health-routes.ts.
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
  description: "Tries at a channel by provider and outcome (accepted, rejected, uncertain)",
  incremental: true
})
const payments = Metric.counter("payhub_payments_total", {
  description: "Payments that channels reported, by provider and what became of them (settled, repeated, flagged)",
  incremental: true
})
const notices = Metric.counter("payhub_notices_refused_total", {
  description: "Notices that a channel did not recognise as its provider's word",
  incremental: true
})
const pushes = Metric.counter("payhub_webhook_pushes_total", {
  description: "Webhook pushes by outcome (delivered, again, dead)",
  incremental: true
})
const firstPushSeconds = Metric.histogram("payhub_webhook_first_push_seconds", {
  description: "From the commit of a payment to the first push of its webhook",
  boundaries: SECONDS
})

const nowhere = Context.empty()

/** What this process has counted, in Prometheus' text format. */
export const exposition = (): string => PrometheusMetrics.formatUnsafe(nowhere)

// Attributes make a metric of their own each: made once, because every request passes here.
const made = new Map<string, Metric.Metric<number, unknown>>()
const labelled = (metric: Metric.Metric<number, unknown>, attributes: Readonly<Record<string, string>>) => {
  const key = `${metric.id} ${Object.values(attributes).join(" ")}`
  const found = made.get(key) ?? Metric.withAttributes(metric, attributes)
  if (!made.has(key)) made.set(key, found)
  return found
}

export const countRequest = (route: string, status: number, seconds: number): void => {
  labelled(requests, { route, status: String(status) }).updateUnsafe(1, nowhere)
  labelled(requestSeconds, { route }).updateUnsafe(seconds, nowhere)
}

export const countCharge = (provider: string, outcome: "accepted" | "rejected" | "uncertain"): void =>
  labelled(charges, { provider, outcome }).updateUnsafe(1, nowhere)

export const countPayment = (provider: string, outcome: "settled" | "repeated" | "flagged"): void =>
  labelled(payments, { provider, outcome }).updateUnsafe(1, nowhere)

export const countRefusedNotice = (provider: string): void => labelled(notices, { provider }).updateUnsafe(1, nowhere)

/** @param sinceCommitMs for a first push: the time since its payment was committed */
export const countPush = (outcome: "delivered" | "again" | "dead", sinceCommitMs: number | undefined): void => {
  labelled(pushes, { outcome }).updateUnsafe(1, nowhere)
  if (sinceCommitMs !== undefined) firstPushSeconds.updateUnsafe(sinceCommitMs / 1000, nowhere)
}

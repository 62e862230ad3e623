import { Context } from "effect"
import type { OrderKey } from "./orders.ts"
import type { Stored } from "./stored.ts"

/** A webhook about to be committed: made once, sent byte for byte in every attempt. */
export interface NewWebhook {
  readonly eventId: string
  readonly url: string
  /** The JSON text, signed. */
  readonly body: string
}

/** A due webhook with the lease that its sender holds. */
export interface LeasedWebhook {
  readonly merchantId: number
  readonly eventId: string
  readonly orderNo: string
  readonly url: string
  readonly body: string
  /** Pushes made before this one. */
  readonly attempts: number
  /** Pushes since it was created or last resent: what the schedule counts. */
  readonly round: number
  readonly createdAt: Date
}

export interface WebhookAttempt {
  readonly merchantId: number
  readonly eventId: string
  readonly orderNo: string
  /** From 1, counting on when resent: the X-PayHub-Attempt header. */
  readonly attempt: number
  readonly at: Date
  readonly durationMs: number
  /** null = no answer. */
  readonly status: number | null
  /** The first 256 characters of what was answered, or why there was no answer. */
  readonly detail: string
  /** As it was leased: a resend during the push has begun another round, and `next` is not its answer. */
  readonly round: number
  readonly next:
    | { readonly kind: "delivered" }
    | { readonly kind: "dead" }
    | { readonly kind: "again"; readonly afterMs: number }
}

export interface WebhookRow extends LeasedWebhook {
  readonly state: "due" | "delivered" | "dead"
  readonly dueAt: Date
  readonly history: ReadonlyArray<{
    readonly attempt: number
    readonly at: Date
    readonly durationMs: number
    readonly status: number | null
    readonly detail: string
  }>
}

/** The outbox: webhooks that are due, who may push them, and what came of it. */
export class Outbox extends Context.Service<
  Outbox,
  {
    /**
     * Takes up to `limit` due webhooks, at most `perHost` of one host (a URL's host:port), none of the
     * `busyHosts` and `busyMerchants`; nobody else gets them for `leaseMs`. Oldest due first.
     */
    readonly lease: (take: {
      readonly limit: number
      readonly perHost: number
      readonly busyHosts: ReadonlyArray<string>
      readonly busyMerchants: ReadonlyArray<number>
      readonly leaseMs: number
    }) => Stored<ReadonlyArray<LeasedWebhook>>
    /** Records an attempt and settles its webhook. Batched. */
    readonly record: (attempt: WebhookAttempt) => Stored<void>
    /** Makes the order's webhook due now, with a new round of the schedule. false = the order has none. */
    readonly resend: (order: OrderKey) => Stored<boolean>
    readonly list: (filter: {
      readonly state?: "due" | "delivered" | "dead"
      readonly orderNo?: string
      readonly limit: number
    }) => Stored<ReadonlyArray<WebhookRow>>
  }
>()("payhub/persistence/Outbox") {}

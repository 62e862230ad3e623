import { Context } from "effect"
import type { OrderKey } from "./orders.ts"
import type { Stored } from "./stored.ts"

/** A webhook about to be committed: made once, sent byte for byte the same in every attempt. */
export interface NewWebhook {
  readonly eventId: string
  readonly url: string
  /** The JSON text, its signature included. */
  readonly body: string
}

/** A due webhook that is leased to one sender. */
export interface LeasedWebhook {
  readonly merchantId: number
  readonly eventId: string
  readonly orderNo: string
  readonly url: string
  readonly body: string
  /** Pushes before this one. */
  readonly attempts: number
  /** Pushes since the webhook was created or last resent; the schedule's index. */
  readonly round: number
  readonly createdAt: Date
}

export interface WebhookAttempt {
  readonly merchantId: number
  readonly eventId: string
  readonly orderNo: string
  /** From 1, counted on after a resend: the X-PayHub-Attempt header. */
  readonly attempt: number
  readonly at: Date
  readonly durationMs: number
  /** null = no answer. */
  readonly status: number | null
  /** The first 256 characters of the answer, or why there was none. */
  readonly detail: string
  /** As leased: if a resend has begun another round during the push, `next` does not apply to it. */
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

/** The outbox: webhooks that are due, who may push them, and the outcome of each push. */
export class Outbox extends Context.Service<
  Outbox,
  {
    /**
     * Leases up to `limit` due webhooks by turns: first one of each merchant that has none under way, then of each that
     * has one, and so on; among those of a turn the longest due first. A merchant's hosts take turns as well. At most
     * `perHost` for one host (a URL's host:port) and none for `busyHosts`; none by which a merchant would have more than
     * `perMerchant` under way. Nobody else gets them for `leaseMs`.
     */
    readonly lease: (take: {
      readonly limit: number
      readonly perHost: number
      readonly busyHosts: ReadonlyArray<string>
      readonly perMerchant: number
      /** Webhooks under way, by merchant; a merchant that is not listed has none. */
      readonly underWay: ReadonlyArray<readonly [merchantId: number, count: number]>
      readonly leaseMs: number
    }) => Stored<ReadonlyArray<LeasedWebhook>>
    /** Records an attempt and sets what follows for its webhook. Batched. */
    readonly record: (attempt: WebhookAttempt) => Stored<void>
    /** Makes the order's webhook due now, in a new round of the schedule. false = the order has no webhook. */
    readonly resend: (order: OrderKey) => Stored<boolean>
    readonly list: (filter: {
      readonly state?: "due" | "delivered" | "dead"
      readonly orderNo?: string
      readonly limit: number
    }) => Stored<ReadonlyArray<WebhookRow>>
  }
>()("payhub/persistence/Outbox") {}

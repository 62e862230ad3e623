import type { Effect } from "effect"
import type { GatewayUrls } from "../config/own-url.ts"
import type { StoreUnavailable } from "../domain/errors.ts"
import type { Language } from "../domain/language.ts"
import type { JsonObject } from "../domain/order.ts"
import type { SitePage } from "./site-page.ts"

/** A small, durable, shared map in which a provider's own site keeps its state. */
export interface SiteFacts {
  readonly get: (key: string) => Effect.Effect<JsonObject | null, StoreUnavailable>
  /**
   * Replaces a value atomically, whichever process or request does it at the same time, and returns the new one.
   * `change` may run more than once and must be pure; returning its argument leaves the value as it is.
   */
  readonly update: (
    key: string,
    change: (value: JsonObject | null) => JsonObject
  ) => Effect.Effect<JsonObject, StoreUnavailable>
}

export interface SiteContext<Account> {
  readonly gateway: GatewayUrls
  readonly account: Account
  readonly accountId: string
  readonly facts: SiteFacts
  /** The payer's address, behind trusted proxies too. */
  readonly clientIp: string
}

/** Answers every request under `/<provider id>/…`. Bodies are at most 64 KiB and read before it is called. */
export type ChannelSite<Account> = (
  request: SiteRequest,
  context: SiteContext<Account>
) => Effect.Effect<SiteResponse, StoreUnavailable>

export interface SiteRequest {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** What the page is to be written in: `?lang=`, else what the browser accepts. */
  readonly language: Language
}

/** A page is data that the core renders; everything else goes out as the site wrote it. */
export type SiteResponse = SiteAnswer | SitePage

/** What a site's own API, assets and redirects answer. */
export interface SiteAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
}

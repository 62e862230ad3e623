import type { Effect } from "effect"
import type { GatewayUrls } from "../config/own-url.ts"
import type { StoreUnavailable } from "../domain/errors.ts"
import type { Language } from "../domain/language.ts"
import type { JsonObject } from "../domain/order.ts"
import type { Html } from "./html.ts"

/** A small, durable, shared map that a provider's own site keeps its book in. */
export interface ChannelBook {
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
  readonly book: ChannelBook
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
  /** What pages are written in: `?lang=`, else what the browser prefers. */
  readonly language: Language
}

export type SiteResponse = SiteAnswer | SitePage

/** An answer that is no page: JSON, a file, a redirect. */
export interface SiteAnswer {
  readonly kind?: undefined
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
}

/**
 * A page. The gateway puts it into the frame that all its pages have: theme.css, the viewport, the language, and headers
 * that allow nothing inline, nothing foreign, no frame and no cache.
 */
export interface SitePage {
  readonly kind: "page"
  readonly status: number
  readonly title: string
  readonly body: Html
  readonly bodyClass?: string
  /** Further markup of the head. */
  readonly head?: Html
  /** Paths on this gateway. Stylesheets follow the theme; scripts are loaded at the end of the body. */
  readonly styles: ReadonlyArray<string>
  readonly scripts: ReadonlyArray<string>
  readonly icon?: string
  readonly headers?: Readonly<Record<string, string>>
}

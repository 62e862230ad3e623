import type { Effect, Schema } from "effect"
import type { GatewayUrls } from "../config/own-url.ts"
import type { Flow, ProductType } from "../domain/channel-code.ts"
import type { JsonObject, Payment } from "../domain/order.ts"
import type { AccountInvalid, ChannelRejected, ChannelUncertain, NoticeRefused } from "./errors.ts"
import type { ChannelHttp } from "./http.ts"
import type { ChannelSite } from "./site.ts"

/** A way to pay, which merchants name in `channel_code`. */
export interface Product {
  readonly code: string
  readonly name: string
  readonly nameEn: string
  readonly type: ProductType | (string & {})
  readonly flow: Flow
  /** Whole fen: the provider's limits, where they are narrower than the contract's 1 … 10,000,000,000. */
  readonly minFen?: number
  readonly maxFen?: number
}

/**
 * A payment channel: it describes itself and translates. The core does the I/O, the storage, the time-outs and every
 * check on money. A channel's folder exports one of these as its default.
 */
export interface ChannelProvider<Account> {
  /** The folder's name: "yinsheng-qrcode". */
  readonly id: string
  readonly products: ReadonlyArray<Product>
  /**
   * Credentials and settings, secrets as Schema.RedactedFromValue. The form, the docs and the encryption come from it.
   */
  readonly account: Schema.Codec<Account, unknown>
  /** The hosts (`host` or `host:port`) that ChannelHttp lets an account reach. */
  readonly egress: (account: Account, gateway: GatewayUrls) => ReadonlyArray<string>
  /** Parses keys once. Called when the account is added, tested or first used. */
  readonly open: (account: Account, gateway: GatewayUrls) => Effect.Effect<Channel, AccountInvalid>
  /** Present on the one provider that serves test-mode merchants; makes its account's settings at the first start. */
  readonly testMode?: {
    readonly newAccount: () => unknown
    readonly feeRateBp: number
    /** Path of a script of its site that stands in for WeixinJSBridge. */
    readonly bridgeScript?: string
    /** Path of the page of its site that says what goes wrong at which amounts; the documentation and the demo link it. */
    readonly faultsPage?: string
  }
  /** The provider's own pages and endpoints, served under `/<id>/…` (the sandbox's payer page). */
  readonly site?: ChannelSite<Account>
}

/** An opened account. An ability that the channel does not have is absent. */
export interface Channel {
  /** What identifies the order later (`ChargeRef.reference`); stored before the order is charged. Pure. */
  readonly reference?: (order: { readonly orderNo: string; readonly createdAt: Date }) => JsonObject
  /** Asks the provider to take the order. A second call for the same order must not charge twice. */
  readonly charge: (
    request: ChargeRequest
  ) => Effect.Effect<Presentation, ChannelRejected | ChannelUncertain, ChannelHttp>
  readonly query: (charge: ChargeRef) => Effect.Effect<ChargeState, ChannelRejected | ChannelUncertain, ChannelHttp>
  /** Fetches what verifying a notice needs (certificates that expire). Called before each notice, so it must cache. */
  readonly prepare?: Effect.Effect<void, ChannelRejected | ChannelUncertain, ChannelHttp>
  /** Verifies a notice over its raw bytes, then reads it, and says what it is worth (see `Notice`). Pure. */
  readonly readNotice: (raw: RawNotice) => Effect.Effect<Notice, NoticeRefused>
  /** The answers to a notice that is stored, and to one that was refused or could not be stored. */
  readonly replies: { readonly accepted: Reply; readonly refused: Reply }
  /** Closes an unpaid order at the provider, so that nobody can pay it any more. */
  readonly close?: (charge: ChargeRef) => Effect.Effect<CloseState, ChannelRejected | ChannelUncertain, ChannelHttp>
  readonly refund?: (
    request: RefundRequest
  ) => Effect.Effect<RefundState, ChannelRejected | ChannelUncertain, ChannelHttp>
  readonly queryRefund?: (
    refund: RefundRef
  ) => Effect.Effect<RefundState, ChannelRejected | ChannelUncertain, ChannelHttp>
  /** The provider's own file of a day, unchanged. */
  readonly downloadBill?: (bill: {
    /** yyyy-MM-dd, Shanghai. */
    readonly date: string
  }) => Effect.Effect<Bill, ChannelRejected | ChannelUncertain, ChannelHttp>
  /** JSAPI: who is paying. */
  readonly payer?: PayerIdentity
}

export interface PayerIdentity {
  /** The page that sends the payer back to `redirectUrl` with `code` and `state` added. */
  readonly authorizeUrl: (to: {
    readonly redirectUrl: string
    /** [A-Za-z0-9], ≤ 128 characters. */
    readonly state: string
    /** The order's own AppID; null = the account's. */
    readonly appId: string | null
  }) => string
  /** ChannelRejected: the code is wrong, used or too old. With `concerns: "everyone"` a new code would not help. */
  readonly identify: (login: {
    readonly code: string
    readonly miniProgram: boolean
    readonly appId: string | null
  }) => Effect.Effect<{ readonly openid: string }, ChannelRejected | ChannelUncertain, ChannelHttp>
}

export interface ChargeRequest {
  readonly orderNo: string
  /** The product's code. */
  readonly code: string
  /** Whole fen. */
  readonly amountFen: number
  /** What the payer reads (the order's note). */
  readonly description: string
  readonly createdAt: Date
  readonly expiresAt: Date
  /**
   * Milliseconds for which the order can still be paid, for providers that take a duration; below 0 where it has just
   * expired. By the clock that made `expiresAt`, which need not be this machine's.
   */
  readonly remainingMs: number
  /** Where the provider sends its notices for this account. */
  readonly noticeUrl: string
  /** The page that a payer's browser returns to. */
  readonly returnUrl: string
  readonly clientIp: string
  readonly reference: JsonObject
  /** Set for products of flow "jsapi". */
  readonly jsapi?: { readonly appId: string | null; readonly openid: string; readonly miniProgram: boolean }
}

/** A charged order, as later calls about it get it. */
export interface ChargeRef {
  readonly orderNo: string
  readonly code: string
  readonly amountFen: number
  readonly createdAt: Date
  readonly expiresAt: Date
  readonly reference: JsonObject
  /** Known after the payment. */
  readonly channelTradeNo: string | null
}

/** What the payer is shown. It is stored as it is and never computed again. */
export type Presentation =
  | { readonly kind: "qrcode"; readonly content: string; readonly imageUrl?: string }
  | { readonly kind: "redirect"; readonly url: string }
  | { readonly kind: "form"; readonly action: string; readonly fields: Readonly<Record<string, string>> }
  | { readonly kind: "jsapi"; readonly params: JsapiParams }
  | { readonly kind: "app"; readonly order: string }

/** The parameters of WeixinJSBridge. */
export interface JsapiParams {
  readonly appId: string
  readonly timeStamp: string
  readonly nonceStr: string
  readonly package: string
  readonly signType: string
  readonly paySign: string
}

/** The state of a charge at the provider. `absent` = the provider has no such order (yet). */
export type ChargeState =
  | { readonly state: "pending" }
  | { readonly state: "absent" }
  | { readonly state: "paid"; readonly payment: Payment }
  | { readonly state: "closed" }
  | { readonly state: "failed"; readonly reason: string }

/** `paid` = a payment came first; the core queries and settles it. */
export type CloseState = { readonly state: "closed" } | { readonly state: "paid" }

export interface RawNotice {
  readonly method: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  readonly receivedAt: Date
}

/**
 * What a verified notice is worth. A valid signature alone is no `payment`: some providers sign the notices of all their
 * merchants with one key, and name no receiver.
 * - `payment`: it says "paid" and is bound to this account, because it names the account at the provider (seller,
 *   merchant number, AppID) or because nobody but this account's provider side has the key. The core settles it.
 * - `news`: it says anything but "paid". The core asks `query` what has become of the order.
 * - `hint`: it says "paid", and something that would bind it to this account is absent or could be forged. Only its
 *   order number counts: the core asks `query` and settles what that says.
 *
 * A notice that names another receiver is none of these: it is NoticeRefused, "not-ours".
 */
export type Notice =
  | { readonly kind: "payment"; readonly orderNo: string; readonly payment: Payment }
  | { readonly kind: "news"; readonly orderNo: string }
  | { readonly kind: "hint"; readonly orderNo: string }

export interface Reply {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

export interface RefundRequest {
  readonly charge: ChargeRef
  /** The refund's own number, the idempotency key at the provider. */
  readonly refundNo: string
  /** Whole fen, ≤ the order's amount. */
  readonly refundFen: number
  readonly reason: string
  readonly noticeUrl: string
}

export interface RefundRef {
  readonly charge: ChargeRef
  readonly refundNo: string
}

export type RefundState =
  | { readonly state: "pending" }
  | {
      readonly state: "refunded"
      readonly refundFen: number
      readonly channelRefundNo: string
      readonly at: Date | null
    }
  | { readonly state: "failed"; readonly reason: string }

export interface Bill {
  readonly fileName: string
  readonly content: Uint8Array
}

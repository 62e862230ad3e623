import type { Effect, Schema } from "effect"
import type { GatewayUrls } from "../config/own-url.ts"
import type { Flow, ProductType } from "../domain/channel-code.ts"
import type { JsonObject, Payment } from "../domain/order.ts"
import type { AccountInvalid, ChannelRejected, ChannelUncertain, NoticeRefused } from "./errors.ts"
import type { ChannelHttp } from "./http.ts"
import type { ChannelSite } from "./site.ts"

/** Something payers can pay with, as merchants name it in `channel_code`. */
export interface Product {
  readonly code: string
  readonly name: string
  readonly nameEn: string
  readonly type: ProductType | (string & {})
  readonly flow: Flow
  /** Whole fen; what the provider takes, where it is narrower than the contract's 1 … 10,000,000,000. */
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
  /** Credentials and settings, secrets as Schema.RedactedFromValue; makes the form, the docs and the encryption. */
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
  }
  /** Pages and endpoints of the provider's own, served under `/<id>/…` (the sandbox's payer page). */
  readonly site?: ChannelSite<Account>
}

/** An opened account. What a channel cannot do is absent. */
export interface Channel {
  /** What the channel needs to know the order again (`ChargeRef.reference`); stored before it is charged. Pure. */
  readonly reference?: (order: { readonly orderNo: string; readonly createdAt: Date }) => JsonObject
  /** Asks the provider to take the order. Called again for the same order it must not charge twice. */
  readonly charge: (
    request: ChargeRequest
  ) => Effect.Effect<Presentation, ChannelRejected | ChannelUncertain, ChannelHttp>
  readonly query: (charge: ChargeRef) => Effect.Effect<ChargeState, ChannelRejected | ChannelUncertain, ChannelHttp>
  /** What must be there before a notice can be verified (certificates that expire); called before each, so cached. */
  readonly prepare?: Effect.Effect<void, ChannelRejected | ChannelUncertain, ChannelHttp>
  /** Pure: verify over the raw bytes, then read. */
  readonly readNotice: (raw: RawNotice) => Effect.Effect<Notice, NoticeRefused>
  /** What the provider wants to hear once its notice is stored, and when it was refused or could not be stored. */
  readonly replies: { readonly accepted: Reply; readonly refused: Reply }
  /** Closes an unpaid order at the provider, so that nobody can pay it any more. */
  readonly close?: (charge: ChargeRef) => Effect.Effect<CloseState, ChannelRejected | ChannelUncertain, ChannelHttp>
  readonly refund?: (
    request: RefundRequest
  ) => Effect.Effect<RefundState, ChannelRejected | ChannelUncertain, ChannelHttp>
  readonly queryRefund?: (
    refund: RefundRef
  ) => Effect.Effect<RefundState, ChannelRejected | ChannelUncertain, ChannelHttp>
  /** The provider's own file of a day, as it came. */
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
  /** ChannelRejected: the code is wrong, used or too old. */
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
   * How long it can still be paid, for providers that take a duration; below 0 where it has just expired. By the clock
   * that made `expiresAt`, which need not be this machine's.
   */
  readonly remainingMs: number
  /** Where the provider sends its notices for this account. */
  readonly noticeUrl: string
  /** Where a payer's browser comes back to. */
  readonly returnUrl: string
  readonly clientIp: string
  readonly reference: JsonObject
  /** Set for products of flow "jsapi". */
  readonly jsapi?: { readonly appId: string | null; readonly openid: string; readonly miniProgram: boolean }
}

/** An order as a channel knows it later. */
export interface ChargeRef {
  readonly orderNo: string
  readonly code: string
  readonly amountFen: number
  readonly createdAt: Date
  readonly expiresAt: Date
  readonly reference: JsonObject
  /** Known once it was paid. */
  readonly channelTradeNo: string | null
}

/** What the payer is shown; stored as it is and never computed again. */
export type Presentation =
  | { readonly kind: "qrcode"; readonly content: string; readonly imageUrl?: string }
  | { readonly kind: "redirect"; readonly url: string }
  | { readonly kind: "form"; readonly action: string; readonly fields: Readonly<Record<string, string>> }
  | { readonly kind: "jsapi"; readonly params: JsapiParams }
  | { readonly kind: "app"; readonly order: string }

/** What WeixinJSBridge takes. */
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

/** `paid` = a payment won the race: the core queries and settles it. */
export type CloseState = { readonly state: "closed" } | { readonly state: "paid" }

export interface RawNotice {
  readonly method: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  readonly receivedAt: Date
}

/** A verified notice. Without a payment it is acknowledged and changes nothing (a status that is not "paid"). */
export interface Notice {
  readonly orderNo: string
  readonly payment: Payment | null
}

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

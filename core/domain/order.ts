import type { Flow } from "./channel-code.ts"
import type { Bilingual } from "./language.ts"

/** The five states of the contract's section 8, by their wire numbers. */
export const ORDER_STATUS = { PENDING: 0, PAID: 1, FAILED: 2, REFUNDED: 3, CLOSED: 4 } as const
export type OrderStatus = keyof typeof ORDER_STATUS

export const STATUS_TEXT: { readonly [S in OrderStatus]: Bilingual } = {
  PENDING: { zh: "待支付", en: "Pending" },
  PAID: { zh: "支付成功", en: "Paid" },
  FAILED: { zh: "支付失败", en: "Failed" },
  REFUNDED: { zh: "已退款", en: "Refunded" },
  CLOSED: { zh: "已关闭", en: "Closed" }
}

/** Every allowed change of an order's status; the store refuses all others by a condition in its update. */
export const ORDER_EDGES: { readonly [S in OrderStatus]: ReadonlyArray<OrderStatus> } = {
  PENDING: ["PAID", "FAILED", "CLOSED"],
  PAID: ["REFUNDED"],
  FAILED: [],
  REFUNDED: [],
  CLOSED: []
}

/** A small JSON object that a channel wrote and only that channel reads. */
export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }
export type JsonObject = { readonly [key: string]: Json }

/** An order as it is stored. All times are instants (UTC). */
export interface Order {
  readonly merchantId: number
  readonly orderNo: string
  readonly merchantOrderNo: string
  /** The channel code that the merchant requested or got by default, whichever account serves it. */
  readonly channelCode: string
  readonly flow: Flow
  /** The channel provider (`sandbox`) and its account that charge the order. */
  readonly provider: string
  readonly accountId: string
  readonly amountFen: number
  /** Basis points, as the account had them when the order was made. */
  readonly feeRateBp: number
  readonly status: OrderStatus
  readonly notifyUrl: string
  readonly body: string
  readonly extra: string
  readonly note: string
  readonly clientIp: string
  readonly createdAt: Date
  readonly expiresAt: Date
  /** What the channel needs to identify the order later (Yinsheng's shopdate …), made before the order is charged. */
  readonly reference: JsonObject
  /** JSAPI orders only. */
  readonly jsapi: JsapiOrder | null
  /**
   * JSAPI parameters or a form, for a payer who comes back; null until charged. A QR code is in its charge's detail.
   */
  readonly presentation: JsonObject | null
  /** All null until the order is PAID. */
  readonly paidAt: Date | null
  readonly feeFen: number | null
  readonly actualFen: number | null
  readonly channelTradeNo: string | null
  /** Set when something did not match and a person has to look (see Anomaly). */
  readonly flags: ReadonlyArray<Anomaly>
}

/** What `wechat-js-pay` adds to an order. */
export interface JsapiOrder {
  /** The official account's or mini-program's AppID; null = the channel's. */
  readonly appId: string | null
  readonly miniProgram: boolean
  /** SHA-256 of the pay_token, hex: a database dump must not let anybody pay for an order or read it. */
  readonly tokenHash: string
  /** Until when the token pays; never after the order's expiry. */
  readonly payUntil: Date
  /** The payer that the order is bound to; another one is refused. null = not bound yet. */
  readonly openid: string | null
}

/**
 * What did not match; the order is kept and flagged, never silently paid. `fee-mismatch`: settled, but at the account's
 * rate, because the channel's own fee is impossible. `other-account`: paid at an account other than the order's.
 */
export type Anomaly =
  | "amount-mismatch"
  | "currency-mismatch"
  | "late-payment"
  | "second-payment"
  | "trade-reused"
  | "fee-mismatch"
  | "other-account"

/** What a channel says about a payment, in a verified notice or an authenticated answer. */
export interface Payment {
  readonly channelTradeNo: string
  readonly amountFen: number
  readonly currency: "CNY" | (string & {})
  readonly paidAt: Date
  /** The channel's own fee in fen where it reports one. */
  readonly feeFen?: number | undefined
}

/** The core's judgement of a payment that a channel reports for an order. */
export type Verdict =
  | { readonly kind: "settle" }
  | { readonly kind: "repeated" }
  | { readonly kind: "anomaly"; readonly anomaly: Anomaly }

/**
 * Judges a verified payment against the order as it is stored. The order's own trade number changes nothing, or is an
 * amount-mismatch; any other trade on an order that was paid is a second payment. Otherwise currency and amount are
 * checked before the status, so that a wrong amount is named as such on a CLOSED order too.
 */
export const judgePayment = (
  order: Pick<Order, "status" | "amountFen" | "channelTradeNo">,
  payment: Payment
): Verdict => {
  if (order.channelTradeNo !== null && order.channelTradeNo === payment.channelTradeNo) {
    return payment.amountFen === order.amountFen
      ? { kind: "repeated" }
      : { kind: "anomaly", anomaly: "amount-mismatch" }
  }
  if (order.status === "PAID" || order.status === "REFUNDED") return { kind: "anomaly", anomaly: "second-payment" }
  if (payment.currency !== "CNY") return { kind: "anomaly", anomaly: "currency-mismatch" }
  if (payment.amountFen !== order.amountFen) return { kind: "anomaly", anomaly: "amount-mismatch" }
  if (order.status !== "PENDING") return { kind: "anomaly", anomaly: "late-payment" }
  return { kind: "settle" }
}

import type { GatewayUrls } from "../config/own-url.ts"

/**
 * What the kit needs of a provider's simulator. A channel's own simulator is adapted to it in some ten lines; whatever
 * can go wrong on the wire itself (lost calls, 5xx, garbage, giant and slow answers) the kit does without its help.
 */
export interface KitSimulator {
  /** The JSON of an account whose calls come to this simulator. */
  readonly account: Readonly<Record<string, unknown>>
  /** The gateway's addresses, which only a provider inside the gateway (the sandbox) needs to set. */
  readonly gateway?: GatewayUrls
  /** The notice address, for simulators that build a notice only by sending it. */
  readonly noticeUrl?: string
  /**
   * The payer pays; whether a notice is sent as well does not matter.
   * @returns false = nobody can pay this order (closed, expired, unknown)
   */
  readonly pay: (orderNo: string, how?: { readonly amountFen?: number }) => boolean | Promise<boolean>
  /** The notice that the provider would send of an order now; undefined = it sends no such notice. */
  readonly notice: (orderNo: string, wish?: NoticeWish) => KitNotice | undefined | Promise<KitNotice | undefined>
  /** Spoils the answer of the next call; false = the protocol does not allow this fault. */
  readonly fault: (fault: SimulatorFault) => boolean
  /** What the provider really holds of an order; undefined = nothing. */
  readonly book: (orderNo: string) => BookEntry | undefined | Promise<BookEntry | undefined>
  /** The number of all trades that the provider holds. */
  readonly trades: () => number | Promise<number>
  /** Makes a pending refund succeed, where queries do not make it succeed. */
  readonly settleRefund?: (refundNo: string) => void
  /** The payer opens the page of `payer.authorizeUrl`. @returns the code in the callback */
  readonly login?: (authorizeUrl: string, openid: string) => string | Promise<string>
  /** An openid by which the provider knows nobody; absent = it takes every openid, or none. */
  readonly stranger?: string
  readonly stop: () => void | Promise<void>
}

/** How a notice differs from the true one signed by the provider. */
export interface NoticeWish {
  /** Whole fen reported as paid. */
  readonly amountFen?: number
  readonly currency?: string
  /** false = a status that is no payment: waiting, failed, closed. */
  readonly paid?: boolean
  /**
   * Whom the notice names as the receiver, validly signed all the same. `nobody`: no one. `another`: another merchant of
   * the same provider, which was paid for an order of the same number. Where notices are signed or sealed with a key
   * that the provider shares with this account alone, the simulator has none of these and returns undefined.
   */
  readonly receiver?: "nobody" | "another"
  /** `stranger`: the right form and algorithm, with a key that nobody knows. */
  readonly signedBy?: "nobody" | "stranger"
}

export interface KitNotice {
  /** Only the headers that the provider itself sets; names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
}

/**
 * - `refused`: a definite no, as surely as the protocol can say it; nothing is done.
 * - `rate-limited`: "not now" (too many calls, busy), signed like any answer; nothing is done, and nothing is proved.
 * - The others do what was asked, then: `wrong-signature` signs the answer with a key that nobody knows, `unsigned`
 *   does
 *   not sign it, `other-order` and `other-amount` answer validly signed about another order or amount.
 */
export type SimulatorFault =
  | "refused"
  | "rate-limited"
  | "wrong-signature"
  | "unsigned"
  | "other-order"
  | "other-amount"

/** Whole fen. */
export interface BookEntry {
  readonly amountFen: number
  /** 0 = unpaid. */
  readonly paidFen: number
  readonly refundedFen: number
}

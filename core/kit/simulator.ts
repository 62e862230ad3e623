import type { GatewayUrls } from "../channel/gateway-urls.ts"

/**
 * What the kit needs of a provider's simulator. A channel's own simulator is adapted to it in some ten lines; whatever
 * can go wrong on the wire itself (lost calls, 5xx, garbage, giant and slow answers) the kit does without its help.
 */
export interface KitSimulator {
  /** The JSON of an account whose calls come to this simulator. */
  readonly account: Readonly<Record<string, unknown>>
  /** Where the channel finds its gateway; only a provider inside the gateway (the sandbox) minds. */
  readonly gateway?: GatewayUrls
  /** Where notices are sent, for simulators that can only build a notice by sending it. */
  readonly noticeUrl?: string
  /**
   * The payer pays; whether a notice is sent as well does not matter.
   * @returns false = nobody can pay this order (closed, expired, unknown)
   */
  readonly pay: (orderNo: string, how?: { readonly amountFen?: number }) => boolean | Promise<boolean>
  /** The notice of an order as the provider would send it now; undefined = the provider sends no such notice. */
  readonly notice: (orderNo: string, wish?: NoticeWish) => KitNotice | undefined | Promise<KitNotice | undefined>
  /** Spoils the answer of the next call; false = the protocol has no place for this. */
  readonly fault: (fault: SimulatorFault) => boolean
  /** The provider's truth about an order; undefined = it has never heard of it. */
  readonly book: (orderNo: string) => BookEntry | undefined | Promise<BookEntry | undefined>
  /** How many trades the provider holds, of whatever number. */
  readonly trades: () => number | Promise<number>
  /** Lets a pending refund end well, where it does not do so by being asked about. */
  readonly settleRefund?: (refundNo: string) => void
  /** The payer opens the page of `payer.authorizeUrl`; answers the code that comes back. */
  readonly login?: (authorizeUrl: string, openid: string) => string | Promise<string>
  readonly stop: () => void | Promise<void>
}

/** What a notice says and who signs it; without a wish it is the truth, signed by the provider. */
export interface NoticeWish {
  /** Whole fen that it says were paid. */
  readonly amountFen?: number
  readonly currency?: string
  /** false = a status that is no payment: waiting, failed, closed. */
  readonly paid?: boolean
  /** `stranger`: the right form and algorithm with a key that nobody knows. */
  readonly signedBy?: "nobody" | "stranger"
}

export interface KitNotice {
  /** Names in lower case; only those that the provider itself sets. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array
}

/**
 * - `refused`: a definite no, as surely as the protocol can say it; nothing is done.
 * - The others do what was asked, then: `wrong-signature` signs the answer with a key that nobody knows, `unsigned`
 *   does
 *   not sign it, `other-order` and `other-amount` answer validly signed about another order or amount.
 */
export type SimulatorFault = "refused" | "wrong-signature" | "unsigned" | "other-order" | "other-amount"

/** Whole fen. */
export interface BookEntry {
  readonly amountFen: number
  /** 0 = unpaid. */
  readonly paidFen: number
  readonly refundedFen: number
}

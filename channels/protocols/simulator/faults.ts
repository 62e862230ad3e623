/*
 * The vocabulary of faults that all simulated providers share. Each simulator supports some of them and carries them
 * out on its own wire. Names that the contract kit uses too (core/kit/simulator.ts and wire.ts) mean the same there.
 */

/** Faults of one call. `done`: the provider has done what was asked in spite of the fault. */
export const CALL_FAULTS = {
  /** A definite no, as surely as the protocol can say it. */
  refused: { done: false },
  /** The provider says that it is busy, which tells nothing about the order. */
  busy: { done: false },
  /** Too many calls. */
  "rate-limited": { done: false },
  /** The provider says that it is still processing the call. */
  processing: { done: true },
  /** An unsigned error of the provider's gateway, before the call is read. */
  "gateway-error": { done: false },
  /** Status 500 before anything is done. */
  "http-500": { done: false },
  /** Status 500, or a proxy's page, after everything is done. */
  "http-500-done": { done: true },
  /** The connection is cut before anything is done. */
  "cut-request": { done: false },
  /** The connection is cut after everything is done. */
  "cut-answer": { done: true },
  /** Never answered, and nothing is done. */
  "lost-request": { done: false },
  /** Done, and never answered. */
  "lost-answer": { done: true },
  /** Done, and answered after some seconds. */
  "late-answer": { done: true },
  /** The first half of the right answer. */
  "half-answer": { done: true },
  /** An unreadable answer, validly signed where the protocol signs answers. */
  garbage: { done: true },
  /** An answer without what was asked for. */
  "missing-field": { done: true },
  /** Signed with a key that nobody knows, or over other bytes. */
  "wrong-signature": { done: true },
  unsigned: { done: true },
  /** Signed too long ago. */
  stale: { done: true },
  /** WeChat Pay's test of its merchants: a signature that begins with `WECHATPAY/SIGNTEST/` and does not verify. */
  probe: { done: true },
  /** Signed with a key whose serial the account does not hold. */
  "unknown-serial": { done: true },
  /** A validly signed answer about another order. */
  "other-order": { done: true },
  /** A validly signed answer about another amount. */
  "other-amount": { done: true },
  /** A refund is accepted and reported as pending until it is queried. */
  "refund-pending": { done: true }
} as const satisfies Record<string, { readonly done: boolean }>
export type CallFault = keyof typeof CALL_FAULTS

/** Faults of a signature, of an answer or a notice. */
export const SIGNATURE_FAULTS = [
  "wrong-signature",
  "unsigned",
  "stale",
  "probe",
  "unknown-serial"
] as const satisfies ReadonlyArray<CallFault>
export type SignatureFault = (typeof SIGNATURE_FAULTS)[number]

/** Faults of one notice: its signature, its bytes changed on the way, or sealed with another APIv3 key. */
export type NoticeFault = SignatureFault | "tampered" | "other-key"

/** Faults of one order, which last as long as the order. */
export type OrderFault =
  /** The first queries after a payment still say "processing". */
  | "late-success"
  /** The payer pays, and the payment fails. */
  | "payment-fails"
  /** The amount paid and reported is not the amount asked. */
  | "wrong-amount"
  /** The payment is made and reported in another currency. */
  | "other-currency"
  /** The provider reports a fee of its own. */
  | "reported-fee"
  /** All orders with this fault get one and the same trade number. */
  | "reused-trade-number"
  /** A payment arrives although the order is closed. */
  | "late-payment"
  /** A payment wins the race against a close, and the answer to the close does not say so. */
  | "paid-while-closing"
  /** Refunds are accepted and fail. */
  | "refund-fails"
  | "no-notice"
  | "late-notice"
  /** The notices are signed with a key that nobody knows. */
  | "forged-notice"
  /** A stranger's notice arrives before each real one. */
  | "stranger-notice"
  | "notice-twice"
  /** The notice is sent several times at once. */
  | "notices-at-once"
  /** Notices of other states arrive before and after the one of the payment. */
  | "notices-out-of-order"
  /** A second payment is reported, under another trade number. */
  | "second-payment"

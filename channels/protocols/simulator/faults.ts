/*
 * What can go wrong at a simulated provider, in one vocabulary for all of them. Each simulator supports some of it and
 * says on its own wire what a name means. Names that the contract kit knows too (core/kit/simulator.ts and wire.ts) mean
 * the same there.
 */

/** What can happen to one call; `done` tells whether the provider has done what was asked all the same. */
export const CALL_FAULTS = {
  /** A definite no, as surely as the protocol can say it. */
  refused: { done: false },
  /** The provider's own word that it is busy: nothing is known of the order. */
  busy: { done: false },
  /** Too many calls. */
  "rate-limited": { done: false },
  /** The provider's own word that it is still at it. */
  processing: { done: true },
  /** An error of the provider's front door, which nobody signs. */
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
  /** Done, and answered only after some seconds. */
  "late-answer": { done: true },
  /** Half of the right answer. */
  "half-answer": { done: true },
  /** An answer that cannot be read, validly signed where the protocol signs. */
  garbage: { done: true },
  /** An answer without what was asked for. */
  "missing-field": { done: true },
  /** Signed with a key that nobody knows, or over other bytes. */
  "wrong-signature": { done: true },
  unsigned: { done: true },
  /** Signed too long ago. */
  stale: { done: true },
  /** WeChat Pay's own test of its merchants: a signature that begins with `WECHATPAY/SIGNTEST/`. */
  probe: { done: true },
  /** Signed with a key whose serial the account does not hold. */
  "unknown-serial": { done: true },
  /** A validly signed answer about another order. */
  "other-order": { done: true },
  /** A validly signed answer about another amount. */
  "other-amount": { done: true },
  /** A refund that is taken and said to be pending, until it is asked about. */
  "refund-pending": { done: true }
} as const satisfies Record<string, { readonly done: boolean }>
export type CallFault = keyof typeof CALL_FAULTS

/** What can be wrong with a signature, an answer's or a notice's. */
export const SIGNATURE_FAULTS = [
  "wrong-signature",
  "unsigned",
  "stale",
  "probe",
  "unknown-serial"
] as const satisfies ReadonlyArray<CallFault>
export type SignatureFault = (typeof SIGNATURE_FAULTS)[number]

/** What can be wrong with one notice: its signature, its bytes changed on the way, or sealed with another key. */
export type NoticeFault = SignatureFault | "tampered" | "other-key"

/** What can go wrong with one order, for as long as it lives. */
export type OrderFault =
  /** After a payment, some queries still say "processing". */
  | "late-success"
  /** The payer pays, and the payment fails. */
  | "payment-fails"
  /** Another amount is paid and reported than was asked. */
  | "wrong-amount"
  /** Paid and reported in another currency. */
  | "other-currency"
  /** The provider reports a fee of its own. */
  | "reported-fee"
  /** One trade number for every order that has this fault. */
  | "reused-trade-number"
  /** A payment arrives although the order is closed. */
  | "late-payment"
  /** A payment wins the race against a close, whose answer does not say so. */
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
  /** Notices of other states come before and after the payment's. */
  | "notices-out-of-order"
  /** A second payment is reported, under another trade number. */
  | "second-payment"

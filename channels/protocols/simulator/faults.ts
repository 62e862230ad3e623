/**
 * What can go wrong with one call to a provider: the vocabulary that all simulators share. `nothing`: the provider did
 * nothing of what was asked; `done`: it did all of it before the answer went wrong. A simulator names the faults that
 * its wire has a place for.
 */
export const CALL_FAULTS = {
  /** A definite no, as surely as the protocol can say it. */
  refused: "nothing",
  /** A no that only says "too often". */
  "rate-limited": "nothing",
  /** The connection is cut before the call is read. */
  "lost-request": "nothing",
  /** The provider's own error, said in its protocol. */
  "error-before": "nothing",
  /** The provider's own error, without a signature. */
  "unsigned-error": "nothing",
  /** The provider says that it does not know yet. */
  processing: "done",
  /** The connection is cut in place of the answer. */
  "lost-answer": "done",
  /** An HTML page with a 5xx status in place of the answer. */
  "error-after": "done",
  /** Half of the answer. */
  "cut-off": "done",
  /** An answer that is not the protocol's. */
  garbage: "done",
  /** A signature that the provider's key does not verify. */
  "wrong-signature": "done",
  unsigned: "done",
  /** Signed, but too long ago. */
  stale: "done",
  /** A probe of whether the receiver verifies: a signature marked as wrong. */
  probe: "done",
  /** Signed with a key that nobody has been told of. */
  "unknown-serial": "done",
  /** Validly signed, about another order. */
  "other-order": "done",
  /** Validly signed, about another amount. */
  "other-amount": "done",
  /** No answer, and the connection stays open. */
  hang: "done"
} as const

export type CallFault = keyof typeof CALL_FAULTS

/** Whether the provider had done what was asked when the fault struck. */
export const isDone = (fault: CallFault): boolean => CALL_FAULTS[fault] === "done"

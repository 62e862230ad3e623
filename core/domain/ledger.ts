/**
 * Ledger accounts of a settlement: `channel` is what the provider owes (a debit, negative); `merchant` and `fee` are to
 * whom it is owed (credits, positive).
 */
export type LedgerAccount = "channel" | "merchant" | "fee"

export interface LedgerEntry {
  readonly account: LedgerAccount
  /** Whole fen, never 0; the entries of one event add up to 0. */
  readonly amountFen: number
}

/** The ledger entries of a settled payment. @param payment whole fen; actualFen + feeFen = amountFen */
export const entriesOfPayment = (payment: {
  readonly amountFen: number
  readonly actualFen: number
  readonly feeFen: number
}): ReadonlyArray<LedgerEntry> =>
  (
    [
      { account: "channel", amountFen: -payment.amountFen },
      { account: "merchant", amountFen: payment.actualFen },
      { account: "fee", amountFen: payment.feeFen }
    ] as const
  ).filter(({ amountFen }) => amountFen !== 0)

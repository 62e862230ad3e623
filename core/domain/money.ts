/** Money is whole fen everywhere inside; yuan texts exist only at the edges. */

/** The largest amount an order may have: 10,000,000,000 fen (contract section 5). */
export const AMOUNT_FEN_MAX = 10_000_000_000

/**
 * Fen as yuan text with two decimals: 1 → "0.01", 123456 → "1234.56".
 * @param fen whole fen, ≥ 0
 */
export const yuanText = (fen: number): string => {
  const text = String(fen).padStart(3, "0")
  return `${text.slice(0, -2)}.${text.slice(-2)}`
}

/**
 * Yuan as providers write it → whole fen, or undefined when it is not a plain amount of at most two decimals.
 * Takes "1", "1.5", "1.50", and numbers that print so; never goes through a float product (0.1 + 0.2 is not 0.3).
 */
export const fenOfYuan = (yuan: string | number): number | undefined => {
  const match = /^(0|[1-9]\d{0,12})(?:\.(\d{1,2}))?$/.exec(String(yuan))
  if (match === null) return undefined
  return Number(match[1]) * 100 + Number((match[2] ?? "").padEnd(2, "0"))
}

/** The highest fee rate, in basis points of the amount: 60 = 0.60 %. */
export const FEE_RATE_BP_MAX = 10_000

/**
 * The fee in fen: amount × rate, rounded half up to a whole fen.
 * @param amountFen whole fen, ≤ AMOUNT_FEN_MAX, so the product stays exact (10^14 < 2^53)
 * @param rateBp basis points, 0 … 10,000
 */
export const feeFen = (amountFen: number, rateBp: number): number => Math.floor((amountFen * rateBp + 5_000) / 10_000)

import { randomBytes } from "node:crypto"
import { Effect, Schema } from "effect"
import { type JsonObject, type SiteFacts, type StoreUnavailable, sameDigest } from "../../core/channel/index.ts"
import { type FaultSettings, faultAt, REPORTED_FEE_FEN } from "./faults.ts"
import { type SigningKey, seal } from "./sign.ts"

/** A payment of a trade, as the provider reports it. */
export const TradePayment = Schema.Struct({
  tradeNo: Schema.String,
  /** Whole fen. */
  amountFen: Schema.Int,
  currency: Schema.String,
  paidAtMs: Schema.Int,
  /** The provider's fee where it reports one, whole fen. */
  feeFen: Schema.NullOr(Schema.Int)
})
export type TradePayment = typeof TradePayment.Type

/** An order in the provider's book; its key is the order number. */
export const Trade = Schema.Struct({
  orderNo: Schema.String,
  tradeNo: Schema.String,
  code: Schema.String,
  amountFen: Schema.Int,
  description: Schema.String,
  createdMs: Schema.Int,
  expiresMs: Schema.Int,
  returnUrl: Schema.String,
  jsapi: Schema.NullOr(Schema.Struct({ appId: Schema.String, openid: Schema.String })),
  state: Schema.Literals(["pending", "paid", "failed", "closed"]),
  payment: Schema.NullOr(TradePayment),
  /** The request that won the race to pay: only this one sends notices. */
  paidBy: Schema.NullOr(Schema.String),
  /** Whether the gateway has acknowledged a notice of the payment. */
  confirmed: Schema.Boolean,
  refunds: Schema.Record(
    Schema.String,
    Schema.Struct({ refundFen: Schema.Int, tradeNo: Schema.String, atMs: Schema.Int })
  )
})
export type Trade = typeof Trade.Type

const decodeTrade = Schema.decodeUnknownSync(Trade)

/** Order numbers that the book accepts: without a colon, so that no order can name another kind of entry. */
export const ORDER_NO = /^[0-9A-Za-z_-]{1,64}$/

/** SBX, the time in base 36 and 56 random bits: unique at this provider. */
export const newTradeNo = (nowMs: number): string =>
  `SBX${nowMs.toString(36).toUpperCase()}${randomBytes(7).toString("hex").toUpperCase()}`

/** The payment of a trade that is paid now, with the faults of stage "payment". */
export const paymentOf = (trade: Trade, faults: FaultSettings, nowMs: number): TradePayment => {
  const fault = faultAt(faults, "payment")
  return {
    tradeNo: fault === "reused-trade-number" ? "SBX-REUSED" : trade.tradeNo,
    amountFen: fault === "wrong-amount" ? trade.amountFen - 1 : trade.amountFen,
    currency: fault === "other-currency" ? "USD" : "CNY",
    paidAtMs: nowMs,
    feeFen: fault === "reported-fee" ? REPORTED_FEE_FEN : null
  }
}

// Each step is pure and may run again. A step that does not apply returns its argument. A paid trade stays paid.

/** The payer pays, in time. */
export const pay =
  (payment: TradePayment, paidBy: string, nowMs: number) =>
  (trade: Trade): Trade =>
    isPayable(trade, nowMs) ? { ...trade, state: "paid", payment, paidBy } : trade

/** A payment arrives, whether the trade is open or not. */
export const payLate =
  (payment: TradePayment, paidBy: string) =>
  (trade: Trade): Trade =>
    trade.state === "paid" ? trade : { ...trade, state: "paid", payment, paidBy }

export const decline =
  (nowMs: number) =>
  (trade: Trade): Trade =>
    isPayable(trade, nowMs) ? { ...trade, state: "failed" } : trade

export const close = (trade: Trade): Trade => (trade.state === "pending" ? { ...trade, state: "closed" } : trade)

/** A trade past its expiry closes by itself, at the latest when it is looked at. */
export const expire =
  (nowMs: number) =>
  (trade: Trade): Trade =>
    trade.state === "pending" && nowMs >= trade.expiresMs ? { ...trade, state: "closed" } : trade

export const confirm = (trade: Trade): Trade => (trade.confirmed ? trade : { ...trade, confirmed: true })

/** Takes a refund once per number, and never more than was paid. */
export const refund =
  (refundNo: string, refundFen: number, tradeNo: string, nowMs: number) =>
  (trade: Trade): Trade => {
    if (trade.payment === null || Object.hasOwn(trade.refunds, refundNo)) return trade
    const before = Object.values(trade.refunds).reduce((sum, one) => sum + one.refundFen, 0)
    if (before + refundFen > trade.payment.amountFen) return trade
    return { ...trade, refunds: { ...trade.refunds, [refundNo]: { refundFen, tradeNo, atMs: nowMs } } }
  }

export const isPayable = (trade: Trade, nowMs: number): boolean => trade.state === "pending" && nowMs < trade.expiresMs

/** A trade that is closed before its charge arrives: such a charge must not become payable. */
export const closedBefore = (orderNo: string, nowMs: number): Trade => ({
  orderNo,
  tradeNo: "",
  code: "",
  amountFen: 0,
  description: "",
  createdMs: nowMs,
  expiresMs: nowMs,
  returnUrl: "",
  jsapi: null,
  state: "closed",
  payment: null,
  paidBy: null,
  confirmed: false,
  refunds: {}
})

/** null = the provider has no such order. */
export const findTrade = (facts: SiteFacts, orderNo: string): Effect.Effect<Trade | null, StoreUnavailable> =>
  ORDER_NO.test(orderNo)
    ? Effect.map(facts.get(orderNo), (value) => (value === null ? null : decodeTrade(value)))
    : Effect.succeed(null)

/** Stores a trade unless the order has one, and returns the stored one. */
export const addTrade = (facts: SiteFacts, trade: Trade): Effect.Effect<Trade, StoreUnavailable> =>
  Effect.map(
    facts.update(trade.orderNo, (value) => value ?? trade),
    (value) => decodeTrade(value)
  )

/** Takes a step on an existing trade atomically and returns the trade after it. Trades are never removed. */
export const step = (
  facts: SiteFacts,
  orderNo: string,
  change: (trade: Trade) => Trade
): Effect.Effect<Trade, StoreUnavailable> =>
  Effect.map(
    facts.update(orderNo, (value): JsonObject => {
      const trade = decodeTrade(value)
      const next = change(trade)
      return value !== null && next === trade ? value : next
    }),
    (value) => decodeTrade(value)
  )

/** The payer's key to a trade: whoever has it may pay, and only the account can make one. */
export const ticketOf = (key: SigningKey, trade: Trade): string =>
  `${trade.orderNo}-${seal(key, "ticket", trade.orderNo, trade.tradeNo)}`

/** The trade of a ticket, closed if it has expired by now; null = not a ticket of ours. */
export const tradeOfTicket = (
  facts: SiteFacts,
  key: SigningKey,
  ticket: string,
  nowMs: number
): Effect.Effect<Trade | null, StoreUnavailable> =>
  Effect.gen(function* () {
    const found = yield* findTrade(facts, ticket.slice(0, Math.max(0, ticket.lastIndexOf("-"))))
    if (found === null || !sameDigest(ticketOf(key, found), ticket)) return null
    return expire(nowMs)(found) === found ? found : yield* step(facts, found.orderNo, expire(nowMs))
  })

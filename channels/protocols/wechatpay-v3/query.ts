import { Option, Schema } from "effect"
import type { ChargeState, Payment } from "../../../core/channel/index.ts"
import type { Call } from "./client.ts"

/** GET …/out-trade-no/{no}?mchid=… */
export const orderQueryCall = (mchid: string, outTradeNo: string): Call => ({
  method: "GET",
  path: `/v3/pay/transactions/out-trade-no/${encodeURIComponent(outTradeNo)}?mchid=${encodeURIComponent(mchid)}`
})

const Transaction = Schema.Struct({
  appid: Schema.optionalKey(Schema.NullOr(Schema.String)),
  mchid: Schema.optionalKey(Schema.NullOr(Schema.String)),
  out_trade_no: Schema.String,
  trade_state: Schema.String,
  transaction_id: Schema.optionalKey(Schema.NullOr(Schema.String)),
  success_time: Schema.optionalKey(Schema.NullOr(Schema.String)),
  amount: Schema.optionalKey(
    Schema.NullOr(
      Schema.Struct({
        total: Schema.optionalKey(Schema.Int),
        currency: Schema.optionalKey(Schema.String)
      })
    )
  )
})
const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Transaction))

/** A transaction, in the answer to a query or in a notice (protocols/channels.md C5). */
export interface TransactionState {
  /** undefined = the transaction does not name it, so nothing binds it to an account. */
  readonly appId: string | undefined
  readonly mchid: string | undefined
  readonly outTradeNo: string
  readonly charge: ChargeState
}

/** Reads a transaction. Undefined = not one, or a paid one without its number, time, amount or currency. */
export const readTransaction = (json: string): TransactionState | undefined => {
  const transaction = Option.getOrUndefined(decode(json))
  if (transaction === undefined) return undefined
  const charge = stateOf(transaction)
  if (charge === undefined) return undefined
  const { appid, mchid, out_trade_no: outTradeNo } = transaction
  return { appId: appid ?? undefined, mchid: mchid ?? undefined, outTradeNo, charge }
}

const stateOf = (transaction: typeof Transaction.Type): ChargeState | undefined => {
  switch (transaction.trade_state) {
    case "SUCCESS":
    case "REFUND": {
      // A refunded order was paid first; the core keeps account of refunds.
      const payment = paymentOf(transaction)
      return payment === undefined ? undefined : { state: "paid", payment }
    }
    case "NOTPAY":
    case "USERPAYING":
    case "PAYERROR": // not final: the payer may try again until the order is closed
      return { state: "pending" }
    case "CLOSED":
    case "REVOKED":
      return { state: "closed" }
    default:
      return undefined
  }
}

const paymentOf = ({ transaction_id, success_time, amount }: typeof Transaction.Type): Payment | undefined => {
  const { total, currency } = amount ?? {}
  const paidAt = new Date(success_time ?? "")
  if (!transaction_id || total === undefined || total <= 0 || !currency) return undefined
  if (Number.isNaN(paidAt.getTime())) return undefined
  // `total` is the order's amount before WeChat Pay's own coupons (`payer_total`), which do not cost the merchant.
  return { channelTradeNo: transaction_id, amountFen: total, currency, paidAt }
}

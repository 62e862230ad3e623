import { Schema } from "effect"

/*
 * The JSON of the sandbox's interface, in both directions. Money is whole fen, time is Unix milliseconds. Each answer
 * has `"result":"ok"`, or `"result":"refused"` with a reason, which is a definite refusal.
 */

const AmountFen = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000_000_000 }))

export const ChargeBody = Schema.Struct({
  order_no: Schema.String,
  code: Schema.String,
  amount_fen: AmountFen,
  description: Schema.String,
  expires_ms: Schema.Int,
  return_url: Schema.String,
  jsapi: Schema.NullOr(Schema.Struct({ app_id: Schema.String, openid: Schema.String }))
})
export type ChargeBody = typeof ChargeBody.Type

export const OrderBody = Schema.Struct({ order_no: Schema.String })
export const RefundBody = Schema.Struct({ order_no: Schema.String, refund_no: Schema.String, refund_fen: AmountFen })
export const RefundQueryBody = Schema.Struct({ order_no: Schema.String, refund_no: Schema.String })
export const OpenidBody = Schema.Struct({ code: Schema.String, app_id: Schema.String })

export const PayBody = Schema.Struct({
  account_id: Schema.String,
  order_no: Schema.String,
  /** null = the order's amount. Another amount appears only in the notice and is never booked. */
  amount_fen: Schema.NullOr(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10_000_000_000 }))),
  times: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 100 })),
  forge: Schema.Boolean
})

export const Refused = Schema.Struct({
  result: Schema.Literal("refused"),
  reason: Schema.String,
  /** Whom the refusal is about: the payer alone, or whoever pays. */
  concerns: Schema.optionalKey(Schema.Literals(["payer", "everyone"]))
})
export type Refused = typeof Refused.Type

/** No answer, and no refusal: another trade has the number, or it is not now the time to ask. */
export const Unsure = Schema.Struct({ result: Schema.Literal("unsure"), reason: Schema.String })

const ok = { result: Schema.Literal("ok") }

export const PaymentJson = Schema.Struct({
  trade_no: Schema.NonEmptyString,
  amount_fen: Schema.Int,
  currency: Schema.String,
  paid_at_ms: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 8.64e15 })),
  fee_fen: Schema.NullOr(Schema.Int)
})

export const JsapiJson = Schema.Struct({
  appId: Schema.String,
  timeStamp: Schema.String,
  nonceStr: Schema.String,
  package: Schema.String,
  signType: Schema.String,
  paySign: Schema.String
})

export const ChargeAnswer = Schema.Struct({
  ...ok,
  trade_no: Schema.String,
  pay_url: Schema.String,
  jsapi_pay_info: Schema.NullOr(JsapiJson)
})

export const QueryAnswer = Schema.Union([
  Schema.Struct({ ...ok, state: Schema.Literals(["absent", "pending", "closed", "failed"]) }),
  Schema.Struct({ ...ok, state: Schema.Literal("paid"), payment: PaymentJson })
])

export const CloseAnswer = Schema.Struct({ ...ok, state: Schema.Literals(["closed", "paid"]) })

export const RefundAnswer = Schema.Union([
  Schema.Struct({ ...ok, state: Schema.Literal("pending") }),
  Schema.Struct({ ...ok, state: Schema.Literal("failed"), reason: Schema.String }),
  Schema.Struct({
    ...ok,
    state: Schema.Literal("refunded"),
    refund: Schema.Struct({ refund_fen: Schema.Int, trade_no: Schema.String, at_ms: Schema.Int })
  })
])

export const OpenidAnswer = Schema.Struct({ ...ok, openid: Schema.NonEmptyString })

export const PayAnswer = Schema.Struct({
  ...ok,
  order_no: Schema.String,
  notices: Schema.Array(
    Schema.Struct({
      url: Schema.String,
      headers: Schema.Record(Schema.String, Schema.String),
      body: Schema.String,
      status: Schema.NullOr(Schema.Int),
      answer: Schema.String
    })
  )
})

/** A notice; its payment is null except in `trade.paid`. */
export const NoticeJson = Schema.Struct({
  type: Schema.String,
  order_no: Schema.NonEmptyString,
  payment: Schema.NullOr(PaymentJson)
})

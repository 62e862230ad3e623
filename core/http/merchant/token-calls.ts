import { Effect } from "effect"
import { payWithToken } from "../../cashier/pay-info.ts"
import { payState } from "../../cashier/pay-state.ts"
import { checkTokenMark } from "../../cashier/pay-token.ts"
import { FieldsInvalid } from "../../domain/errors.ts"
import type { Language } from "../../domain/language.ts"
import { yuanText } from "../../domain/money.ts"
import type { Order } from "../../domain/order.ts"
import { fieldInput, type Parameters } from "../../domain/parameters.ts"
import { FieldDecoders } from "./field-decoders.ts"
import { statusView } from "./order-view.ts"

/* The two calls of a merchant's own page. They are unsigned: the pay token is the credential (contract section 6). */

/** `POST /api/cashier/jsapi-pay-info`. Returns the `data` of the envelope. */
export const jsapiPayInfo = Effect.fnUntraced(function* (parameters: Parameters, clientIp: string) {
  const decoders = yield* FieldDecoders
  const fields = yield* decoders.jsapiPayInfo(parameters, { openid: payerFault(parameters) })
  const { openid, code = "" } = fields
  yield* checkTokenMark(fields.pay_token, clientIp)
  const { order, params } = yield* payWithToken(fields.pay_token, openid === undefined ? { code } : { openid }).pipe(
    Effect.catchTag("LoginCodeRefused", () =>
      Effect.fail(new FieldsInvalid({ errors: [{ field: "code", messages: ["code.refused"] }] }))
    )
  )
  return { order_no: order.orderNo, jsapi_pay_info: params }
})

/** The fault of a call that does not have exactly one of openid and code. */
const payerFault = (parameters: Parameters): string | undefined => {
  const given = ["openid", "code"].filter((name) => fieldInput(parameters.get(name)) !== undefined)
  return given.length === 1 ? undefined : given.length === 0 ? "payer.missing" : "payer.both"
}

/** `GET /api/cashier/pay-state`. Returns the order that `payStateData` writes. */
export const payStateOf = Effect.fnUntraced(function* (token: string, clientIp: string) {
  yield* checkTokenMark(token, clientIp)
  return yield* payState(token)
})

/** The `data` of `GET /api/cashier/pay-state`. */
export const payStateData = (order: Order, language: Language) => ({
  order_no: order.orderNo,
  amount: yuanText(order.amountFen),
  ...statusView(order, language)
})

import { Effect } from "effect"
import type { FieldsInvalid } from "../../domain/errors.ts"
import type { Parameters } from "../../domain/parameters.ts"
import { admit, type SignedCall } from "./admit.ts"
import { DEFAULT_NOTE, positiveAmount } from "./fields.ts"
import { notifyUrlFault } from "./notify-url-fault.ts"

/** The fields that both creating endpoints have. */
interface OrderFields {
  readonly merchant_order_no: string
  readonly amount: number
  readonly notify_url?: string
  readonly extra?: string
  readonly note?: string
}

type Decode<Fields> = (
  parameters: Parameters,
  also: Readonly<Record<string, string | undefined>>
) => Effect.Effect<Fields, FieldsInvalid>

/**
 * The creating endpoints' way up to a valid order: who calls, that the call is new, and its fields. Answers the decoded
 * fields, and the part of the command that they have in common.
 */
export const admitOrder = Effect.fnUntraced(function* <Fields extends OrderFields>(
  call: SignedCall,
  decode: Decode<Fields>
) {
  const merchant = yield* admit(call)
  const fields = yield* decode(call.parameters, { notify_url: yield* notifyUrlFault(merchant, call.parameters) })
  yield* positiveAmount(fields.amount)
  const order = {
    merchant,
    clientIp: call.clientIp,
    merchantOrderNo: fields.merchant_order_no,
    amountFen: fields.amount,
    notifyUrl: fields.notify_url ?? merchant.callbackUrl ?? "",
    extra: fields.extra ?? "",
    note: fields.note ?? DEFAULT_NOTE
  }
  return { fields, order }
})

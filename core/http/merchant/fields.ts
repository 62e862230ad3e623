import { Effect, Schema, SchemaGetter } from "effect"
import { AmountNotPositive } from "../../domain/errors.ts"
import { AMOUNT_FEN_MAX } from "../../domain/money.ts"
import { NOTIFY_URL_CHARS_MAX } from "../../domain/notify-url.ts"
import { PLAIN_INTEGER } from "../../domain/parameters.ts"

/*
 * The field tables of the contract's sections 5, 6 and 7 as schemas, which validate and from which the documentation is
 * generated. Each check's message is a key of field-messages.ts (`field.rule`). Every value arrives as the text that
 * was sent (core/domain/parameters.ts). `toJsonSchema` tells the documentation what it cannot see in a check's code.
 */

const text = (field: string) => Schema.String.annotate({ message: `${field}.type` })

const required = <S extends Schema.Top>(field: string, schema: S): S["Rebuild"] =>
  schema.pipe(Schema.annotateKey({ messageMissingKey: `${field}.missing` }))

const bytesMax = (bytes: number, message: string) =>
  Schema.makeFilter((value: string) => Buffer.byteLength(value) <= bytes, {
    message,
    // JSON Schema counts characters. A text has at most as many as bytes, so this refuses nothing that passes here.
    toJsonSchema: () => [{ maxLength: bytes }, true]
  })

/** Annotation for the documentation: the range of an integer that arrives as text. */
export const INTEGER_RANGE = "x-integer"

const whole = (field: string, range: { readonly minimum: number; readonly maximum: number }) =>
  Schema.String.annotate({ message: `${field}.integer`, [INTEGER_RANGE]: range }).check(
    Schema.isPattern(PLAIN_INTEGER, { message: `${field}.integer` })
  )

const toNumber = {
  decode: SchemaGetter.transform((value: string) => Number(value)),
  encode: SchemaGetter.transform((value: number) => String(value))
}

const MerchantOrderNo = text("merchant_order_no").check(
  Schema.isMaxCodePoints(64, { message: "merchant_order_no.length" })
)

/** Fen. Zero and negative amounts pass here: `positiveAmount` refuses them after the other fields. */
const Amount = whole("amount", { minimum: 1, maximum: AMOUNT_FEN_MAX }).pipe(
  Schema.decodeTo(Schema.Number.check(Schema.isLessThanOrEqualTo(AMOUNT_FEN_MAX, { message: "amount.max" })), toNumber)
)

const MINUTES = { minimum: 1, maximum: 1_440 }

/** Checked by notifyUrlFault, which knows the merchant; the documentation is told its format here. */
const NotifyUrl = text("notify_url").check(
  Schema.makeFilter(() => true, { toJsonSchema: () => ({ format: "uri", maxLength: NOTIFY_URL_CHARS_MAX }) })
)

/** The description that a payer sees if the order has no note (contract section 5). */
export const DEFAULT_NOTE = "在线支付"

const Extra = text("extra").check(bytesMax(4_096, "extra.length"))

const note = (characters: number) =>
  text("note").check(Schema.isMaxCodePoints(characters, { message: `note.length${characters}` }))

/**
 * `POST /api/cashier/qrcode-pay`
 * @param channelCodes the codes of the loaded channels
 */
export const qrcodePayFields = (channelCodes: ReadonlyArray<string>) =>
  Schema.Struct({
    merchant_order_no: required("merchant_order_no", MerchantOrderNo),
    amount: required("amount", Amount),
    notify_url: Schema.optionalKey(NotifyUrl),
    body: Schema.optionalKey(text("body").check(bytesMax(4_096, "body.length"))),
    extra: Schema.optionalKey(Extra),
    channel_code: Schema.optionalKey(
      text("channel_code").check(
        Schema.makeFilter((code: string) => channelCodes.includes(code), {
          message: "channel_code.unknown",
          toJsonSchema: () => ({ enum: [...channelCodes] })
        })
      )
    ),
    note: Schema.optionalKey(note(250))
  })

/** `POST /api/cashier/wechat-js-pay` */
export const wechatJsPayFields = Schema.Struct({
  merchant_order_no: required("merchant_order_no", MerchantOrderNo),
  amount: required("amount", Amount),
  extra: Schema.optionalKey(Extra),
  subOpenId: Schema.optionalKey(text("subOpenId").check(Schema.isMaxCodePoints(128, { message: "subOpenId.length" }))),
  appId: Schema.optionalKey(text("appId").check(Schema.isMaxCodePoints(64, { message: "appId.length" }))),
  notify_url: Schema.optionalKey(NotifyUrl),
  isMiniPg: Schema.optionalKey(
    text("isMiniPg").check(
      Schema.isPattern(/^[12]$/, { message: "isMiniPg.value", toJsonSchema: () => ({ enum: ["1", "2"] }) })
    )
  ),
  timeOutExpress: Schema.optionalKey(
    whole("timeOutExpress", MINUTES).pipe(
      Schema.decodeTo(Schema.Number.check(Schema.isBetween(MINUTES, { message: "timeOutExpress.range" })), toNumber)
    )
  ),
  note: Schema.optionalKey(note(125))
})

/** `POST /api/cashier/order-query` */
export const orderQueryFields = Schema.Struct({
  order_no: Schema.optionalKey(text("order_no")),
  merchant_order_no: Schema.optionalKey(text("merchant_order_no"))
})

/** `POST /api/cashier/jsapi-pay-info` */
export const jsapiPayInfoFields = Schema.Struct({
  pay_token: required("pay_token", text("pay_token")),
  openid: Schema.optionalKey(text("openid").check(Schema.isMaxCodePoints(128, { message: "openid.length" }))),
  code: Schema.optionalKey(text("code").check(Schema.isMaxCodePoints(512, { message: "code.length" })))
})

/** Refuses amounts below 1 fen, after all fields have passed (contract section 10). */
export const positiveAmount = (amountFen: number): Effect.Effect<void, AmountNotPositive> =>
  amountFen > 0 ? Effect.void : Effect.fail(new AmountNotPositive())

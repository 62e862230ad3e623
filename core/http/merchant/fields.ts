import { Effect, Result, Schema, SchemaGetter } from "effect"
import { AmountNotPositive, FieldsInvalid } from "../../domain/errors.ts"
import { AMOUNT_FEN_MAX } from "../../domain/money.ts"
import { checkNotifyUrl, NOTIFY_URL_CHARS_MAX } from "../../domain/notify-url.ts"
import { fieldInput, type Parameters, PLAIN_INTEGER } from "../../domain/parameters.ts"

/*
 * The field tables of the contract's sections 5, 6 and 7 as schemas. They validate, and the documentation is generated
 * from them. Each check's message is a key of core/http/merchant/messages.ts (`field.rule`). Everything arrives as the text that
 * was sent (core/domain/parameters.ts). `toJsonSchema` says to the documentation what a check's code cannot.
 */

/** What a field's rule depends on besides the field. */
export interface FieldRules {
  /** CIDR ranges that webhooks may reach although private. */
  readonly webhookAllow: ReadonlyArray<string>
  /** The gateway's own receiver (the demo's), allowed although it is local. */
  readonly ownReceiver: () => string
  /** The codes of the loaded channels. */
  readonly channelCodes: ReadonlyArray<string>
}

const text = (field: string) => Schema.String.annotate({ message: `${field}.type` })

const required = <S extends Schema.Top>(field: string, schema: S): S["Rebuild"] =>
  schema.pipe(Schema.annotateKey({ messageMissingKey: `${field}.missing` }))

const bytesMax = (bytes: number, message: string) =>
  Schema.makeFilter((value: string) => Buffer.byteLength(value) <= bytes, {
    message,
    // JSON Schema counts characters: so many bytes hold no more of them, so this refuses nothing that passes here.
    toJsonSchema: () => [{ maxLength: bytes }, true]
  })

/** What the documentation shows of an integer that arrives as text: the range of the number that is meant. */
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

/** Fen. Zero and below pass here: they have an answer of their own, after the other fields'. */
const Amount = whole("amount", { minimum: 1, maximum: AMOUNT_FEN_MAX }).pipe(
  Schema.decodeTo(Schema.Number.check(Schema.isLessThanOrEqualTo(AMOUNT_FEN_MAX, { message: "amount.max" })), toNumber)
)

const MINUTES = { minimum: 1, maximum: 1_440 }

const NotifyUrl = (rules: FieldRules) =>
  text("notify_url").check(
    Schema.makeFilter(
      (url: string) => {
        const verdict = url === rules.ownReceiver() ? "ok" : checkNotifyUrl(url, rules.webhookAllow)
        return verdict === "ok" || { path: [], issue: `notify_url.${verdict}` }
      },
      { toJsonSchema: () => ({ format: "uri", maxLength: NOTIFY_URL_CHARS_MAX }) }
    )
  )

const Extra = text("extra").check(bytesMax(4_096, "extra.length"))

const note = (characters: number) =>
  text("note").check(Schema.isMaxCodePoints(characters, { message: `note.length${characters}` }))

/** `POST /api/cashier/qrcode-pay` */
export const qrcodePayFields = (rules: FieldRules) =>
  Schema.Struct({
    merchant_order_no: required("merchant_order_no", MerchantOrderNo),
    amount: required("amount", Amount),
    notify_url: Schema.optionalKey(NotifyUrl(rules)),
    body: Schema.optionalKey(text("body").check(bytesMax(4_096, "body.length"))),
    extra: Schema.optionalKey(Extra),
    channel_code: Schema.optionalKey(
      text("channel_code").check(
        Schema.makeFilter((code: string) => rules.channelCodes.includes(code), {
          message: "channel_code.unknown",
          toJsonSchema: () => ({ enum: [...rules.channelCodes] })
        })
      )
    ),
    note: Schema.optionalKey(note(250))
  })

/** `POST /api/cashier/wechat-js-pay` */
export const wechatJsPayFields = (rules: FieldRules) =>
  Schema.Struct({
    merchant_order_no: required("merchant_order_no", MerchantOrderNo),
    amount: required("amount", Amount),
    extra: Schema.optionalKey(Extra),
    subOpenId: Schema.optionalKey(
      text("subOpenId").check(Schema.isMaxCodePoints(128, { message: "subOpenId.length" }))
    ),
    appId: Schema.optionalKey(text("appId").check(Schema.isMaxCodePoints(64, { message: "appId.length" }))),
    notify_url: Schema.optionalKey(NotifyUrl(rules)),
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

export type QrcodePayFields = ReturnType<typeof qrcodePayFields>["Type"]
export type WechatJsPayFields = ReturnType<typeof wechatJsPayFields>["Type"]

type FieldsSchema<T> = Schema.Codec<T, unknown> & { readonly fields: Readonly<Record<string, unknown>> }

/**
 * Makes the decoder of one table.
 * @param also faults that the schema cannot see, by field: a message key each
 */
export const fieldDecoder = <T>(schema: FieldsSchema<T>) => {
  const names = Object.keys(schema.fields)
  const decode = Schema.decodeUnknownResult(schema, { errors: "all" })
  const standard = Schema.toStandardSchemaV1(schema, { parseOptions: { errors: "all" } })["~standard"]

  return (
    parameters: Parameters,
    also: Readonly<Record<string, string | undefined>> = {}
  ): Effect.Effect<T, FieldsInvalid> => {
    const input: Record<string, unknown> = {}
    for (const name of names) {
      const value = fieldInput(parameters.get(name))
      if (value !== undefined) input[name] = value
    }
    const decoded = decode(input)
    const others = Object.entries(also).filter((entry): entry is [string, string] => entry[1] !== undefined)
    if (Result.isSuccess(decoded) && others.length === 0) return Effect.succeed(decoded.success)

    const found = new Map<string, Array<string>>()
    const note = (field: string, message: string) => found.set(field, [...(found.get(field) ?? []), message])
    if (Result.isFailure(decoded)) {
      const outcome = standard.validate(input)
      if (outcome instanceof Promise) throw new Error("field schemas are synchronous")
      for (const { path, message } of outcome.issues ?? []) note(String(path?.[0]), message)
    }
    for (const [field, message] of others) note(field, message)
    // The table's order, which the first message is taken from.
    const errors = names.filter((name) => found.has(name)).map((field) => ({ field, messages: found.get(field) ?? [] }))
    return Effect.fail(new FieldsInvalid({ errors }))
  }
}

/** The amount's own answer, after all fields have passed (contract section 10). */
export const positiveAmount = (amountFen: number): Effect.Effect<void, AmountNotPositive> =>
  amountFen > 0 ? Effect.void : Effect.fail(new AmountNotPositive())

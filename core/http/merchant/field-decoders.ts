import { Context, Effect, Layer, Result, Schema } from "effect"
import { Channels } from "../../cashier/channels.ts"
import { FieldsInvalid } from "../../domain/errors.ts"
import { fieldInput, type Parameters } from "../../domain/parameters.ts"
import { jsapiPayInfoFields, orderQueryFields, qrcodePayFields, wechatJsPayFields } from "./fields.ts"

type FieldsSchema<T> = Schema.Codec<T, unknown> & { readonly fields: Readonly<Record<string, unknown>> }

/**
 * Makes the decoder of one field table.
 * @param also faults that the schema cannot find, by field, each as a key of the field messages
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
    // In the table's order, because the answer's message is the first field's.
    const errors = names.filter((name) => found.has(name)).map((field) => ({ field, messages: found.get(field) ?? [] }))
    return Effect.fail(new FieldsInvalid({ errors }))
  }
}

const decodersFor = (channelCodes: ReadonlyArray<string>) => ({
  qrcodePay: fieldDecoder(qrcodePayFields(channelCodes)),
  wechatJsPay: fieldDecoder(wechatJsPayFields),
  orderQuery: fieldDecoder(orderQueryFields),
  jsapiPayInfo: fieldDecoder(jsapiPayInfoFields)
})

/** The decoders of the field tables, made once for the loaded channels. */
export class FieldDecoders extends Context.Service<FieldDecoders, ReturnType<typeof decodersFor>>()(
  "payhub/http/FieldDecoders"
) {
  static readonly layer: Layer.Layer<FieldDecoders, never, Channels> = Layer.effect(
    FieldDecoders,
    Effect.map(Channels, ({ products }) => decodersFor(products.map(({ code }) => code)))
  )
}

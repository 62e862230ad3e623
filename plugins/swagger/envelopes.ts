import type { Bilingual, Language } from "../../core/domain/language.ts"
import type { CatalogueEntry } from "../../core/http/errors/catalogue.ts"
import type { JsonObject } from "./json-schema.ts"

/*
 * `{code, message, data}` as schemas: one for each endpoint's success, one for each kind of failure. Generated clients
 * take their types from these schemas: the code tells them what data holds.
 */

export const ref = (name: string): JsonObject => ({ $ref: `#/components/schemas/${name}` })

interface Failure {
  readonly code: number
  readonly data: (language: Language) => JsonObject
}

const text = (words: Bilingual, language: Language): JsonObject => ({ type: "string", description: words[language] })

const nothing = (language: Language): JsonObject => ({
  type: "null",
  description: { zh: "恒为 null。", en: "Always null." }[language]
})

const refusedOrder = (language: Language): JsonObject => ({
  description: {
    zh: "null，或渠道明确拒绝的订单：其状态为 FAILED，订单号已用掉。",
    en: "Null, or the order that a channel definitely refused: it is FAILED and its number is used."
  }[language],
  // Two schemas, not one with two types: some generators drop the null of a nullable object.
  oneOf: [
    {
      type: "object",
      properties: { order_no: text({ zh: "平台订单号。", en: "The gateway's order number." }, language) },
      required: ["order_no"]
    },
    { type: "null" }
  ]
})

const fieldErrors = (language: Language): JsonObject => ({
  type: "object",
  description: { zh: "哪些字段有错。", en: "Which fields are at fault." }[language],
  properties: {
    errors: {
      type: "object",
      description: { zh: "每个出错字段及其全部说明。", en: "Every field at fault, with all that is wrong with it." }[
        language
      ],
      additionalProperties: { type: "array", items: { type: "string" } }
    }
  },
  required: ["errors"]
})

const incident = (language: Language): JsonObject => ({
  type: "object",
  description: { zh: "用于查询订单与联系运营方。", en: "What to query by and what to quote." }[language],
  properties: {
    request_id: text({ zh: "请提供给运营方。", en: "To quote to the operator." }, language),
    order_no: text(
      { zh: "平台订单号，在订单已创建时出现。", en: "The gateway's order number, if the order was made." },
      language
    )
  },
  required: ["request_id"]
})

/** The kinds of failure. Their names become the types of generated clients. */
const FAILURES = {
  BadRequest: { code: 400, data: nothing },
  OrderRefused: { code: 400, data: refusedOrder },
  Unauthorized: { code: 401, data: nothing },
  NotFound: { code: 404, data: nothing },
  BodyTooLarge: { code: 413, data: nothing },
  UnsupportedMediaType: { code: 415, data: nothing },
  FieldsInvalid: { code: 422, data: fieldErrors },
  TooManyRequests: { code: 429, data: nothing },
  ServerError: { code: 500, data: incident },
  ServiceBusy: { code: 503, data: nothing }
} as const satisfies Readonly<Record<string, Failure>>

type FailureName = keyof typeof FAILURES

const envelope = (code: number, data: JsonObject, language: Language): JsonObject => ({
  type: "object",
  properties: {
    code: {
      type: "integer",
      enum: [code],
      description: { zh: "等于 HTTP 状态码。", en: "Equals the HTTP status." }[language]
    },
    message: text({ zh: "供人阅读的说明。", en: "For people to read." }, language),
    data
  },
  required: ["code", "message", "data"]
})

/** @param dataSchema the name of the data's schema */
export const successEnvelope = (dataSchema: string, language: Language): JsonObject => {
  const description = { zh: "本次调用的结果。", en: "What was asked for." }[language]
  return envelope(200, { ...ref(dataSchema), description }, language)
}

/** The envelope of every kind of failure, by name. */
export const failureEnvelopes = (language: Language): JsonObject =>
  Object.fromEntries(
    Object.entries(FAILURES).map(([name, { code, data }]) => [name, envelope(code, data(language), language)])
  )

/** A reference to the kind of failure that an endpoint answers under one code. */
export const failureSchema = (entries: ReadonlyArray<CatalogueEntry>): JsonObject => {
  const code = entries[0]?.code
  if (code === 400 && entries.some(({ data }) => data?.order_no !== undefined)) return ref("OrderRefused")
  const names = Object.keys(FAILURES) as ReadonlyArray<FailureName>
  const name = names.find((name) => FAILURES[name].code === code)
  if (name === undefined) throw new Error(`the documentation has no schema for failures with ${code}`)
  return ref(name)
}

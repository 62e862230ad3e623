import type { Bilingual, Language } from "../../core/domain/language.ts"
import { ORDER_STATUS, type OrderStatus, STATUS_TEXT } from "../../core/domain/order.ts"
import { OK, ORDERED } from "../../core/http/merchant/success-messages.ts"
import { EXAMPLE_ORDER_NO } from "./field-docs.ts"
import type { Json, JsonObject } from "./json-schema.ts"
import { signedExample } from "./signed-example.ts"

/** One field of an answer. */
interface AnswerField {
  readonly schema: JsonObject
  readonly text: Bilingual
  readonly example: Json
  /** Absent from some answers. */
  readonly optional?: true
}

type AnswerFields = Readonly<Record<string, AnswerField>>

const text = (words: Bilingual, example: string): AnswerField => ({ schema: { type: "string" }, text: words, example })
const yuan = (words: Bilingual, example: string): AnswerField => ({
  schema: { type: "string", pattern: "^[0-9]+\\.[0-9]{2}$" },
  text: words,
  example
})

const order_no = (prefix: string): AnswerField => ({
  schema: { type: "string", pattern: "^(QR|WX)[0-9]{14}[0-9A-Z]{8}$" },
  text: {
    zh: "平台订单号。",
    en: "The gateway's order number."
  },
  example: `${prefix}20260315120000A1B2C3D4`
})

const merchant_order_no = text({ zh: "商户订单号。", en: "Your order number." }, EXAMPLE_ORDER_NO)
const extra = text(
  { zh: "下单时的附加数据，原样返回；未传时为空字符串。", en: 'The order\'s extra, byte for byte; `""` when absent.' },
  '{"cart":42}'
)

const names = Object.keys(ORDER_STATUS) as ReadonlyArray<OrderStatus>

const statusFields = (language: Language): AnswerFields => ({
  status: {
    schema: { type: "integer", enum: Object.values(ORDER_STATUS) },
    text: {
      zh: `订单状态：${names.map((name) => `${ORDER_STATUS[name]} ${STATUS_TEXT[name].zh}`).join("，")}。`,
      en: `Status: ${names.map((name) => `${ORDER_STATUS[name]} ${STATUS_TEXT[name].en.toLowerCase()}`).join(", ")}.`
    },
    example: ORDER_STATUS.PAID
  },
  status_name: {
    schema: { type: "string", enum: names },
    text: { zh: "状态的英文名，含义固定。", en: "The status by name; never translated." },
    example: "PAID"
  },
  status_text: text(
    { zh: "状态说明，随 Accept-Language 变化。", en: "The status in words, in the language of Accept-Language." },
    STATUS_TEXT.PAID[language]
  )
})

/** The parameters that start WeChat Pay. They are a schema of their own, which answers refer to. */
const payParamFields: AnswerFields = {
  appId: text(
    { zh: "公众号或小程序的 AppID。", en: "AppID of the official account or mini-program." },
    "wx8888888888888888"
  ),
  timeStamp: text({ zh: "Unix 秒，字符串。", en: "Unix seconds, as text." }, "1773561600"),
  nonceStr: text({ zh: "随机字符串。", en: "Random text." }, "5K8264ILTKCH16CQ2502SI8ZNMTM67VS"),
  package: text(
    { zh: "`prepay_id=…`，微信支付的预支付单。", en: "`prepay_id=…`, the order at WeChat Pay." },
    "prepay_id=wx15120000123456789abcdef"
  ),
  signType: text({ zh: "签名类型。", en: "How it is signed." }, "RSA"),
  paySign: text(
    { zh: "微信支付的签名。", en: "WeChat Pay's signature." },
    "oR9d8PuhnIc+YZ8cBHFCwfgpaK9gd7vaRvkYD7rthRAZ…"
  )
}

const jsapi_pay_info: AnswerField = {
  schema: { $ref: "#/components/schemas/JsapiPayParams" },
  text: {
    zh: "直接传给 `WeixinJSBridge.invoke('getBrandWCPayRequest', …)` 或小程序 `wx.requestPayment` 的参数。",
    en: "What `WeixinJSBridge.invoke('getBrandWCPayRequest', …)` or a mini-program's `wx.requestPayment` takes, as it is."
  },
  example: Object.fromEntries(Object.entries(payParamFields).map(([name, { example }]) => [name, example]))
}

/** The host of the examples' links; real answers carry the gateway's own address. */
const HOST = "https://pay.example.com"

const qrcodePay: AnswerFields = {
  order_no: order_no("QR"),
  merchant_order_no,
  amount: { schema: { type: "integer" }, text: { zh: "金额，单位为分。", en: "Amount in fen." }, example: 1000 },
  extra,
  qrCodeUrl: text(
    { zh: "二维码 PNG 图片地址，可直接放进 `<img>`。", en: "A PNG of the QR code, for an `<img>`." },
    `${HOST}/qr/9f2c.png`
  ),
  sourceQrCodeUrl: text(
    {
      zh: "二维码的内容或拉起 App 的链接；H5 页面可赋值给 `location.href`。",
      en: "The code's content or app link: what an H5 page puts into `location.href`."
    },
    "https://qr.alipay.com/bax03431ljhokirwl38f00a7"
  ),
  expire_minutes: { schema: { type: "integer" }, text: { zh: "有效期，分钟。", en: "Minutes to pay." }, example: 30 }
}

const wechatJsPay: AnswerFields = {
  order_no: order_no("WX"),
  merchant_order_no,
  amount: {
    schema: { type: "number" },
    text: {
      zh: "金额，单位为**元**的数字（100 分为 1.00）。注意与扫码下单的单位不同。",
      en: "Amount in **yuan**, a number (1.00 for 100 fen). Mind that qrcode-pay answers fen."
    },
    example: 10
  },
  extra,
  pay_url: text(
    { zh: "支付页，在微信中打开。", en: "The payment page, to be opened inside WeChat." },
    `${HOST}/wechat-pay-invoke.html?token=pt_3q2-7wAAq83vASNFZ4mrze8BI0VniavN`
  ),
  pay_token: text(
    {
      zh: "支付凭证，不可猜测。10 分钟内可用于支付，订单过期后 30 分钟内可用于查询状态。",
      en: "The payment's credential, unguessable: pays for ten minutes, reads the state until 30 minutes after the order's expiry."
    },
    "pt_3q2-7wAAq83vASNFZ4mrze8BI0VniavN"
  ),
  jsapi_pay_info: { ...jsapi_pay_info, optional: true }
}

const orderQuery = (language: Language): AnswerFields => ({
  order_no: order_no("QR"),
  merchant_order_no,
  amount: yuan({ zh: "订单金额，元。", en: "Amount, yuan." }, "10.00"),
  actual_amount: yuan(
    {
      zh: "实收金额，元，等于 amount − fee；支付前为 0.00。",
      en: "What you receive, yuan: amount − fee; 0.00 before payment."
    },
    "9.94"
  ),
  fee: yuan({ zh: "手续费，元；支付前为 0.00。", en: "Fee, yuan; 0.00 before payment." }, "0.06"),
  ...statusFields(language),
  channel_code: text({ zh: "渠道编码。", en: "The channel code." }, "YINSHENG_QRCODE"),
  pay_time: {
    schema: { type: ["string", "null"], pattern: "^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d$" },
    text: { zh: "支付时间，未支付时为 null。", en: "When it was paid, or null." },
    example: "2026-03-15 12:01:09"
  },
  created_at: text(
    { zh: "下单时间，北京时间（除非另有配置）。", en: "When it was made, Asia/Shanghai unless configured." },
    "2026-03-15 12:00:00"
  )
})

const payState = (language: Language): AnswerFields => ({
  order_no: order_no("WX"),
  amount: yuan({ zh: "金额，元。", en: "Amount, yuan." }, "10.00"),
  ...statusFields(language)
})

const jsapiPayInfo: AnswerFields = { order_no: order_no("WX"), jsapi_pay_info }

/** The webhook's body (contract section 9): these fields and no others. */
const webhook: AnswerFields = {
  order_no: order_no("QR"),
  merchant_order_no,
  amount: yuan({ zh: "订单金额，元。", en: "Amount, yuan." }, "10.00"),
  actual_amount: yuan({ zh: "实收金额，元。", en: "What you receive, yuan." }, "9.94"),
  status: {
    schema: { type: "integer", enum: [ORDER_STATUS.PAID] },
    text: { zh: "恒为 1（支付成功）。", en: "Always 1 (paid)." },
    example: ORDER_STATUS.PAID
  },
  channel_code: text({ zh: "渠道编码。", en: "The channel code." }, "YINSHENG_QRCODE"),
  pay_time: text({ zh: "支付时间。", en: "When it was paid." }, "2026-03-15 12:01:09"),
  extra,
  sign: text(
    {
      zh: "对其余八个字段的签名，算法与请求相同。",
      en: "The signature over the other eight, made as for requests."
    },
    "64f1c0a5b5a86c6a2f0e3d9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a0b9c"
  )
}

const channels = (listed: JsonObject): AnswerFields => ({
  channels: {
    schema: { type: "array", items: { $ref: "#/components/schemas/Channel" } },
    text: { zh: "已加载渠道的全部编码。", en: "Every code of the loaded channels." },
    example: [listed]
  }
})

const object = (fields: AnswerFields, language: Language): JsonObject => ({
  type: "object",
  properties: Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [
      name,
      { ...field.schema, description: field.text[language], examples: [field.example] }
    ])
  ),
  required: Object.entries(fields)
    .filter(([, field]) => field.optional !== true)
    .map(([name]) => name)
})

const exampleOf = (fields: AnswerFields): JsonObject =>
  Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.example]))

/** An endpoint's success: the schema of its data, and an example of the whole envelope. */
export interface Answer {
  readonly data: JsonObject
  readonly example: JsonObject
}

const answer = (fields: AnswerFields, message: Bilingual, language: Language): Answer => ({
  data: object(fields, language),
  example: { code: 200, message: message[language], data: exampleOf(fields) }
})

/**
 * The success of every endpoint.
 * @param listed the example of a channel in the channel list
 */
export const answers = (language: Language, listed: JsonObject) => ({
  QrcodePay: answer(qrcodePay, ORDERED, language),
  WechatJsPay: answer(wechatJsPay, ORDERED, language),
  OrderQuery: answer(orderQuery(language), OK, language),
  Channels: answer(channels(listed), OK, language),
  JsapiPayInfo: answer(jsapiPayInfo, OK, language),
  PayState: answer(payState(language), OK, language)
})

export const payParams = (language: Language): JsonObject => object(payParamFields, language)

export const webhookBody = (language: Language): Answer => ({
  data: { ...object(webhook, language), additionalProperties: false },
  example: signedExample(exampleOf(webhook))
})

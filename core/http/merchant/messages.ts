import type { CashierError } from "../../domain/errors.ts"
import type { Bilingual, Language } from "../web/language.ts"

/*
 * Every text that a merchant can be told (contract section 10), in one place: the envelope and the documentation are
 * made from here.
 */

/** Answers that were no error. */
export const OK = { zh: "ok", en: "ok" } as const
export const ORDERED = { zh: "下单成功", en: "Order placed" } as const

/** Framework errors: refused before any endpoint. */
export const FRAMEWORK = {
  notFound: { code: 404, zh: "接口不存在", en: "No such endpoint" },
  methodNotAllowed: { code: 405, zh: "请求方法不支持", en: "Method not allowed" },
  bodyTooLarge: { code: 413, zh: "请求体过大", en: "Request body too large" },
  unsupportedMediaType: {
    code: 415,
    zh: "Content-Type 必须为 application/json",
    en: "Content-Type must be application/json"
  },
  internal: { code: 500, zh: "服务异常", en: "Internal error" }
} as const satisfies Record<string, Bilingual & { code: number }>

/** The signature debugger's page: test merchants whose signature fails are sent there. */
export const SIGN_TOOL_PATH = "/tools/sign"

/** An error's answer. `headers` and `data` are what it says besides. */
export interface ErrorAnswer {
  readonly code: number
  readonly message: string
  readonly data?: Readonly<Record<string, unknown>> | null
  readonly headers?: Readonly<Record<string, string>>
}

type Row<E> = readonly [code: number, message: Bilingual] | ((error: E, language: Language) => ErrorAnswer)

/** One row for every tag: a new error without its row does not compile. */
export const ERROR_ROWS: { readonly [Tag in CashierError["_tag"]]: Row<Extract<CashierError, { _tag: Tag }>> } = {
  MalformedRequest: [400, { zh: "请求格式错误", en: "Malformed request" }],
  AppIdMissing: [401, { zh: "缺少 app_id 参数", en: "app_id is missing" }],
  MerchantUnknown: [401, { zh: "商户不存在", en: "No such merchant" }],
  SignatureInvalid: ({ testMode }, language) => ({
    code: 401,
    message: { zh: "签名验证失败", en: "Signature verification failed" }[language],
    data: null,
    ...(testMode === true ? { headers: { link: `<${SIGN_TOOL_PATH}>; rel="help"` } } : {})
  }),
  MerchantDisabled: [401, { zh: "商户已停用", en: "Merchant is disabled" }],
  TimestampExpired: [401, { zh: "请求已过期,请检查 timestamp", en: "Request expired, check timestamp" }],
  IpForbidden: [401, { zh: "IP 未授权", en: "IP address is not allowed" }],
  NonceUsed: [401, { zh: "请求重复,nonce 已使用", en: "Repeated request, nonce was used" }],
  FieldsInvalid: ({ errors }, language) => {
    const texts = errors.map(({ field, messages }) => [field, messages.map((key) => fieldText(key, language))] as const)
    return { code: 422, message: texts[0]?.[1][0] ?? "", data: { errors: Object.fromEntries(texts) } }
  },
  AmountNotPositive: [400, { zh: "金额必须大于 0", en: "amount must be greater than 0" }],
  OrderNumberMissing: [
    400,
    { zh: "order_no 和 merchant_order_no 至少传一个", en: "Give at least one of order_no and merchant_order_no" }
  ],
  DuplicateOrder: [
    400,
    { zh: "商户订单号已存在,请勿重复提交", en: "merchant_order_no exists, do not submit it again" }
  ],
  OrderNotFound: [404, { zh: "订单不存在", en: "No such order" }],
  ThrottleExceeded: ({ retryAfterMs, windowMs }, language) => {
    const seconds = Math.max(1, Math.ceil(windowMs / 1000))
    const zh = `请求过于频繁,请${seconds}秒后重试`
    const en = `Too many requests, try again in ${seconds} ${seconds === 1 ? "second" : "seconds"}`
    return {
      code: 429,
      message: language === "zh" ? zh : en,
      headers: { "retry-after": String(Math.max(1, Math.ceil(retryAfterMs / 1000))) }
    }
  },
  ChannelUnavailable: ({ orderNo }, language) => ({
    code: 400,
    message: { zh: "支付渠道不可用", en: "Payment channel unavailable" }[language],
    data: orderNo === null ? null : { order_no: orderNo }
  }),
  ChargeUncertain: ({ orderNo }, language) => ({
    code: 500,
    message: FRAMEWORK.internal[language],
    data: { order_no: orderNo }
  }),
  PayLinkExpired: [400, { zh: "支付链接已过期,请重新生成", en: "The payment link has expired, make a new one" }],
  OtherPayer: [400, { zh: "订单已由其他付款人发起支付", en: "Another payer has begun to pay this order" }],
  StoreUnavailable: (_error, language) => busy(language),
  Overloaded: (_error, language) => busy(language)
}

const busy = (language: Language): ErrorAnswer => ({
  code: 503,
  message: { zh: "服务繁忙,请稍后重试", en: "Service is busy, try again later" }[language],
  headers: { "retry-after": "1" }
})

/** What is wrong with a field, by `field.rule` as the schemas of core/http/merchant/fields.ts name it. */
export const FIELD_TEXTS: Readonly<Record<string, Bilingual>> = {
  "nonce.missing": { zh: "nonce 不能为空", en: "nonce is required" },
  "nonce.type": { zh: "nonce 必须为字符串", en: "nonce must be a string" },
  "nonce.length": { zh: "nonce 长度不能超过 32 个字符", en: "nonce must be at most 32 characters" },
  "merchant_order_no.missing": { zh: "商户订单号不能为空", en: "merchant_order_no is required" },
  "merchant_order_no.type": { zh: "商户订单号必须为字符串", en: "merchant_order_no must be a string" },
  "merchant_order_no.length": {
    zh: "商户订单号长度不能超过 64 个字符",
    en: "merchant_order_no must be at most 64 characters"
  },
  "order_no.type": { zh: "平台订单号必须为字符串", en: "order_no must be a string" },
  "amount.missing": { zh: "金额不能为空", en: "amount is required" },
  "amount.integer": { zh: "金额必须为整数", en: "amount must be an integer" },
  "amount.max": { zh: "金额不能超过 10000000000 分", en: "amount must be at most 10000000000 fen" },
  "notify_url.missing": { zh: "回调地址不能为空", en: "notify_url is required" },
  "notify_url.type": { zh: "回调地址必须为字符串", en: "notify_url must be a string" },
  "notify_url.malformed": {
    zh: "回调地址格式不正确",
    en: "notify_url must be an absolute http(s) URL without credentials"
  },
  "notify_url.too-long": { zh: "回调地址长度不能超过 512 个字符", en: "notify_url must be at most 512 characters" },
  "notify_url.private": { zh: "回调地址不能为内网地址", en: "notify_url must not be a private address" },
  "body.type": { zh: "商品描述必须为字符串", en: "body must be a string" },
  "body.length": { zh: "商品描述长度不能超过 4096 字节", en: "body must be at most 4096 bytes" },
  "extra.type": { zh: "附加数据必须为字符串", en: "extra must be a string" },
  "extra.length": { zh: "附加数据长度不能超过 4096 字节", en: "extra must be at most 4096 bytes" },
  "channel_code.type": { zh: "支付渠道编码必须为字符串", en: "channel_code must be a string" },
  "channel_code.unknown": { zh: "支付渠道编码不存在", en: "channel_code is not in the channel list" },
  "note.type": { zh: "备注必须为字符串", en: "note must be a string" },
  "note.length250": { zh: "备注长度不能超过 250 个字符", en: "note must be at most 250 characters" },
  "note.length125": { zh: "备注长度不能超过 125 个字符", en: "note must be at most 125 characters" },
  "subOpenId.type": { zh: "subOpenId 必须为字符串", en: "subOpenId must be a string" },
  "subOpenId.length": { zh: "subOpenId 长度不能超过 128 个字符", en: "subOpenId must be at most 128 characters" },
  "appId.type": { zh: "appId 必须为字符串", en: "appId must be a string" },
  "appId.length": { zh: "appId 长度不能超过 64 个字符", en: "appId must be at most 64 characters" },
  "isMiniPg.type": { zh: "isMiniPg 必须为 1 或 2", en: "isMiniPg must be 1 or 2" },
  "isMiniPg.value": { zh: "isMiniPg 必须为 1 或 2", en: "isMiniPg must be 1 or 2" },
  "timeOutExpress.integer": { zh: "timeOutExpress 必须为整数", en: "timeOutExpress must be an integer" },
  "timeOutExpress.range": {
    zh: "timeOutExpress 必须在 1 到 1440 分钟之间",
    en: "timeOutExpress must be from 1 to 1440 minutes"
  },
  "pay_token.missing": { zh: "pay_token 不能为空", en: "pay_token is required" },
  "pay_token.type": { zh: "pay_token 必须为字符串", en: "pay_token must be a string" },
  "openid.type": { zh: "openid 必须为字符串", en: "openid must be a string" },
  "openid.length": { zh: "openid 长度不能超过 128 个字符", en: "openid must be at most 128 characters" },
  "code.type": { zh: "code 必须为字符串", en: "code must be a string" },
  "code.length": { zh: "code 长度不能超过 512 个字符", en: "code must be at most 512 characters" },
  "code.refused": { zh: "code 无效或已使用", en: "code is invalid or was used" },
  "payer.missing": { zh: "openid 和 code 必须传一个", en: "Give one of openid and code" },
  "payer.both": { zh: "openid 和 code 只能传一个", en: "Give only one of openid and code" }
}

const fieldText = (key: string, language: Language): string => FIELD_TEXTS[key]?.[language] ?? key

/** The answer to an error, in a language. */
export const answerTo = (error: CashierError, language: Language): ErrorAnswer => {
  const row = ERROR_ROWS[error._tag] as Row<CashierError>
  if (typeof row === "function") return row(error, language)
  const [code, message] = row
  return { code, message: message[language], data: null }
}

import type { Bilingual } from "../../domain/language.ts"
import type { Advice } from "../errors/row.ts"

/** The message of each field fault, by `field.rule`: the keys that the checks of fields.ts report. */
export const FIELD_MESSAGES = {
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
} as const satisfies Readonly<Record<string, Bilingual>>

export type FieldFault = keyof typeof FIELD_MESSAGES

/** The message of a `field.rule`. Any other text is its own message, in both languages. */
export const fieldMessage = (key: string): Bilingual =>
  Object.hasOwn(FIELD_MESSAGES, key) ? FIELD_MESSAGES[key as FieldFault] : { zh: key, en: key }

type RuleOf<Fault> = Fault extends `${string}.${infer Rule}` ? Rule : never

const TOO_LONG: Advice = {
  cause: { zh: "超过长度上限。", en: "It is too long." },
  remedy: {
    zh: "缩短内容。字符按 Unicode 码点计，字节按 UTF-8 计。",
    en: "Shorten it. Characters are Unicode code points, bytes are UTF-8."
  }
}

/** Why a rule refuses a field, and what the merchant can do. A rule without advice does not compile. */
const RULE_ADVICE: { readonly [Rule in RuleOf<FieldFault>]: Advice } = {
  missing: {
    cause: { zh: "没有传，或值为空字符串或 null。", en: "It is absent, empty or null." },
    remedy: { zh: "补上这个参数。", en: "Send it." }
  },
  type: {
    cause: { zh: "值是布尔或小数等其他类型。", en: "The value is of another type, such as a boolean or a fraction." },
    remedy: {
      zh: "传字符串（整数会按其十进制文本处理）。",
      en: "Send a string (an integer counts as its decimal text)."
    }
  },
  length: TOO_LONG,
  length125: TOO_LONG,
  length250: TOO_LONG,
  "too-long": TOO_LONG,
  integer: {
    cause: {
      zh: '不是纯十进制整数：1000.0、1e3、"+1"、"01000" 都不接受。',
      en: 'It is not a plain decimal integer: 1000.0, 1e3, "+1" and "01000" are not accepted.'
    },
    remedy: { zh: '传 1000 或 "1000"。', en: 'Send 1000 or "1000".' }
  },
  max: {
    cause: { zh: "超过单笔上限。", en: "It is over the limit for one order." },
    remedy: { zh: "核对单位：amount 以分为单位。", en: "Check the unit: amount is in fen." }
  },
  range: {
    cause: { zh: "不在允许的范围内。", en: "It is outside its range." },
    remedy: { zh: "传范围内的整数。", en: "Send an integer within the range." }
  },
  value: {
    cause: { zh: "不是允许的取值。", en: "It is not one of the allowed values." },
    remedy: { zh: "使用文档列出的取值。", en: "Use a documented value." }
  },
  unknown: {
    cause: { zh: "没有加载这个渠道编码。", en: "No loaded channel has this code." },
    remedy: { zh: "从 GET /api/cashier/channels 中选择。", en: "Choose from GET /api/cashier/channels." }
  },
  malformed: {
    cause: {
      zh: "不是绝对的 http(s) 地址，或带有用户名密码、空白字符。",
      en: "It is not an absolute http(s) URL, or it contains credentials or white space."
    },
    remedy: {
      zh: "传完整地址，如 https://shop.example.com/notify。",
      en: "Send a complete URL, such as https://shop.example.com/notify."
    }
  },
  private: {
    cause: {
      zh: "地址是内网、环回或元数据地址，网关不会向它推送。",
      en: "The address is private, loopback or a metadata service; the gateway does not push there."
    },
    remedy: {
      zh: "使用公网可达的地址；本地联调请运营方设置 PAYHUB_WEBHOOK_ALLOW。",
      en: "Use a public address; for local tests the operator can set PAYHUB_WEBHOOK_ALLOW."
    }
  },
  refused: {
    cause: {
      zh: "微信不认这个登录 code：已用过、已过期或属于其他 AppID。",
      en: "WeChat refused the login code: used, expired, or another AppID's."
    },
    remedy: { zh: "重新获取 code。", en: "Get a new code." }
  },
  both: {
    cause: { zh: "两个参数同时传了。", en: "Both were sent." },
    remedy: { zh: "只保留其中一个。", en: "Send only one." }
  }
}

export const fieldAdvice = (fault: FieldFault): Advice => RULE_ADVICE[ruleOf(fault)]

const ruleOf = (fault: FieldFault) => fault.slice(fault.indexOf(".") + 1) as RuleOf<FieldFault>

/**
 * The field under which a fault is reported; `payer.*` concerns openid and code together and is reported under openid.
 */
export const fieldOf = (fault: FieldFault): string => {
  const field = fault.slice(0, fault.indexOf("."))
  return field === "payer" ? "openid" : field
}

import type { Bilingual } from "../../core/domain/language.ts"
import {
  DEFAULT_NOTE,
  type jsapiPayInfoFields,
  type orderQueryFields,
  type qrcodePayFields,
  type wechatJsPayFields
} from "../../core/http/merchant/fields.ts"

/** What the documentation adds to a parameter's schema. */
export interface FieldDoc {
  readonly text: Bilingual
  readonly example: string | number
  readonly default?: string
}

type Docs<Fields> = { readonly [Name in keyof Fields]-?: FieldDoc }

/** The example of the contract's section 3, whose signature is published. */
export const EXAMPLE_ORDER_NO = "ORD20260315001"

const merchant_order_no: FieldDoc = {
  text: {
    zh: "商户订单号。同一商户永久唯一，原样返回。",
    en: "Your own order number: unique per merchant for ever, echoed in every answer."
  },
  example: EXAMPLE_ORDER_NO
}

const amount: FieldDoc = {
  text: {
    zh: "金额，单位为**分**，1 到 10000000000。可传 JSON 整数或十进制字符串。0 或负数返回 400 `金额必须大于 0`。",
    en: "Amount in **fen** (1/100 yuan), 1 to 10000000000, as a JSON integer or its decimal text. 0 and below get 400 `amount must be greater than 0`."
  },
  example: 1000
}

const notify_url: FieldDoc = {
  text: {
    zh: "支付回调地址：绝对 http(s) 地址，不含用户名密码，不超过 512 个字符，不能是内网或环回 IP。商户未配置默认回调地址时必填。",
    en: "Where the webhook goes: an absolute http(s) URL without credentials, at most 512 characters, no private or loopback address. Required unless the merchant has a callback URL."
  },
  example: "https://example.com/notify"
}

const extra: FieldDoc = {
  text: {
    zh: "附加数据，不超过 4096 字节。不解析，在应答和回调中逐字节原样返回；不传时为空字符串。",
    en: 'Anything of yours, at most 4,096 bytes. Not interpreted; echoed byte for byte in answers and webhooks, `""` when absent.'
  },
  example: '{"cart":42}'
}

const note = (characters: number): FieldDoc => ({
  text: {
    zh: `付款人看到的备注，不超过 ${characters} 个字符。`,
    en: `What the payer reads, at most ${characters} characters.`
  },
  example: "一杯拿铁",
  default: DEFAULT_NOTE
})

export const QRCODE_PAY: Docs<ReturnType<typeof qrcodePayFields>["Type"]> = {
  merchant_order_no,
  amount,
  notify_url,
  body: {
    text: {
      zh: "商品描述，可为您自定义的 JSON 文本（作为字符串传递，不是嵌套对象），不超过 4096 字节。",
      en: "Product description; may be JSON text of your own (as a string, not nested), at most 4,096 bytes."
    },
    example: '{"sku":"latte","quantity":1}'
  },
  extra,
  channel_code: {
    text: {
      zh: "渠道编码，见 `GET /api/cashier/channels`。不传时使用商户第一个可用的扫码渠道（测试模式为 `YINSHENG_QRCODE`）。",
      en: "A code of `GET /api/cashier/channels`. Default: the merchant's first usable QR channel (`YINSHENG_QRCODE` in test mode)."
    },
    example: "YINSHENG_QRCODE"
  },
  note: note(250)
}

export const WECHAT_JS_PAY: Docs<(typeof wechatJsPayFields)["Type"]> = {
  merchant_order_no,
  amount,
  extra,
  subOpenId: {
    text: {
      zh: "付款人的 openid。传入时应答直接带有 `jsapi_pay_info`；不传时，付款人打开 `pay_url` 后由网关通过微信授权取得。",
      en: "The payer's openid. With it the answer has `jsapi_pay_info` at once; without it the gateway gets it by WeChat OAuth when `pay_url` is opened."
    },
    example: "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"
  },
  appId: {
    text: {
      zh: "公众号或小程序的 AppID，默认使用渠道自己的。",
      en: "AppID of the official account or mini-program. Default: the channel's own."
    },
    example: "wx8888888888888888"
  },
  notify_url,
  isMiniPg: {
    text: { zh: "`1` 小程序，`2` 公众号。", en: "`1` mini-program, `2` official account." },
    example: "2",
    default: "2"
  },
  timeOutExpress: {
    text: { zh: "订单有效期，单位为分钟，1 到 1440。", en: "How long the order can be paid, in minutes, 1 to 1440." },
    example: "30",
    default: "30"
  },
  note: note(125)
}

export const ORDER_QUERY: Docs<(typeof orderQueryFields)["Type"]> = {
  order_no: {
    text: {
      zh: "平台订单号。与 merchant_order_no 同时传时，以它为准。",
      en: "The gateway's order number. Given together with merchant_order_no, it counts."
    },
    example: "QR20260315120000A1B2C3D4"
  },
  merchant_order_no: {
    text: {
      zh: "商户订单号。两个单号至少传一个。",
      en: "Your own order number. At least one of the two is needed."
    },
    example: EXAMPLE_ORDER_NO
  }
}

export const JSAPI_PAY_INFO: Docs<(typeof jsapiPayInfoFields)["Type"]> = {
  pay_token: {
    text: {
      zh: "wechat-js-pay 返回的 pay_token，生成后 10 分钟内可用于支付。",
      en: "The pay_token of wechat-js-pay, good for paying for ten minutes."
    },
    example: "pt_3q2-7wAAq83vASNFZ4mrze8BI0VniavN"
  },
  openid: {
    text: {
      zh: "付款人的 openid。openid 与 code 必须且只能传一个。",
      en: "The payer's openid. Exactly one of openid and code."
    },
    example: "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"
  },
  code: {
    text: {
      zh: "微信网页授权或小程序登录得到的 code，由网关换取 openid。",
      en: "The code of WeChat's OAuth or of a mini-program login; the gateway gets the openid for it."
    },
    example: "061QL6ll2Sk9pa4xTvol2BLYVM3QL6lC"
  }
}

/** The parameters that every signed call carries (contract section 2). */
export const COMMON = {
  app_id: {
    text: {
      zh: "商户应用编号，`pk_live_…` 或 `pk_test_…`。",
      en: "The merchant's application id, `pk_live_…` or `pk_test_…`."
    },
    example: "pk_test_51H8xK2eZvKYlo2C9xK2eZvKYlo2C"
  },
  timestamp: {
    text: {
      zh: "当前 Unix 时间，单位为**秒**，与服务器相差不超过 300 秒。",
      en: "The current Unix time in **seconds**, within 300 s of the server's."
    },
    example: 1773561600
  },
  nonce: {
    text: {
      zh: "随机字符串，1 到 32 个字符。每次请求都不同，10 分钟内不得重复。",
      en: "Random text, 1 to 32 characters, different in every call and never reused within ten minutes."
    },
    example: "a1b2c3d4"
  },
  sign: {
    text: {
      zh: "签名，64 位小写十六进制，算法见上方的签名一节。",
      en: "The signature, 64 lowercase hex digits, made as the section on signing says."
    },
    example: "4c9f9a10f9ab6c0a7b3e12e811cf3ac456cc3be7344e442d4e591d4d70c74dc9"
  }
} as const satisfies Record<string, FieldDoc>

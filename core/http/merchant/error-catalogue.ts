import {
  AmountNotPositive,
  AppIdMissing,
  type CashierError,
  ChannelUnavailable,
  ChargeUncertain,
  DuplicateOrder,
  FieldsInvalid,
  IpForbidden,
  MalformedRequest,
  MerchantDisabled,
  MerchantUnknown,
  NonceUsed,
  OrderNotFound,
  OrderNumberMissing,
  OtherPayer,
  Overloaded,
  PayLinkExpired,
  SignatureInvalid,
  StoreUnavailable,
  ThrottleExceeded,
  TimestampExpired
} from "../../domain/errors.ts"
import type { Bilingual, Language } from "../web/language.ts"
import { type Advice, FRAMEWORK_ADVICE, type FrameworkName, RULE_ADVICE } from "./error-advice.ts"
import { answerTo, type ErrorAnswer, FIELD_TEXTS, FRAMEWORK } from "./messages.ts"

/*
 * Every error that a merchant can be told, with its cause and what to do about it. Codes and messages are
 * core/http/merchant/messages.ts's own: each case is answered as the gateway would answer it.
 */

/** One way in which an error shows itself. */
interface ErrorCase<E> extends Advice {
  readonly error: E
}

/** An error as the documentation shows it, in one language. */
export interface CatalogueEntry {
  /** `DuplicateOrder`, `notFound`, `amount.missing`: what the gateway's own code calls it. */
  readonly name: string
  readonly code: number
  readonly message: string
  readonly data: ErrorAnswer["data"]
  readonly headers: Readonly<Record<string, string>>
  readonly cause: string
  readonly remedy: string
}

const ORDER_NO = "QR20260315120000A1B2C3D4"

const RESEND: Bilingual = {
  zh: "稍等片刻后用新的 nonce 和 timestamp 重新签名并重试,间隔逐次加倍。",
  en: "Wait a little, then sign again with a new nonce and timestamp and retry, doubling the pause each time."
}

/** One entry for every tag, at least one case each: a new error without its advice does not compile. */
const CASES: {
  readonly [Tag in CashierError["_tag"]]: readonly [
    ErrorCase<Extract<CashierError, { _tag: Tag }>>,
    ...ReadonlyArray<ErrorCase<Extract<CashierError, { _tag: Tag }>>>
  ]
} = {
  MalformedRequest: [
    {
      error: new MalformedRequest(),
      cause: {
        zh: "请求体不是一个扁平的 JSON 对象:语法错误、含嵌套值、重复的键、非法 UTF-8、U+0000,或超过 2^53-1 的整数。",
        en: "The body is not one flat JSON object: broken syntax, nested values, duplicate keys, invalid UTF-8, U+0000, or an integer beyond 2^53-1."
      },
      remedy: {
        zh: "用 JSON 库序列化一个扁平对象;需要携带结构化内容时,先转成字符串放进 body 或 extra。",
        en: "Serialise one flat object with a JSON library; put structured content into body or extra as text."
      }
    }
  ],
  AppIdMissing: [
    {
      error: new AppIdMissing(),
      cause: { zh: "请求中没有 app_id,或其值为空。", en: "The request has no app_id, or an empty one." },
      remedy: {
        zh: "把 app_id 放在 JSON 请求体的顶层(不是请求头,也不是查询串)。",
        en: "Put app_id at the top level of the JSON body, not into a header or the query."
      }
    }
  ],
  MerchantUnknown: [
    {
      error: new MerchantUnknown(),
      cause: { zh: "app_id 不属于任何商户。", en: "The app_id belongs to no merchant." },
      remedy: {
        zh: "核对 app_id 是否完整,以及是否连到了正确的网关(测试与生产)。",
        en: "Check that the app_id is complete and that you call the right gateway (test or production)."
      }
    }
  ],
  SignatureInvalid: [
    {
      error: new SignatureInvalid({}),
      cause: {
        zh: "用 app_secret 对收到的参数计算出的签名与 sign 不一致。",
        en: "The signature over the parameters that arrived, made with your app_secret, is not the sign you sent."
      },
      remedy: {
        zh: "测试商户请用 /tools/sign 找出第一个不同的字节。常见原因:做了 URL 编码、排序不是字节序、保留了空值、用了 MD5、密钥错误。",
        en: "Test merchants find the first byte that differs at /tools/sign. Usual reasons: URL-encoding, an order that is not byte order, empty values kept, MD5, the wrong secret."
      }
    }
  ],
  MerchantDisabled: [
    {
      error: new MerchantDisabled(),
      cause: { zh: "商户已被运营方停用。", en: "The operator has disabled the merchant." },
      remedy: { zh: "联系网关运营方。", en: "Ask the gateway's operator." }
    }
  ],
  TimestampExpired: [
    {
      error: new TimestampExpired(),
      cause: {
        zh: "timestamp 与服务器时间相差超过 300 秒,或不是整数秒(例如传了毫秒)。",
        en: "timestamp is more than 300 s from the server's clock, or not whole seconds (milliseconds, for example)."
      },
      remedy: {
        zh: "用 NTP 校准时钟;每次请求都取当前的 Unix 秒。",
        en: "Keep the clock in step with NTP; take the current Unix second for every request."
      }
    }
  ],
  IpForbidden: [
    {
      error: new IpForbidden(),
      cause: {
        zh: "请求的来源地址不在商户的 IP 白名单中。",
        en: "The caller's address is not in the merchant's allow-list."
      },
      remedy: {
        zh: "把服务器的出口 IP 告诉运营方,加入白名单;若经过代理,出口可能是代理的地址。",
        en: "Have the operator add your server's outgoing address; behind a proxy that is the proxy's."
      }
    }
  ],
  NonceUsed: [
    {
      error: new NonceUsed(),
      cause: {
        zh: "同一个 nonce 在 10 分钟的时间窗内已经用过,通常是原样重发了旧请求。",
        en: "The nonce was used before within its window of ten minutes, usually because an old request was sent again as it was."
      },
      remedy: {
        zh: "每次请求生成新的随机 nonce 并重新签名,重试也一样。重试下单前,先查询订单是否已存在。",
        en: "Make a new random nonce and sign again for every call, retries too. Before you retry an order, query whether it exists."
      }
    }
  ],
  FieldsInvalid: [
    {
      error: new FieldsInvalid({
        errors: [
          { field: "merchant_order_no", messages: ["merchant_order_no.missing"] },
          { field: "amount", messages: ["amount.integer"] }
        ]
      }),
      cause: {
        zh: "一个或多个字段不符合规则;message 是第一个出错字段的说明,data.errors 列出全部。",
        en: "One or more fields break their rule; message is the first one's, data.errors has them all."
      },
      remedy: {
        zh: "按 data.errors 逐个修正;每条规则见下方的字段错误。",
        en: "Correct each of data.errors; every rule is among the field errors below."
      }
    }
  ],
  AmountNotPositive: [
    {
      error: new AmountNotPositive(),
      cause: { zh: "amount 为 0 或负数。", en: "amount is 0 or negative." },
      remedy: { zh: "金额以分为单位,至少为 1。", en: "Amounts are fen, at least 1." }
    }
  ],
  OrderNumberMissing: [
    {
      error: new OrderNumberMissing(),
      cause: { zh: "查询时两个单号都没有传。", en: "A query with neither number." },
      remedy: { zh: "传 order_no 或 merchant_order_no 之一。", en: "Send order_no or merchant_order_no." }
    }
  ],
  DuplicateOrder: [
    {
      error: new DuplicateOrder(),
      cause: {
        zh: "这个 merchant_order_no 已经下过单。每个商户的订单号永久唯一。",
        en: "An order with this merchant_order_no exists. A number is unique per merchant for ever."
      },
      remedy: {
        zh: "先用 order-query 查询原订单;确实需要新订单时换一个订单号。",
        en: "Query the existing order with order-query; use a new number only if you do want another order."
      }
    }
  ],
  OrderNotFound: [
    {
      error: new OrderNotFound(),
      cause: {
        zh: "没有这个订单,或它不属于当前 app_id。",
        en: "There is no such order, or it is not this app_id's."
      },
      remedy: { zh: "核对单号与 app_id。", en: "Check the number and the app_id." }
    }
  ],
  ThrottleExceeded: [
    {
      error: new ThrottleExceeded({ retryAfterMs: 3_000, windowMs: 3_000 }),
      cause: {
        zh: "同一 app_id + IP 在时间窗内的调用次数超过限制。默认每 3 秒一次,下单与查询分开计算;运营方可以调整,message 中的秒数随之变化。",
        en: "Too many calls of one app_id and address within the window. The default is one in 3 s, orders and queries apart; the operator can change it, and the seconds in the message follow."
      },
      remedy: {
        zh: "等待 Retry-After 响应头给出的秒数后重试。",
        en: "Retry after the seconds in the Retry-After header."
      }
    }
  ],
  ChannelUnavailable: [
    {
      error: new ChannelUnavailable({ orderNo: null }),
      cause: {
        zh: "没有可用渠道接受这笔订单(data 为 null)。订单未创建,订单号仍可使用。",
        en: "No channel could take the order (data is null). Nothing was created and the number is still free."
      },
      remedy: {
        zh: "查看 GET /api/cashier/channels 中哪些渠道可用、金额限制是多少;稍后可用同一订单号重试。",
        en: "See in GET /api/cashier/channels which channels serve and their limits; the same number may be tried later."
      }
    },
    {
      error: new ChannelUnavailable({ orderNo: ORDER_NO }),
      cause: {
        zh: "渠道明确拒绝了这笔订单(data.order_no 有值)。订单状态为 FAILED,订单号已被使用。",
        en: "A channel definitely refused the order (data.order_no is set). It is FAILED and its number is used."
      },
      remedy: { zh: "换一个 merchant_order_no 重新下单。", en: "Order again with another merchant_order_no." }
    }
  ],
  ChargeUncertain: [
    {
      error: new ChargeUncertain({ orderNo: ORDER_NO }),
      cause: {
        zh: "渠道超时或应答不明:还不知道付款是否已受理。订单为待支付,网关会继续向渠道查询。",
        en: "The channel timed out or answered unclearly: nobody knows yet. The order is PENDING and the gateway keeps asking the channel."
      },
      remedy: {
        zh: "用 merchant_order_no 查询结果,在得到结果之前不要换新单号下单。",
        en: "Query by merchant_order_no; do not order under a new number before you know."
      }
    }
  ],
  PayLinkExpired: [
    {
      error: new PayLinkExpired(),
      cause: {
        zh: "pay_token 未知、超过 10 分钟,或订单已不可支付。",
        en: "The pay_token is unknown or older than ten minutes, or the order can no longer be paid."
      },
      remedy: { zh: "重新调用 wechat-js-pay 生成新的支付链接。", en: "Make a new link with wechat-js-pay." }
    }
  ],
  OtherPayer: [
    {
      error: new OtherPayer(),
      cause: {
        zh: "另一个 openid 已经对这笔订单发起支付。",
        en: "Another openid has already begun to pay this order."
      },
      remedy: { zh: "由原付款人完成支付,或为新付款人另下一单。", en: "Let that payer finish, or place another order." }
    }
  ],
  StoreUnavailable: [
    {
      error: new StoreUnavailable({ store: "" }),
      cause: {
        zh: "网关所依赖的存储暂时没有应答,本次请求没有生效。",
        en: "A store behind the gateway did not answer; nothing was decided."
      },
      remedy: RESEND
    }
  ],
  Overloaded: [
    {
      error: new Overloaded(),
      cause: {
        zh: "网关同时处理的请求已达上限,或正在停机。",
        en: "The gateway is at its limit of calls at once, or is stopping."
      },
      remedy: RESEND
    }
  ]
}

/** The rule of a FIELD_TEXTS key: `note.length250` and `notify_url.too-long` are lengths. */
const ruleOf = (key: string): string => {
  const rule = key.slice(key.indexOf(".") + 1)
  return rule === "too-long" || rule.startsWith("length") ? "length" : rule
}

/** The cases of one error. */
export const errorEntries = (tag: CashierError["_tag"], language: Language): ReadonlyArray<CatalogueEntry> =>
  CASES[tag].map(({ error, cause, remedy }) => {
    const { code, message, data, headers } = answerTo(error, language)
    const shown = code === 500 ? { ...data, request_id: "req_0123456789abcdef01234567" } : (data ?? null)
    return {
      name: tag,
      code,
      message,
      data: shown,
      headers: headers ?? {},
      cause: cause[language],
      remedy: remedy[language]
    }
  })

export const frameworkEntry = (name: FrameworkName, language: Language): CatalogueEntry => {
  const { code, [language]: message } = FRAMEWORK[name]
  const { cause, remedy } = FRAMEWORK_ADVICE[name]
  const data = name === "internal" ? { request_id: "req_0123456789abcdef01234567" } : null
  return { name, code, message, data, headers: {}, cause: cause[language], remedy: remedy[language] }
}

/** What can be wrong with fields: every 422 message. */
export const fieldEntries = (language: Language): ReadonlyArray<CatalogueEntry> =>
  Object.entries(FIELD_TEXTS).map(([key, message]) => {
    const advice = RULE_ADVICE[ruleOf(key)]
    if (advice === undefined) throw new Error(`no advice for the field error ${key}`)
    const field = key.startsWith("payer.") ? "openid" : key.slice(0, key.indexOf("."))
    return {
      name: key,
      code: 422,
      message: message[language],
      data: { errors: { [field]: [message[language]] } },
      headers: {},
      cause: advice.cause[language],
      remedy: advice.remedy[language]
    }
  })

/** Every error but the single fields', by code and then in the order in which they are checked. */
export const errorCatalogue = (language: Language): ReadonlyArray<CatalogueEntry> => {
  const tags = Object.keys(CASES) as ReadonlyArray<CashierError["_tag"]>
  const names = Object.keys(FRAMEWORK) as ReadonlyArray<FrameworkName>
  return [
    ...tags.flatMap((tag) => errorEntries(tag, language)),
    ...names.map((name) => frameworkEntry(name, language))
  ].sort((a, b) => a.code - b.code)
}

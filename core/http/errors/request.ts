import {
  AmountNotPositive,
  AppIdMissing,
  FieldsInvalid,
  IpForbidden,
  MalformedRequest,
  MerchantDisabled,
  MerchantUnknown,
  NonceUsed,
  SignatureInvalid,
  ThrottleExceeded,
  TimestampExpired
} from "../../domain/errors.ts"
import { fieldMessage } from "../merchant/field-messages.ts"
import { SIGN_TOOL_PATH } from "../tools/sign-tool-path.ts"
import type { Rows } from "./row.ts"

/** Errors about the caller, the signature and the fields of a call. */
export const REQUEST_ROWS = {
  MalformedRequest: {
    code: 400,
    message: { zh: "请求格式错误", en: "Malformed request" },
    error: new MalformedRequest(),
    cause: {
      zh: "请求体不是一个扁平的 JSON 对象：语法错误、含嵌套值、重复的键、非法 UTF-8、U+0000，或超过 2^53-1 的整数。",
      en: "The body is not one flat JSON object: broken syntax, nested values, duplicate keys, invalid UTF-8, U+0000, or an integer beyond 2^53-1."
    },
    remedy: {
      zh: "用 JSON 库序列化一个扁平对象；需要携带结构化内容时，先转成字符串放进 body 或 extra。",
      en: "Serialise one flat object with a JSON library; put structured content into body or extra as text."
    }
  },
  AppIdMissing: {
    code: 401,
    message: { zh: "缺少 app_id 参数", en: "app_id is missing" },
    error: new AppIdMissing(),
    cause: { zh: "请求中没有 app_id，或其值为空。", en: "The request has no app_id, or an empty one." },
    remedy: {
      zh: "把 app_id 放在 JSON 请求体的顶层（不是请求头，也不是查询串）。",
      en: "Put app_id at the top level of the JSON body, not into a header or the query string."
    }
  },
  MerchantUnknown: {
    code: 401,
    message: { zh: "商户不存在", en: "No such merchant" },
    error: new MerchantUnknown(),
    cause: { zh: "app_id 不属于任何商户。", en: "The app_id belongs to no merchant." },
    remedy: {
      zh: "核对 app_id 是否完整，以及是否连到了正确的网关（测试与生产）。",
      en: "Check that the app_id is complete and that you call the right gateway (test or production)."
    }
  },
  SignatureInvalid: {
    answer: ({ testMode }) => ({
      code: 401,
      message: { zh: "签名验证失败", en: "Signature verification failed" },
      ...(testMode === true ? { headers: { link: `<${SIGN_TOOL_PATH}>; rel="help"` } } : {})
    }),
    cases: [
      {
        error: new SignatureInvalid({}),
        cause: {
          zh: "用 app_secret 对收到的参数计算出的签名与 sign 不一致。",
          en: "The signature over the received parameters, made with your app_secret, differs from the sign that you sent."
        },
        remedy: {
          zh: "测试商户请用 /tools/sign 找出第一个不同的字节。常见原因：做了 URL 编码、排序不是字节序、保留了空值、用了 MD5、密钥错误。",
          en: "Test merchants can find the first differing byte at /tools/sign. Usual reasons: URL-encoding, sorting in other than byte order, keeping empty values, MD5, the wrong secret."
        }
      }
    ]
  },
  MerchantDisabled: {
    code: 401,
    message: { zh: "商户已停用", en: "Merchant is disabled" },
    error: new MerchantDisabled(),
    cause: { zh: "商户已被运营方停用。", en: "The operator has disabled the merchant." },
    remedy: { zh: "联系网关运营方。", en: "Ask the gateway's operator." }
  },
  TimestampExpired: {
    code: 401,
    message: { zh: "请求已过期,请检查 timestamp", en: "Request expired, check timestamp" },
    error: new TimestampExpired(),
    cause: {
      zh: "timestamp 与服务器时间相差超过 300 秒，或不是整数秒（例如传了毫秒）。",
      en: "timestamp is more than 300 s from the server's clock, or not whole seconds (milliseconds, for example)."
    },
    remedy: {
      zh: "用 NTP 校准时钟；每次请求都取当前的 Unix 秒。",
      en: "Synchronise the clock with NTP; use the current Unix second for every request."
    }
  },
  IpForbidden: {
    code: 401,
    message: { zh: "IP 未授权", en: "IP address is not allowed" },
    error: new IpForbidden(),
    cause: {
      zh: "请求的来源地址不在商户的 IP 白名单中。",
      en: "The caller's address is not in the merchant's allow-list."
    },
    remedy: {
      zh: "把服务器的出口 IP 告诉运营方，加入白名单；若经过代理，出口可能是代理的地址。",
      en: "Ask the operator to add your server's outgoing address; behind a proxy, that is the proxy's."
    }
  },
  NonceUsed: {
    code: 401,
    message: { zh: "请求重复,nonce 已使用", en: "Repeated request, nonce was used" },
    error: new NonceUsed(),
    cause: {
      zh: "同一个 nonce 在 10 分钟的时间窗内已经用过，通常是原样重发了旧请求。",
      en: "The nonce was used before within its ten-minute window, usually because an old request was sent again unchanged."
    },
    remedy: {
      zh: "每次请求生成新的随机 nonce 并重新签名，重试也一样。重试下单前，先查询订单是否已存在。",
      en: "Make a new random nonce and sign again for every call, including retries. Before you retry an order, query whether it exists."
    }
  },
  FieldsInvalid: {
    answer: ({ errors }, language) => {
      const first = errors[0]?.messages[0] ?? ""
      const texts = errors.map(
        ({ field, messages }) => [field, messages.map((key) => fieldMessage(key)[language])] as const
      )
      return { code: 422, message: fieldMessage(first), data: { errors: Object.fromEntries(texts) } }
    },
    cases: [
      {
        error: new FieldsInvalid({
          errors: [
            { field: "merchant_order_no", messages: ["merchant_order_no.missing"] },
            { field: "amount", messages: ["amount.integer"] }
          ]
        }),
        cause: {
          zh: "一个或多个字段不符合规则；message 是第一个出错字段的说明，data.errors 列出全部。",
          en: "One or more fields break their rules; message describes the first one, data.errors lists all."
        },
        remedy: {
          zh: "按 data.errors 逐个修正；每条规则见下方的字段错误。",
          en: "Correct each field in data.errors; every rule is among the field errors below."
        }
      }
    ]
  },
  AmountNotPositive: {
    code: 400,
    message: { zh: "金额必须大于 0", en: "amount must be greater than 0" },
    error: new AmountNotPositive(),
    cause: { zh: "amount 为 0 或负数。", en: "amount is 0 or negative." },
    remedy: { zh: "金额以分为单位，至少为 1。", en: "Amounts are fen, at least 1." }
  },
  ThrottleExceeded: {
    answer: ({ retryAfterMs, windowMs }) => {
      const seconds = wholeSeconds(windowMs)
      return {
        code: 429,
        message: {
          zh: `请求过于频繁,请${seconds}秒后重试`,
          en: `Too many requests, try again in ${seconds} ${seconds === 1 ? "second" : "seconds"}`
        },
        headers: { "retry-after": String(wholeSeconds(retryAfterMs)) }
      }
    },
    cases: [
      {
        error: new ThrottleExceeded({ retryAfterMs: 3_000, windowMs: 3_000 }),
        cause: {
          zh: "同一 app_id + IP 在时间窗内的调用次数超过限制。默认每 3 秒一次，下单与查询分开计算；运营方可以调整，message 中的秒数随之变化。nonce 的数量超出商户的份额时，或同一 IP 的未知 app_id、错误签名过多时也返回此错误。",
          en: "Too many calls with one app_id from one address within the window. The default is one per 3 s, with orders and queries counted separately; the operator can change it, and the seconds in the message change with it. The same answer goes to a merchant with more nonces than its share, and to an address with too many unknown app_ids or wrong signatures."
        },
        remedy: {
          zh: "等待 Retry-After 响应头给出的秒数后重试。",
          en: "Retry after the seconds in the Retry-After header."
        }
      }
    ]
  }
} as const satisfies Partial<Rows>

/** Rounded up, at least 1: a caller that waits this long is not refused again. */
const wholeSeconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1000))

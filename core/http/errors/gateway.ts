import { Overloaded, StoreUnavailable } from "../../domain/errors.ts"
import type { FrameworkRow, Rows } from "./row.ts"

/** Errors of the HTTP layer, answered before an endpoint runs or after an internal failure. */
export const FRAMEWORK = {
  notFound: {
    code: 404,
    message: { zh: "接口不存在", en: "No such endpoint" },
    cause: { zh: "路径不存在。", en: "Nothing is served at this path." },
    remedy: { zh: "核对路径与主机名。", en: "Check the path and the host." }
  },
  methodNotAllowed: {
    code: 405,
    message: { zh: "请求方法不支持", en: "Method not allowed" },
    cause: { zh: "路径存在，但不接受这个 HTTP 方法。", en: "The path exists but does not accept this HTTP method." },
    remedy: { zh: "使用 Allow 响应头列出的方法。", en: "Use a method from the Allow header." }
  },
  bodyTooLarge: {
    code: 413,
    message: { zh: "请求体过大", en: "Request body too large" },
    cause: { zh: "请求体超过 64 KiB。", en: "The body is over 64 KiB." },
    remedy: { zh: "缩短 body 与 extra。", en: "Shorten body and extra." }
  },
  unsupportedMediaType: {
    code: 415,
    message: { zh: "Content-Type 必须为 application/json", en: "Content-Type must be application/json" },
    cause: {
      zh: "Content-Type 不是 application/json，字符集不是 UTF-8，或带有 Content-Encoding。",
      en: "Content-Type is not application/json, the charset is not UTF-8, or there is a Content-Encoding."
    },
    remedy: {
      zh: "发送 Content-Type: application/json，不压缩。",
      en: "Send Content-Type: application/json, uncompressed."
    }
  },
  internal: {
    code: 500,
    message: { zh: "服务异常", en: "Internal error" },
    cause: {
      zh: "网关内部错误。下单时，订单可能已经创建。",
      en: "The gateway failed internally. An order may have been created."
    },
    remedy: {
      zh: "下单时先用 merchant_order_no 查询；联系运营方时提供 data.request_id（也在 X-Request-Id 响应头中）。",
      en: "After placing an order, query by merchant_order_no first; quote data.request_id (also in X-Request-Id) to the operator."
    }
  }
} as const satisfies Readonly<Record<string, FrameworkRow>>

export type FrameworkName = keyof typeof FRAMEWORK

/** The answer whenever a later attempt may succeed. */
const BUSY = {
  code: 503,
  message: { zh: "服务繁忙,请稍后重试", en: "Service is busy, try again later" },
  headers: { "retry-after": "1" },
  remedy: {
    zh: "稍等片刻后用新的 nonce 和 timestamp 重新签名并重试，间隔逐次加倍。",
    en: "Wait a little, then sign again with a new nonce and timestamp and retry, doubling the pause each time."
  }
} as const

/** Errors of a gateway that cannot serve the call now. */
export const GATEWAY_ROWS = {
  StoreUnavailable: {
    ...BUSY,
    error: new StoreUnavailable({ store: "" }),
    cause: {
      zh: "网关所依赖的存储暂时没有应答，本次请求没有生效。",
      en: "A store behind the gateway did not answer; the call had no effect."
    }
  },
  Overloaded: {
    ...BUSY,
    error: new Overloaded(),
    cause: {
      zh: "网关同时处理的请求已达上限，或该商户、该渠道等待应答的订单已达上限，或网关正在停机。本次请求没有生效。",
      en: "The gateway is at its limit of concurrent calls, too many orders of this merchant or at this channel wait for an answer, or the gateway is stopping. The call had no effect."
    }
  }
} as const satisfies Partial<Rows>

import type { Bilingual } from "../web/language.ts"
import type { FRAMEWORK } from "./messages.ts"

/** Why an error happens and what to do about it. */
export interface Advice {
  readonly cause: Bilingual
  readonly remedy: Bilingual
}

export type FrameworkName = keyof typeof FRAMEWORK

/** Errors before any endpoint. */
export const FRAMEWORK_ADVICE: { readonly [Name in FrameworkName]: Advice } = {
  notFound: {
    cause: { zh: "路径不存在。", en: "There is nothing at this path." },
    remedy: { zh: "核对路径与主机名。", en: "Check the path and the host." }
  },
  methodNotAllowed: {
    cause: { zh: "路径存在,但不接受这个 HTTP 方法。", en: "The path exists but does not take this HTTP method." },
    remedy: { zh: "使用 Allow 响应头列出的方法。", en: "Use a method of the Allow header." }
  },
  bodyTooLarge: {
    cause: { zh: "请求体超过 64 KiB。", en: "The body is over 64 KiB." },
    remedy: { zh: "缩短 body 与 extra。", en: "Shorten body and extra." }
  },
  unsupportedMediaType: {
    cause: {
      zh: "Content-Type 不是 application/json,字符集不是 UTF-8,或带有 Content-Encoding。",
      en: "Content-Type is not application/json, the charset is not UTF-8, or there is a Content-Encoding."
    },
    remedy: {
      zh: "发送 Content-Type: application/json,不压缩。",
      en: "Send Content-Type: application/json, uncompressed."
    }
  },
  internal: {
    cause: {
      zh: "网关内部错误。下单时,订单可能已经创建。",
      en: "The gateway failed inside. An order may have been created."
    },
    remedy: {
      zh: "下单时先用 merchant_order_no 查询;联系运营方时提供 data.request_id(也在 X-Request-Id 响应头中)。",
      en: "After placing an order, query by merchant_order_no first; quote data.request_id (also in X-Request-Id) to the operator."
    }
  }
}

/** Why a field was refused, by its rule: what follows the point in a key of FIELD_TEXTS. */
export const RULE_ADVICE: Readonly<Record<string, Advice>> = {
  missing: {
    cause: { zh: "没有传,或值为空字符串或 null。", en: "It is absent, empty or null." },
    remedy: { zh: "补上这个参数。", en: "Send it." }
  },
  type: {
    cause: { zh: "值是布尔或小数等其他类型。", en: "The value is a boolean, a fraction or the like." },
    remedy: { zh: "传字符串(整数会按其十进制文本处理)。", en: "Send a string (an integer counts as its decimal text)." }
  },
  length: {
    cause: { zh: "超过长度上限。", en: "It is too long." },
    remedy: {
      zh: "缩短内容。字符按 Unicode 码点计,字节按 UTF-8 计。",
      en: "Shorten it. Characters are Unicode code points, bytes are UTF-8."
    }
  },
  integer: {
    cause: {
      zh: '不是纯十进制整数:1000.0、1e3、"+1"、"01000" 都不接受。',
      en: 'It is no plain decimal integer: 1000.0, 1e3, "+1" and "01000" are not taken.'
    },
    remedy: { zh: '传 1000 或 "1000"。', en: 'Send 1000 or "1000".' }
  },
  max: {
    cause: { zh: "超过单笔上限。", en: "It is over the limit of one order." },
    remedy: { zh: "核对单位:amount 以分为单位。", en: "Check the unit: amount is fen." }
  },
  range: {
    cause: { zh: "不在允许的范围内。", en: "It is outside its range." },
    remedy: { zh: "传范围内的整数。", en: "Send an integer of the range." }
  },
  value: {
    cause: { zh: "不是允许的取值。", en: "It is none of the values allowed." },
    remedy: { zh: "使用文档列出的取值。", en: "Use a documented value." }
  },
  unknown: {
    cause: { zh: "没有加载这个渠道编码。", en: "No loaded channel has this code." },
    remedy: { zh: "从 GET /api/cashier/channels 中选择。", en: "Choose from GET /api/cashier/channels." }
  },
  malformed: {
    cause: {
      zh: "不是绝对的 http(s) 地址,或带有用户名密码、空白字符。",
      en: "It is no absolute http(s) URL, or it carries credentials or white space."
    },
    remedy: {
      zh: "传完整地址,如 https://shop.example.com/notify。",
      en: "Send a whole URL, as https://shop.example.com/notify."
    }
  },
  private: {
    cause: {
      zh: "地址是内网、环回或元数据地址,网关不会向它推送。",
      en: "The address is private, loopback or a metadata service; the gateway does not push there."
    },
    remedy: {
      zh: "使用公网可达的地址;本地联调请运营方设置 PAYHUB_WEBHOOK_ALLOW。",
      en: "Use a public address; for local tests the operator can set PAYHUB_WEBHOOK_ALLOW."
    }
  },
  refused: {
    cause: {
      zh: "微信不认这个登录 code:已用过、已过期或属于其他 AppID。",
      en: "WeChat refused the login code: used, expired, or another AppID's."
    },
    remedy: { zh: "重新获取 code。", en: "Get a new code." }
  },
  both: {
    cause: { zh: "两个参数同时传了。", en: "Both were sent." },
    remedy: { zh: "只保留其中一个。", en: "Send only one." }
  }
}

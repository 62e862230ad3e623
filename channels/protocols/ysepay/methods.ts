/** The three hosts of the open platform; each serves some of its methods. */
export type Gateway = "pay" | "openapi" | "search"

/**
 * The gateway and the version of each method. Source: protocols/channels.md A1, A2. A higher version only adds optional
 * fields. Yinsheng decides which version a merchant may use, so an account can override it.
 */
export const METHODS = {
  "ysepay.online.qrcodepay": { gateway: "pay", version: "3.5" },
  "ysepay.online.weixin.pay": { gateway: "pay", version: "3.5" },
  "ysepay.online.trade.order.query": { gateway: "search", version: "3.0" },
  "ysepay.online.trade.query": { gateway: "search", version: "3.0" },
  "ysepay.online.trade.close": { gateway: "openapi", version: "3.0" },
  "ysepay.online.trade.refund": { gateway: "openapi", version: "3.0" },
  "ysepay.online.trade.refund.query": { gateway: "openapi", version: "3.0" },
  "ysepay.online.bill.downloadurl.get": { gateway: "openapi", version: "3.0" }
} as const satisfies Record<string, { readonly gateway: Gateway; readonly version: string }>

export type Method = keyof typeof METHODS

/** The production gateways, each with its path. No joint-test environment is known to work. */
export const PRODUCTION_GATEWAYS: Readonly<Record<Gateway, string>> = {
  pay: "https://qrcode.ysepay.com/gateway.do",
  openapi: "https://openapi.ysepay.com/gateway.do",
  search: "https://search.ysepay.com/gateway.do"
}

/** `bank_type`: the wallet that a code is for (A5). Codes of single banks are none of these. */
export const BANK_TYPES = {
  wechat: "1902000",
  alipay: "1903000",
  qq: "1904000",
  suning: "1905000",
  unionpay: "9001002"
}

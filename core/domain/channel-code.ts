/** How a payer pays: scans a code, pays inside WeChat, is sent to a page, or pays in an app. */
export type Flow = "qrcode" | "jsapi" | "redirect" | "app"

export type ProductType = "aggregate" | "alipay" | "wxpay" | "unionpay"

/** The channel codes of the contract's section 11, in its order. A plugin may serve these or codes of its own. */
export const CHANNEL_CODES = {
  YINSHENG_QRCODE: { name: "银盛聚合扫码", nameEn: "Yinsheng aggregate QR", type: "aggregate", flow: "qrcode" },
  alipay_h5: { name: "支付宝 H5", nameEn: "Alipay H5", type: "alipay", flow: "redirect" },
  alipay_pc: { name: "支付宝 PC", nameEn: "Alipay PC", type: "alipay", flow: "redirect" },
  alipay_app: { name: "支付宝 APP", nameEn: "Alipay App", type: "alipay", flow: "app" },
  wxpay_h5: { name: "微信 H5", nameEn: "WeChat Pay H5", type: "wxpay", flow: "redirect" },
  wxpay_native: { name: "微信 Native", nameEn: "WeChat Pay Native", type: "wxpay", flow: "qrcode" },
  wxpay_js: { name: "微信 JSAPI", nameEn: "WeChat Pay JSAPI", type: "wxpay", flow: "jsapi" },
  wxpay_app: { name: "微信 APP", nameEn: "WeChat Pay App", type: "wxpay", flow: "app" },
  unionpay_h5: { name: "银联 H5", nameEn: "UnionPay H5", type: "unionpay", flow: "redirect" }
} as const satisfies Record<string, { name: string; nameEn: string; type: ProductType; flow: Flow }>

/** The code of every order of `wechat-js-pay` (contract section 7). */
export const JSAPI_CODE = "wxpay_js"

/** The code of a test-mode merchant's order that names no channel (contract section 5). */
export const TEST_DEFAULT_CODE = "YINSHENG_QRCODE"

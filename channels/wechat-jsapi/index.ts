import { CHANNEL_CODES, type ChannelProvider } from "../../core/channel/index.ts"
import { wechatPayEgress } from "../protocols/wechatpay-v3/session.ts"
import { ysepayEgress } from "../protocols/ysepay/session.ts"
import { WechatJsapiAccount } from "./account.ts"
import { loginEgress } from "./payer.ts"
import { openWechatPayJsapi } from "./wechatpay.ts"
import { openYinshengJsapi } from "./yinsheng.ts"

/** 微信 JSAPI: payments inside WeChat, in official accounts and mini-programs. README.md describes the accounts. */
const provider: ChannelProvider<WechatJsapiAccount> = {
  id: "wechat-jsapi",
  products: [{ code: "wxpay_js", ...CHANNEL_CODES.wxpay_js }],
  account: WechatJsapiAccount,
  egress: (account) => [
    ...(account.acquirer === "yinsheng" ? ysepayEgress(account) : wechatPayEgress(account)),
    ...loginEgress(account.hosts)
  ],
  open: (account) => (account.acquirer === "yinsheng" ? openYinshengJsapi(account) : openWechatPayJsapi(account))
}
export default provider

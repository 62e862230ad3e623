import { CHANNEL_CODES, type ChannelProvider } from "../../core/channel/index.ts"
import { WechatJsapiAccount } from "./account.ts"
import { openWechatPay, wechatPayEgress } from "./wechatpay.ts"
import { openYinsheng, yinshengEgress } from "./yinsheng.ts"

/** 微信 JSAPI: paying inside WeChat, in official accounts and mini-programs. See README.md for the accounts. */
const provider: ChannelProvider<WechatJsapiAccount> = {
  id: "wechat-jsapi",
  products: [{ code: "wxpay_js", ...CHANNEL_CODES.wxpay_js }],
  account: WechatJsapiAccount,
  egress: (account) => (account.acquirer === "yinsheng" ? yinshengEgress(account) : wechatPayEgress(account)),
  open: (account) => (account.acquirer === "yinsheng" ? openYinsheng(account) : openWechatPay(account))
}
export default provider

import { Effect } from "effect"
import { CHANNEL_CODES, type Channel, type ChannelProvider, ChannelUncertain } from "../../core/channel/index.ts"
import * as ysepay from "../protocols/ysepay/index.ts"
import { YinshengAccount } from "./account.ts"

/** Yinsheng (银盛): a QR code for each order. Facts and their sources: protocols/channels.md, section A. */
const provider: ChannelProvider<YinshengAccount> = {
  id: "yinsheng-qrcode",
  products: (["YINSHENG_QRCODE", "wxpay_native"] as const).map((code) => ({ code, ...CHANNEL_CODES[code] })),
  account: YinshengAccount,
  egress: ysepay.egressOf,
  open: (account) => Effect.map(ysepay.openSession(account), (session) => openChannel(account, session))
}
export default provider

const openChannel = (account: YinshengAccount, session: ysepay.YsepaySession): Channel => ({
  // Queries, closing, notices, refunds and bills are the same for all of Yinsheng's products.
  ...ysepay.tradeActs(session, account),

  // ysepay.online.qrcodepay
  charge: Effect.fnUntraced(function* (order) {
    const bank_type = order.code === "wxpay_native" ? ysepay.BANK_TYPES.wechat : account.bankType
    const field = yield* ysepay.placeOrder(session, account, order, "ysepay.online.qrcodepay", { bank_type })
    // The wallet's own code; qr_code_url beside it is a picture that Yinsheng hosts.
    const content = field("source_qr_code_url")
    if (content === undefined) {
      return yield* new ChannelUncertain({ why: "unreadable", detail: "no source_qr_code_url" })
    }
    return { kind: "qrcode", content }
  })
})

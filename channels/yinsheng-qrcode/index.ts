import { Effect } from "effect"
import { CHANNEL_CODES, type Channel, type ChannelProvider, ChannelUncertain } from "../../core/channel/index.ts"
import { ysepayActs } from "../protocols/ysepay/acts.ts"
import { BANK_TYPES } from "../protocols/ysepay/methods.ts"
import { placeYsepayOrder } from "../protocols/ysepay/place-order.ts"
import { openYsepaySession, type YsepaySession, ysepayEgress } from "../protocols/ysepay/session.ts"
import { YinshengQrcodeAccount } from "./account.ts"

/** Yinsheng (银盛): a QR code for each order. Facts and their sources: protocols/channels.md, section A. */
const provider: ChannelProvider<YinshengQrcodeAccount> = {
  id: "yinsheng-qrcode",
  products: (["YINSHENG_QRCODE", "wxpay_native"] as const).map((code) => ({ code, ...CHANNEL_CODES[code] })),
  account: YinshengQrcodeAccount,
  egress: ysepayEgress,
  open: (account) => Effect.map(openYsepaySession(account), (session) => openChannel(account, session))
}
export default provider

const openChannel = (account: YinshengQrcodeAccount, session: YsepaySession): Channel => ({
  // Queries, closing, notices, refunds and bills are the same for all of Yinsheng's products.
  ...ysepayActs(session, account),

  // ysepay.online.qrcodepay
  charge: Effect.fnUntraced(function* (order) {
    const bank_type = order.code === "wxpay_native" ? BANK_TYPES.wechat : account.bankType
    const field = yield* placeYsepayOrder(session, account, order, "ysepay.online.qrcodepay", { bank_type })
    // The wallet's own code. qr_code_url is a picture of it that Yinsheng hosts.
    const content = field("source_qr_code_url")
    if (content === undefined) {
      return yield* new ChannelUncertain({ why: "unreadable", detail: "no source_qr_code_url" })
    }
    return { kind: "qrcode", content }
  })
})

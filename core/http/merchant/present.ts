import { Effect } from "effect"
import type { PlacedOrder } from "../../cashier/place.ts"
import type { Presentation } from "../../channel/provider.ts"
import { OwnUrl } from "../../config/own-url.ts"
import { LinkKey } from "../../secrets/link-key.ts"
import { formLink } from "../payer/form-page.ts"
import { qrLink } from "../web/qr-code.ts"

/*
 * Turns what a channel presents into a merchant's answer, one case for each kind. A new kind does not compile without a
 * case here.
 */

/** `qrCodeUrl` and `sourceQrCodeUrl` of qrcode-pay (contract section 5). */
export const presentCode = Effect.fnUntraced(function* ({ order, payToken, presentation }: PlacedOrder) {
  const ownUrl = yield* OwnUrl
  const linkKey = yield* LinkKey
  const { publicUrl } = ownUrl.urls()
  const code = (content: string, imageUrl?: string) => ({
    qrCodeUrl: imageUrl ?? qrLink(publicUrl, linkKey, content),
    sourceQrCodeUrl: content
  })
  // A JSAPI product has no code of its own: the code leads to its pay page, which charges whoever scans it in WeChat.
  if (presentation === null) return code(ownUrl.wechatPay(payToken ?? ""))
  switch (presentation.kind) {
    case "qrcode":
      return code(presentation.content, presentation.imageUrl)
    case "redirect":
      return code(presentation.url)
    case "form":
      // A provider that expects a POST answers a link with 405, so a page of ours posts the form.
      return code(formLink(publicUrl, linkKey, order.orderNo))
    case "app":
      return code(presentation.order)
    case "jsapi":
      return code(presentation.params.package)
  }
})

/** `pay_url`, `pay_token` and, once the payer is charged, `jsapi_pay_info` of wechat-js-pay (contract section 6). */
export const presentPayPage = Effect.fnUntraced(function* ({ payToken, presentation }: PlacedOrder) {
  const ownUrl = yield* OwnUrl
  const token = payToken ?? ""
  return { pay_url: ownUrl.wechatPay(token), pay_token: token, ...bridgeInfo(presentation) }
})

const bridgeInfo = (presentation: Presentation | null) => {
  switch (presentation?.kind) {
    case "jsapi":
      return { jsapi_pay_info: presentation.params }
    // Nobody is charged yet, or the channel returned nothing for the bridge: the pay page continues from there.
    case undefined:
    case "qrcode":
    case "redirect":
    case "form":
    case "app":
      return {}
  }
}

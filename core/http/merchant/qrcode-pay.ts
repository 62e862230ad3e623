import { Effect } from "effect"
import { chargeOrder } from "../../cashier/charge.ts"
import { payTokenHash, payTokenOnDemand } from "../../cashier/pay-token.ts"
import { DEFAULT_NOTE, placeOrder } from "../../cashier/place.ts"
import { Settings } from "../../cashier/settings.ts"
import { payPageUrl } from "../../cashier/token-order.ts"
import { uncertainOnceStored } from "../../cashier/uncertain.ts"
import type { Presentation } from "../../channel/provider.ts"
import type { JsapiOrder } from "../../domain/order.ts"
import { qrLink } from "../web/qr-code.ts"
import { admit, notifyUrlFault, type SignedCall } from "./admit.ts"
import { Tables } from "./field-decoders.ts"
import { positiveAmount } from "./fields.ts"

/** Minutes that a QR order can be paid for (contract section 5). */
export const QR_EXPIRE_MINUTES = 30

/** `POST /api/cashier/qrcode-pay` (contract section 5). Answers the `data` of the envelope. */
export const qrcodePay = Effect.fnUntraced(function* (call: SignedCall) {
  const tables = yield* Tables
  const merchant = yield* admit(call)
  const fields = yield* tables.qrcodePay(call.parameters, {
    notify_url: yield* notifyUrlFault(merchant, call.parameters)
  })
  yield* positiveAmount(fields.amount)

  const token = payTokenOnDemand()
  const { order, accounts, product } = yield* placeOrder({
    merchant,
    clientIp: call.clientIp,
    prefix: "QR",
    merchantOrderNo: fields.merchant_order_no,
    amountFen: fields.amount,
    notifyUrl: fields.notify_url ?? merchant.callbackUrl ?? "",
    body: fields.body ?? "",
    extra: fields.extra ?? "",
    note: fields.note ?? DEFAULT_NOTE,
    channelCode: fields.channel_code,
    expireMinutes: QR_EXPIRE_MINUTES,
    jsapi: ({ flow }) => (flow === "jsapi" ? codeForWechat(token()) : null)
  })

  // A JSAPI product has no code of its own: its pay page is the code, and who scans it in WeChat is charged there.
  const shown =
    product.flow === "jsapi"
      ? { content: yield* payPageUrl(token()), imageUrl: undefined }
      : yield* uncertainOnceStored(
          order,
          Effect.map(chargeOrder({ order }, accounts, 1), ({ presentation }) => contentOf(presentation))
        )
  const { urls, linkKey } = yield* Settings
  return {
    order_no: order.orderNo,
    merchant_order_no: order.merchantOrderNo,
    amount: order.amountFen,
    extra: order.extra,
    qrCodeUrl: shown.imageUrl ?? qrLink(urls().publicUrl, linkKey, shown.content),
    sourceQrCodeUrl: shown.content,
    expire_minutes: QR_EXPIRE_MINUTES
  }
})

const codeForWechat = (token: string): JsapiOrder => ({
  appId: null,
  miniProgram: false,
  tokenHash: payTokenHash(token),
  openid: null
})

/** What a scanner reads, or a phone opens: `sourceQrCodeUrl`. */
const contentOf = (presentation: Presentation): { readonly content: string; readonly imageUrl: string | undefined } => {
  switch (presentation.kind) {
    case "qrcode":
      return { content: presentation.content, imageUrl: presentation.imageUrl }
    case "redirect":
      return { content: presentation.url, imageUrl: undefined }
    case "form": {
      // Browser-only forms carry their fields in the link's query; providers that insist on POST are not scannable.
      const url = new URL(presentation.action)
      for (const [name, value] of Object.entries(presentation.fields)) url.searchParams.set(name, value)
      return { content: url.href, imageUrl: undefined }
    }
    case "app":
      return { content: presentation.order, imageUrl: undefined }
    case "jsapi":
      return { content: presentation.params.package, imageUrl: undefined }
  }
}

import { Effect, Option, Schema } from "effect"
import { shanghaiText } from "../../../core/channel/index.ts"
import { plainText } from "../plain-text.ts"
import type { Call } from "./client.ts"
import { unreadable } from "./errors.ts"

/** Upper bound of a description in UTF-8 bytes (protocols/channels.md C2, I). */
const DESCRIPTION_BYTES_MAX = 127

/** Whether WeChat Pay accepts a text as an out_trade_no. */
export const isOutTradeNo = (text: string): boolean => /^[0-9A-Za-z_\-|*]{6,32}$/.test(text)

/** An instant in WeChat Pay's format: `2026-03-15T10:00:00+08:00`. */
export const rfc3339 = (at: Date): string => `${shanghaiText(at.getTime()).replace(" ", "T")}+08:00`

/** POST /v3/pay/transactions/{product}. The same fields again are the same order. */
export const orderCall = (order: {
  readonly product: string
  readonly mchid: string
  readonly appId: string
  readonly outTradeNo: string
  readonly description: string
  /** Whole fen. */
  readonly amountFen: number
  readonly expiresAt: Date
  /** Must have no query: WeChat Pay refuses one. */
  readonly notifyUrl: string
  /** The product's own fields. */
  readonly fields?: Readonly<Record<string, unknown>>
}): Call => ({
  method: "POST",
  path: `/v3/pay/transactions/${order.product}`,
  body: {
    appid: order.appId,
    mchid: order.mchid,
    description: plainText(order.description, DESCRIPTION_BYTES_MAX, "在线支付"),
    out_trade_no: order.outTradeNo,
    time_expire: rfc3339(order.expiresAt),
    notify_url: order.notifyUrl,
    amount: { total: order.amountFen, currency: "CNY" },
    ...order.fields
  }
})

/** POST …/close: answers 204. */
export const closeCall = (mchid: string, outTradeNo: string): Call => ({
  method: "POST",
  path: `/v3/pay/transactions/out-trade-no/${encodeURIComponent(outTradeNo)}/close`,
  body: { mchid }
})

const decodePrepay = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.Struct({ prepay_id: Schema.String.check(Schema.isNonEmpty()) }))
)

/** The prepay_id of an accepted JSAPI order. */
export const readPrepayId = (body: string) =>
  Option.match(decodePrepay(body), {
    onNone: () => Effect.fail(unreadable("the order's answer has no prepay_id")),
    onSome: (answer) => Effect.succeed(answer.prepay_id)
  })

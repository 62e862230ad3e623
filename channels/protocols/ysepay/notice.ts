import type { KeyObject } from "node:crypto"
import { Effect } from "effect"
import { type Notice, NoticeRefused } from "../../../core/channel/index.ts"
import type { YsepayAccount } from "./account-fields.ts"
import { orderNoOf } from "./order-number.ts"
import { baseString, type Field, verifySha1Rsa } from "./sign.ts"

/**
 * Reads a verified notice. No notice of Yinsheng's settles an order: one that says "paid" is a hint, even where it names
 * our account, and Yinsheng is asked. The reasons (protocols/channels.md A10, section I):
 * - One platform key signs the notices of all merchants, and those published name no receiver, so a notice proves that
 *   some merchant was paid.
 * - The text that is signed is unescaped. Whoever chooses a value that is echoed can write `&seller_id=…` into it, and a
 *   field can be folded into its neighbour, so not even a name that stands in the notice is certain to be Yinsheng's.
 * - The query's answer is signed over JSON, is about the order that was asked for, and tells all that a notice tells.
 *
 * The order number says what to ask about, and nothing else is taken. A notice that names another seller or partner is
 * refused. A refund.status.sync is news: refund.query tells how the refund ended.
 */
export const readNotice = (
  field: NoticeFields,
  account: Pick<YsepayAccount, "sellerId" | "partnerId">
): Effect.Effect<Notice, NoticeRefused> => {
  const orderNo = orderNoOf(field("out_trade_no") ?? "")
  const [seller, partner] = [field("seller_id"), field("partner_id")]
  const isOthers =
    (seller !== undefined && seller !== account.sellerId) || (partner !== undefined && partner !== account.partnerId)
  if (orderNo === undefined || isOthers) return Effect.fail(new NoticeRefused({ why: "not-ours" }))
  const saysPaid = field("notify_type") === "directpay.status.sync" && field("trade_status") === "TRADE_SUCCESS"
  return Effect.succeed({ kind: saysPaid ? "hint" : "news", orderNo })
}

/** Returns a field of a verified notice; undefined when it is absent or empty. */
export type NoticeFields = (name: string) => string | undefined

/**
 * Verifies an asynchronous notice and returns its fields. The signature covers every field received, undocumented ones
 * included, except `sign` and empty values. Sources: protocols/channels.md A3, A10.
 * @param body the raw form, application/x-www-form-urlencoded
 */
export const readNoticeForm = (
  body: Uint8Array,
  platformKey: KeyObject
): Effect.Effect<NoticeFields, NoticeRefused> => {
  const fields = parseForm(body)
  if (fields === undefined) return Effect.fail(new NoticeRefused({ why: "unreadable", detail: "not a form" }))
  const values = new Map(fields)
  if (values.size !== fields.length) {
    return Effect.fail(new NoticeRefused({ why: "unreadable", detail: "a field comes twice" }))
  }
  if (!verifySha1Rsa(Buffer.from(baseString(fields), "latin1"), values.get("sign") ?? "", platformKey)) {
    return Effect.fail(new NoticeRefused({ why: "bad-signature" }))
  }
  const text = decoderOf(values.get("charset"))
  if (text === undefined) return Effect.fail(new NoticeRefused({ why: "unreadable", detail: "unknown charset" }))
  return Effect.succeed((name) => {
    const value = values.get(name)
    return value === undefined || value.trim() === "" ? undefined : text(value)
  })
}

/** Percent-decodes into one character per byte: the signature covers bytes, whatever their charset. */
const parseForm = (body: Uint8Array): ReadonlyArray<Field> | undefined => {
  const raw = Buffer.from(body).toString("latin1")
  if (raw === "" || /%(?![0-9A-Fa-f]{2})/.test(raw)) return undefined
  const decode = (part: string) =>
    part.replaceAll("+", " ").replaceAll(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return raw
    .split("&")
    .filter((pair) => pair !== "")
    .map((pair) => {
      const equals = pair.indexOf("=")
      return equals < 0 ? [decode(pair), ""] : [decode(pair.slice(0, equals)), decode(pair.slice(equals + 1))]
    })
}

/** UTF-8, which our requests declare, unless the notice names another charset. */
const decoderOf = (charset: string | undefined): ((latin1: string) => string) | undefined => {
  const name = (charset ?? "").trim().toLowerCase() || "utf-8"
  if (!["utf-8", "utf8", "gbk", "gb2312"].includes(name)) return undefined
  const decoder = new TextDecoder(name)
  return (latin1) => decoder.decode(Buffer.from(latin1, "latin1"))
}

import type { JsonObject } from "../../../core/channel/index.ts"

/**
 * Yinsheng wants an `out_trade_no` that begins with the shop date as yyyyMMdd and has at most 32 characters
 * (protocols/channels.md A5). Our number has two letters before the date, so the two swap places:
 * QR20261124093015ABCDEFGH ↔ 20261124QR093015ABCDEFGH
 */
const OURS = /^([A-Z]{2})(\d{8})([0-9A-Z]{1,22})$/
const THEIRS = /^(\d{8})([A-Z]{2})([0-9A-Z]{1,22})$/

/** What identifies an order at Yinsheng. The shop date must be the same in every later call about the order. */
export interface OrderKey {
  readonly out_trade_no: string
  /** yyyyMMdd, Beijing. */
  readonly shopdate: string
}

/** Our order number → Yinsheng's key. Pure: the same number always gives the same key. */
export const orderKeyOf = (orderNo: string): OrderKey => {
  const match = OURS.exec(orderNo)
  if (match === null) throw new TypeError(`not an order number of the gateway's shape: ${orderNo}`)
  const [, prefix = "", shopdate = "", rest = ""] = match
  return { out_trade_no: shopdate + prefix + rest, shopdate }
}

/** Yinsheng's `out_trade_no` → our order number; undefined = not made from a number of ours. */
export const orderNoOf = (outTradeNo: string): string | undefined => {
  const match = THEIRS.exec(outTradeNo)
  return match === null ? undefined : `${match[2]}${match[1]}${match[3]}`
}

/** The key stored with the order, or the one made from its number where none is stored. */
export const storedOrderKey = (orderNo: string, reference: JsonObject): OrderKey => {
  const { out_trade_no, shopdate } = reference
  return typeof out_trade_no === "string" && typeof shopdate === "string"
    ? { out_trade_no, shopdate }
    : orderKeyOf(orderNo)
}

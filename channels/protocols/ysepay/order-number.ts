import type { JsonObject } from "../../../core/channel/index.ts"

/**
 * Yinsheng wants its `out_trade_no` to begin with the shop date as yyyyMMdd and to have at most 32 characters
 * (protocols/channels.md A5). Our number has the date behind two letters, so the two change places, and back:
 * QR20261124093015ABCDEFGH ↔ 20261124QR093015ABCDEFGH
 */
const OURS = /^([A-Z]{2})(\d{8})([0-9A-Z]{1,22})$/
const THEIRS = /^(\d{8})([A-Z]{2})([0-9A-Z]{1,22})$/

/** How Yinsheng knows an order. The shop date must be the same in every later call about the order. */
export interface OrderKey {
  readonly out_trade_no: string
  /** yyyyMMdd, Beijing. */
  readonly shopdate: string
}

/** Our order number → Yinsheng's key. Pure: the same number gives the same key for ever. */
export const orderKeyOf = (orderNo: string): OrderKey => {
  const match = OURS.exec(orderNo)
  if (match === null) throw new TypeError(`not an order number of the gateway's shape: ${orderNo}`)
  const [, prefix = "", shopdate = "", rest = ""] = match
  return { out_trade_no: shopdate + prefix + rest, shopdate }
}

/** Yinsheng's `out_trade_no` → our order number, or undefined when no number of ours becomes it. */
export const orderNoOf = (outTradeNo: string): string | undefined => {
  const match = THEIRS.exec(outTradeNo)
  return match === null ? undefined : `${match[2]}${match[1]}${match[3]}`
}

/** The key as it was stored with the order; an order stored without one has the key its number gives. */
export const storedOrderKey = (orderNo: string, reference: JsonObject): OrderKey => {
  const { out_trade_no, shopdate } = reference
  return typeof out_trade_no === "string" && typeof shopdate === "string"
    ? { out_trade_no, shopdate }
    : orderKeyOf(orderNo)
}

import { randomUint32 } from "./random.ts"
import { shanghaiParts } from "./time.ts"

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

/**
 * 36³: the first three of the eight characters come from the merchant, so two merchants almost never share a number.
 */
const TAGS = 36 ** 3
const RANDOMS = 36 ** 5

/**
 * A new order number: `QR` or `WX`, the second in Shanghai as yyyyMMddHHmmss, and eight of [0-9A-Z]
 * (contract section 5). The store's primary key refuses the rare repetition within one merchant and second; the caller
 * then draws again.
 * @param nowMs epoch ms
 * @param random 32 random bits; drawn when absent
 */
export const newOrderNo = (prefix: "QR" | "WX", merchantId: number, nowMs: number, random = randomUint32()): string =>
  prefix + shanghaiParts(nowMs) + base36((merchantId * 7919) % TAGS, 3) + base36(random % RANDOMS, 5)

/** Whether a text has the shape of one of our order numbers. */
export const isOrderNo = (text: string): boolean => /^(QR|WX)\d{14}[0-9A-Z]{8}$/.test(text)

const base36 = (value: number, length: number): string => {
  let text = ""
  for (let rest = value; text.length < length; rest = Math.floor(rest / 36)) text = ALPHABET[rest % 36] + text
  return text
}

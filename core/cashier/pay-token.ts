import { createHash, createHmac, randomBytes } from "node:crypto"
import type { Order } from "../domain/order.ts"

/** A pay token pays for this long after the order was made (contract section 6). */
export const PAY_TOKEN_MS = 10 * 60_000

/** And reads the order's state until this long after the order's expiry. */
export const PAY_STATE_AFTER_EXPIRY_MS = 30 * 60_000

/** 192 random bits. Only its hash is stored. */
export const newPayToken = (): string => `pt_${randomBytes(24).toString("base64url")}`

/** The token of an order that may turn out to need none; the same at each call. */
export const payTokenOnDemand = (): (() => string) => {
  let token: string | undefined
  return () => {
    token ??= newPayToken()
    return token
  }
}

/** SHA-256, hex: what orders are found by. */
export const payTokenHash = (token: string): string => createHash("sha256").update(token).digest("hex")

/** The OAuth `state` of a token: proves that the round trip to the authorize page began here. 32 hex digits. */
export const payState = (key: Uint8Array, token: string): string =>
  createHmac("sha256", key).update(`oauth-state:${token}`).digest("hex").slice(0, 32)

/** Whether an order can still be paid with its token. One that was given as a QR code (section 5) lives as long as it. */
export const isPayable = (order: Order, nowMs: number): boolean =>
  order.status === "PENDING" &&
  nowMs < order.expiresAt.getTime() &&
  (order.orderNo.startsWith("QR") || nowMs < order.createdAt.getTime() + PAY_TOKEN_MS)

/** Whether the token still reads the order's state. */
export const isReadable = (order: Order, nowMs: number): boolean =>
  nowMs < order.expiresAt.getTime() + PAY_STATE_AFTER_EXPIRY_MS

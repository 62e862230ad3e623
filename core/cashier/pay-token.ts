import { createHash, randomBytes } from "node:crypto"
import { Effect } from "effect"
import { PayLinkExpired } from "../domain/errors.ts"
import type { Order } from "../domain/order.ts"
import { sameDigest } from "../domain/signature.ts"
import { Orders } from "../pipeline/persistence/orders.ts"
import { StoreClock } from "../pipeline/persistence/store-clock.ts"
import { namingTheWait, Throttle } from "../pipeline/throttle/throttle.ts"
import { LinkKey, linkMac } from "../secrets/link-key.ts"

/* A pay_token: the credential of an order's payer (contract section 6). */

/** A pay token can pay for this long after the order is created. */
export const PAY_TOKEN_MS = 10 * 60_000

/** A pay token can read the order's state until this long after the order's expiry. */
const PAY_STATE_AFTER_EXPIRY_MS = 30 * 60_000

/**
 * 144 random bits, the secret, and a mark of 48 by which the gateway knows without a query that it made the token. Only
 * its hash is stored.
 */
export const newPayToken = Effect.map(LinkKey, (linkKey) => {
  const secret = randomBytes(18).toString("base64url")
  return `pt_${secret}${markOf(linkKey, secret)}`
})

const markOf = (linkKey: Uint8Array, secret: string): string =>
  Buffer.from(linkMac(linkKey, "pay-token", secret).slice(0, 12), "hex").toString("base64url")

const PAY_TOKEN = /^pt_([A-Za-z0-9_-]{24})([A-Za-z0-9_-]{8})$/

/**
 * Fails with PayLinkExpired for a text that cannot be a pay token. One without the gateway's mark is invented, or was
 * made by an older version or under an older master key: the address's lookups of those that turn out unknown are
 * limited (ThrottleExceeded). Payers share addresses by the thousand, so a marked token is never limited here.
 */
export const checkTokenMark = Effect.fnUntraced(function* (token: string, clientIp: string) {
  const [, secret, mark] = PAY_TOKEN.exec(token) ?? []
  if (secret === undefined || mark === undefined) return yield* new PayLinkExpired()
  if (sameDigest(markOf(yield* LinkKey, secret), mark)) return
  const throttle = yield* Throttle
  const order = yield* throttle.lookup("odd-token", clientIp, orderOfToken(token)).pipe(namingTheWait)
  if (order === null) return yield* new PayLinkExpired()
})

/** SHA-256 of a pay token, hex; orders are found by it. */
export const payTokenHash = (token: string): string => createHash("sha256").update(token).digest("hex")

/** Whether an order can still be paid with its token. */
export const isPayable = ({ status, expiresAt, jsapi }: Order, nowMs: number): boolean =>
  status === "PENDING" && nowMs < expiresAt.getTime() && (jsapi === null || nowMs < jsapi.payUntil.getTime())

/** Whether the token still reads the order's state. */
export const isReadable = (order: Order, nowMs: number): boolean =>
  nowMs < order.expiresAt.getTime() + PAY_STATE_AFTER_EXPIRY_MS

export const orderOfToken = Effect.fnUntraced(function* (token: string) {
  const orders = yield* Orders
  return yield* orders.findByTokenHash(payTokenHash(token))
})

/**
 * Admits an act of an order's payer, a login or a charge, through whichever page or endpoint it comes: takes one of the
 * token's calls (ThrottleExceeded) and requires that the order can still be paid (PayLinkExpired).
 */
export const admitPayer = Effect.fnUntraced(function* (order: Order) {
  const { nowMs } = yield* StoreClock
  yield* takeTokenCall(order)
  if (!isPayable(order, nowMs())) return yield* new PayLinkExpired()
})

/**
 * Takes one of the 10 calls per 10 s of an order's token, which its endpoints and pages share. The error's `windowMs` is
 * the time to wait, because the message names it.
 */
export const takeTokenCall = Effect.fnUntraced(function* ({ jsapi }: Order) {
  // An order without a token has no payer who could call.
  if (jsapi === null) return
  const throttle = yield* Throttle
  yield* throttle
    .takeKey(`paytoken:{${jsapi.tokenHash.slice(0, 32)}}`, { count: 10, windowMs: 10_000 })
    .pipe(namingTheWait)
})

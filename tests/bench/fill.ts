import { once } from "node:events"
import { finished } from "node:stream/promises"
import { shanghaiParts } from "../../core/domain/time.ts"
import { AMOUNT_FEN, NOTIFY_URL } from "./requests.ts"
import type { BenchDatabase } from "./rig.ts"

/*
 * Writes many orders at once, by COPY into the real table with its indexes. They look like a shop's past: one a second,
 * paid long ago, except the newest, which are still PENDING because settling needs them.
 */

/** How many of `count` filled orders are PENDING: the newest ones. The others are PAID. */
export const pendingOrders = (count: number): number => Math.min(200_000, count >> 1)

/** Creation time of the newest possible order: fixed, so that an index determines its order number. */
const NEWEST_MS = Date.UTC(2026, 2, 15, 0, 0, 0)

/** The number of the `index`-th filled order, 0 = the oldest of ten million and more. */
export const filledOrderNo = (index: number): string => {
  const text = index.toString(36).toUpperCase().padStart(8, "0")
  return `QR${shanghaiParts(createdMs(index))}${text}`
}

const ORDERS_MAX = 100_000_000
const createdMs = (index: number): number => NEWEST_MS - (ORDERS_MAX - index) * 1_000

const ROWS_PER_WRITE = 2_000

/**
 * Fills the orders numbered `from` to `count`.
 * @param progress called with the number filled so far
 * @param notifyUrl where their webhooks go once they are settled
 */
export const fillOrders = async (
  database: BenchDatabase,
  from: number,
  count: number,
  progress: (done: number) => void,
  notifyUrl: string = NOTIFY_URL
): Promise<void> => {
  const merchantId = database.merchantId()
  const account = database.account().id
  const pendingFrom = count - pendingOrders(count)
  const writable = await database.sql`
    copy orders (
      merchant_id, order_no, merchant_order_no, channel_code, flow, provider, account_id, amount_fen, fee_rate_bp,
      status, notify_url, body, extra, note, client_ip, created_at, expires_at, reference, paid_at,
      fee_fen, actual_fen, channel_trade_no, next_check_at
    ) from stdin`.writable()
  const feeFen = Math.round(AMOUNT_FEN * 0.006)
  for (let at = from; at < count; ) {
    const lines: Array<string> = []
    for (const end = Math.min(count, at + ROWS_PER_WRITE); at < end; at++) {
      const orderNo = filledOrderNo(at)
      const ms = createdMs(at)
      const created = new Date(ms).toISOString()
      const expires = new Date(ms + 30 * 60_000).toISOString()
      const paid = at < pendingFrom
      lines.push(
        [
          merchantId,
          orderNo,
          `F-${at}`,
          "YINSHENG_QRCODE",
          "qrcode",
          "bench",
          account,
          AMOUNT_FEN,
          60,
          paid ? 1 : 0,
          notifyUrl,
          "",
          "",
          "在线支付",
          "127.0.0.1",
          created,
          expires,
          "{}",
          paid ? created : "\\N",
          paid ? feeFen : "\\N",
          paid ? AMOUNT_FEN - feeFen : "\\N",
          paid ? `T${orderNo}` : "\\N",
          // No next check: only the merchants' calls are measured.
          "\\N"
        ].join("\t")
      )
    }
    if (!writable.write(`${lines.join("\n")}\n`)) await once(writable, "drain")
    progress(at)
  }
  writable.end()
  await finished(writable)
  await database.sql`vacuum analyze orders`
}

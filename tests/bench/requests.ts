import { createHmac, randomBytes } from "node:crypto"
import { once } from "node:events"
import { createWriteStream } from "node:fs"
import { join } from "node:path"
import type { MerchantCredentials } from "../harness/merchant-client.ts"
import { noticeSign } from "./channel/index.ts"

/*
 * Request bodies, signed before the measured time and written one per line, each with a nonce and an order number of its
 * own. Their timestamps are valid for five minutes, so the measurement must begin soon after.
 */

/** The amount of every order, in fen. */
export const AMOUNT_FEN = 1_000

export const NOTIFY_URL = "https://shop.example.com/notify"

/** Files written so far. No two files of one machine share an order number or a nonce. */
let files = 0
const nextPrefix = (): string => `${randomBytes(4).toString("hex")}${(files++).toString(36)}`

export interface RequestFile {
  readonly path: string
  readonly count: number
  /** merchant_order_no is this prefix, a dash and the request's number. */
  readonly prefix: string
}

export const writeCreates = (
  folder: string,
  merchant: MerchantCredentials,
  count: number,
  notifyUrl: (index: number) => string = () => NOTIFY_URL
): Promise<RequestFile> => {
  const prefix = nextPrefix()
  return write(folder, prefix, count, (index) =>
    signed(merchant, `${prefix}${index}`, [
      ["amount", AMOUNT_FEN],
      ["merchant_order_no", `${prefix}-${index}`],
      ["notify_url", notifyUrl(index)]
    ])
  )
}

/** @param orderNo the order that the n-th request asks for */
export const writeQueries = (
  folder: string,
  merchant: MerchantCredentials,
  count: number,
  orderNo: (index: number) => string
): Promise<RequestFile> => {
  const prefix = nextPrefix()
  return write(folder, prefix, count, (index) => signed(merchant, `${prefix}${index}`, [["order_no", orderNo(index)]]))
}

/** Writes the notices of paid orders, as the bench channel's provider sends them. */
export const writeNotices = (
  folder: string,
  key: string,
  count: number,
  orderNo: (index: number) => string
): Promise<RequestFile> => {
  const prefix = nextPrefix()
  return write(folder, prefix, count, (index) => {
    const notice = {
      order_no: orderNo(index),
      trade_no: `T${orderNo(index)}`,
      amount_fen: AMOUNT_FEN,
      paid_at_ms: Date.now()
    }
    return JSON.stringify({ ...notice, sign: noticeSign(key, notice) })
  })
}

/** Writes one body that is sent again and again, for servers that do not look at it. */
export const writeSame = (folder: string, text: string): Promise<RequestFile> =>
  write(folder, nextPrefix(), 1, () => text)

/** Signs a request (contract section 3). The members stand in byte order, as the signature needs them. */
const signed = (
  { app_id, app_secret }: MerchantCredentials,
  nonce: string,
  fields: ReadonlyArray<readonly [string, string | number]>
): string => {
  const all = [...fields, ["app_id", app_id], ["nonce", nonce], ["timestamp", Math.floor(Date.now() / 1000)]] as const
  const sorted = [...all].sort(([a], [b]) => (a < b ? -1 : 1))
  const text = sorted.map(([name, value]) => `${name}=${value}`).join("&")
  const sign = createHmac("sha256", app_secret).update(text).digest("hex")
  return JSON.stringify({ ...Object.fromEntries(sorted), sign })
}

const LINES_PER_WRITE = 1_000

const write = async (
  folder: string,
  prefix: string,
  count: number,
  line: (index: number) => string
): Promise<RequestFile> => {
  const path = join(folder, `${prefix}.requests`)
  const stream = createWriteStream(path)
  for (let from = 0; from < count; from += LINES_PER_WRITE) {
    let text = ""
    for (let index = from; index < Math.min(count, from + LINES_PER_WRITE); index++) text += `${line(index)}\n`
    if (!stream.write(text)) await once(stream, "drain")
  }
  stream.end()
  await once(stream, "finish")
  return { path, count, prefix }
}

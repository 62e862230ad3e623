import { createHash } from "node:crypto"
import { Option, Schema } from "effect"
import type { Call } from "./client.ts"

/**
 * GET /v3/bill/tradebill: all trades of a day, available from 10:00 the next day. Requested without gzip, so that the
 * hash covers the file as received.
 * @param date yyyy-MM-dd
 */
export const tradeBillCall = (date: string): Call => ({
  method: "GET",
  path: `/v3/bill/tradebill?bill_date=${encodeURIComponent(date)}&bill_type=ALL`
})

const BillLocation = Schema.Struct({
  hash_type: Schema.Literal("SHA1"),
  hash_value: Schema.String,
  download_url: Schema.String.check(Schema.isPattern(/^https?:\/\//))
})
export type BillLocation = typeof BillLocation.Type
const decode = Schema.decodeUnknownOption(Schema.fromJsonString(BillLocation))

export const readBillLocation = (body: string): BillLocation | undefined => Option.getOrUndefined(decode(body))

/** Whether a file has the SHA-1 of the signed answer; the file itself comes unsigned. */
export const isPromisedBill = (location: BillLocation, file: Uint8Array): boolean =>
  createHash("sha1").update(file).digest("hex") === location.hash_value.toLowerCase()

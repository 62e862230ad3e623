import { expect, test } from "bun:test"
import { generateKeyPairSync } from "node:crypto"
import { Effect, Schema } from "effect"
import { ChannelHttp } from "../../../core/channel/index.ts"
import { ysepayAccountFields } from "./account-fields.ts"
import { lookUpTrade } from "./lookup.ts"
import { openYsepaySession } from "./session.ts"
import { envelope, type Member, nodeText } from "./simulator-wire.ts"

const merchant = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey
const platform = generateKeyPairSync("rsa", { modulusLength: 1024 })
const account = Schema.decodeUnknownSync(Schema.Struct(ysepayAccountFields))({
  partnerId: "partner",
  sellerId: "seller",
  businessCode: "01000010",
  privateKey: merchant.export({ type: "pkcs8", format: "pem" }).toString(),
  platformCertificate: platform.publicKey.export({ type: "spki", format: "pem" }).toString()
})
const KEY = { out_trade_no: "20260315QR100000ABCDEFGH", shopdate: "20260315" }
const PAID: Readonly<Record<string, string>> = {
  code: "10000",
  out_trade_no: KEY.out_trade_no,
  trade_no: "01O260315000000001",
  trade_status: "TRADE_SUCCESS",
  total_amount: "1234.56"
}

/** What the query makes of a signed answer. */
const lookUp = (fields: Readonly<Record<string, string | undefined>>) => {
  const members = Object.entries(fields).filter((member): member is [string, string] => member[1] !== undefined)
  const how = { signFirst: false, signature: "right", escapeSlashes: false } as const
  const node = nodeText(members satisfies ReadonlyArray<Member>)
  const body = Buffer.from(envelope("ysepay.online.trade.order.query", node, platform.privateKey, how))
  return Effect.runPromise(
    openYsepaySession(account).pipe(
      Effect.flatMap((session) => Effect.result(lookUpTrade(session, KEY, account))),
      Effect.provideService(ChannelHttp, { send: () => Effect.succeed({ status: 200, headers: {}, body }) })
    )
  )
}

test.each<[string, Readonly<Record<string, string>>]>([
  ["names no seller", {}],
  ["names our seller", { seller_id: "seller" }]
])("a signed answer about this order that %s says what was paid", async (_, more) => {
  expect(await lookUp({ ...PAID, ...more })).toMatchObject({
    success: { state: "paid", payment: { channelTradeNo: PAID.trade_no, amountFen: 123_456 } }
  })
})

test.each(["ACQ.QUERY_NO_RECORD", "ACQ_QUERY_NO_RECORD"])(
  "a signed 40004 %s says that there is no such order",
  async (code) => {
    expect(await lookUp({ code: "40004", sub_code: code })).toMatchObject({ success: { state: "absent" } })
  }
)

test.each<[string, Readonly<Record<string, string | undefined>>]>([
  ["names another seller", { seller_id: "somebody_else" }],
  ["names no order", { out_trade_no: undefined }],
  ["names another order", { out_trade_no: "20260315QR100000ABCDEFGX" }],
  ["names no amount", { total_amount: undefined }],
  ["names no state", { trade_status: undefined }],
  ["names no trade", { trade_no: undefined }]
])("a signed answer that %s says nothing", async (_, change) => {
  expect(await lookUp({ ...PAID, ...change })).toMatchObject({
    failure: { _tag: "ChannelUncertain", why: "unreadable" }
  })
})

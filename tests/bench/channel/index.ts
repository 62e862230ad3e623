import { createHmac } from "node:crypto"
import { Effect, Redacted, Schema } from "effect"
import {
  CHANNEL_CODES,
  type Channel,
  type ChannelProvider,
  NoticeRefused,
  type Payment,
  sameDigest
} from "../../../core/channel/index.ts"

/*
 * A provider that answers at once and in the gateway's process, so that only the gateway is measured: a charge presents
 * a QR text, and notices are signed JSON, as a real provider's are.
 */

const Account = Schema.Struct({ key: Schema.RedactedFromValue(Schema.String, { label: "key" }) })
type Account = typeof Account.Type

const NoticeFields = Schema.Struct({
  order_no: Schema.String,
  trade_no: Schema.String,
  amount_fen: Schema.Number,
  paid_at_ms: Schema.Number,
  sign: Schema.String
})
type NoticeFields = typeof NoticeFields.Type
const NoticeJson = Schema.fromJsonString(NoticeFields)
const decodeNotice = Schema.decodeUnknownEffect(NoticeJson)

const bench: ChannelProvider<Account> = {
  id: "bench",
  products: [{ code: "YINSHENG_QRCODE", ...CHANNEL_CODES.YINSHENG_QRCODE }],
  account: Account,
  egress: () => [],
  open: ({ key }) => Effect.succeed(openChannel(Redacted.value(key)))
}
export default bench

const openChannel = (key: string): Channel => ({
  charge: ({ orderNo }) => Effect.succeed({ kind: "qrcode", content: `https://pay.example.com/q/${orderNo}` }),
  query: () => Effect.succeed({ state: "pending" }),
  readNotice: ({ body }) =>
    decodeNotice(Buffer.from(body).toString("utf8")).pipe(
      Effect.mapError(() => new NoticeRefused({ why: "unreadable" })),
      Effect.flatMap((notice) =>
        sameDigest(noticeSign(key, notice), notice.sign)
          ? Effect.succeed({ kind: "payment" as const, orderNo: notice.order_no, payment: paymentOf(notice) })
          : Effect.fail(new NoticeRefused({ why: "bad-signature" }))
      )
    ),
  replies: {
    accepted: { status: 200, contentType: "text/plain", body: "success" },
    refused: { status: 400, contentType: "text/plain", body: "fail" }
  }
})

/** What the provider signs: HMAC-SHA256 over the other four values, 64 hex digits. */
export const noticeSign = (key: string, notice: Omit<NoticeFields, "sign">): string =>
  createHmac("sha256", key)
    .update([notice.order_no, notice.trade_no, notice.amount_fen, notice.paid_at_ms].join("|"))
    .digest("hex")

const paymentOf = (notice: NoticeFields): Payment => ({
  channelTradeNo: notice.trade_no,
  amountFen: notice.amount_fen,
  currency: "CNY",
  paidAt: new Date(notice.paid_at_ms)
})

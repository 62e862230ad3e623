import { createHmac } from "node:crypto"
import process from "node:process"
import { Effect, Redacted, Schema } from "effect"
import {
  AccountInvalid,
  CHANNEL_CODES,
  type Channel,
  ChannelHttp,
  type ChannelProvider,
  ChannelRejected,
  ChannelUncertain,
  type ChargeState,
  NoticeRefused,
  type Payment,
  sameDigest
} from "../../../../core/channel/index.ts"

/*
 * A channel to the provider of harness/scripted-provider.ts. It translates correctly, except where the provider tells it
 * to behave as a bad plugin does: `throw` throws, `never` never ends.
 */

const Account = Schema.Struct({
  /** Where the provider listens. */
  origin: Schema.String,
  key: Schema.RedactedFromValue(Schema.String, { label: "key" }),
  /** "open-throws": opening the account throws in the gateway, but not in the command that adds it. */
  mood: Schema.optionalKey(Schema.Literals(["open-throws"]))
})
type Account = typeof Account.Type

const PaymentJson = Schema.Struct({
  trade_no: Schema.String,
  amount_fen: Schema.Number,
  currency: Schema.String,
  paid_at_ms: Schema.Number,
  fee_fen: Schema.NullOr(Schema.Number)
})

const AnswerJson = Schema.Struct({
  act: Schema.optionalKey(Schema.Literals(["throw", "never"])),
  refused: Schema.optionalKey(Schema.String),
  content: Schema.optionalKey(Schema.String),
  state: Schema.optionalKey(Schema.Literals(["pending", "absent", "paid", "closed", "failed"])),
  payment: Schema.optionalKey(Schema.NullOr(PaymentJson))
})

const NoticeJson = Schema.Struct({
  /** It names no receiver. */
  hint: Schema.optionalKey(Schema.Boolean),
  act: Schema.optionalKey(Schema.Literals(["throw", "never"])),
  order_no: Schema.String,
  payment: Schema.NullOr(PaymentJson)
})

const scripted: ChannelProvider<Account> = {
  id: "scripted",
  products: [{ code: "YINSHENG_QRCODE", ...CHANNEL_CODES.YINSHENG_QRCODE }],
  account: Account,
  egress: ({ origin }) => [new URL(origin).host],
  open: (account) => {
    if (account.mood === "open-throws" && process.argv.includes("start")) throw new Error("this plugin cannot open")
    return URL.canParse(account.origin)
      ? Effect.succeed(openChannel(account))
      : Effect.fail(new AccountInvalid({ field: "origin", message: "origin is no URL" }))
  }
}
export default scripted

const openChannel = ({ origin, key }: Account): Channel => {
  const sign = (body: string | Uint8Array) => createHmac("sha256", Redacted.value(key)).update(body).digest("hex")

  const ask = Effect.fnUntraced(function* (operation: "charge" | "query" | "close", input: object) {
    const http = yield* ChannelHttp
    const body = JSON.stringify(input)
    const headers = { "content-type": "application/json", "x-sign": sign(body) }
    const answer = yield* http.send({ method: "POST", url: `${origin}/${operation}`, headers, body })
    if (answer.status >= 500) return yield* new ChannelUncertain({ why: "server-error" })
    const read = decodeAnswer(Buffer.from(answer.body).toString("utf8"))
    if (read._tag === "None") return yield* new ChannelUncertain({ why: "unreadable" })
    const { act, refused, ...rest } = read.value
    if (act === "throw") throw new Error("a plugin's own bug")
    if (act === "never") return yield* Effect.never
    if (refused !== undefined) return yield* new ChannelRejected({ reason: refused })
    return rest
  })

  return {
    charge: (request) =>
      ask("charge", {
        order_no: request.orderNo,
        amount_fen: request.amountFen,
        description: request.description,
        notice_url: request.noticeUrl
      }).pipe(Effect.map(({ content }) => ({ kind: "qrcode", content: content ?? "" }))),

    query: ({ orderNo }) =>
      ask("query", { order_no: orderNo }).pipe(
        Effect.flatMap(({ state, payment }): Effect.Effect<ChargeState, ChannelUncertain> => {
          if (state === "paid" && payment != null) return Effect.succeed({ state, payment: paid(payment) })
          if (state === "failed") return Effect.succeed({ state, reason: "declined" })
          if (state === "pending" || state === "absent" || state === "closed") return Effect.succeed({ state })
          return Effect.fail(new ChannelUncertain({ why: "unreadable" }))
        })
      ),

    close: ({ orderNo }) =>
      ask("close", { order_no: orderNo }).pipe(
        Effect.map(({ state }) => ({ state: state === "paid" ? ("paid" as const) : ("closed" as const) }))
      ),

    readNotice: (raw) => {
      const text = Buffer.from(raw.body).toString("utf8")
      const read = decodeNotice(text)
      if (read._tag === "Some" && read.value.act === "throw") throw new Error("a plugin's own bug")
      if (read._tag === "Some" && read.value.act === "never") return Effect.never
      if (!sameDigest(sign(raw.body), raw.headers["x-sign"] ?? "")) {
        return Effect.fail(new NoticeRefused({ why: "bad-signature" }))
      }
      if (read._tag === "None") return Effect.fail(new NoticeRefused({ why: "unreadable" }))
      const { order_no: orderNo, payment } = read.value
      if (read.value.hint === true) return Effect.succeed({ kind: "hint", orderNo })
      if (payment === null) return Effect.succeed({ kind: "news", orderNo })
      return Effect.succeed({ kind: "payment", orderNo, payment: paid(payment) })
    },

    replies: {
      accepted: { status: 200, contentType: "text/plain", body: "success" },
      refused: { status: 400, contentType: "text/plain", body: "fail" }
    }
  }
}

const decodeAnswer = Schema.decodeUnknownOption(Schema.fromJsonString(AnswerJson))
const decodeNotice = Schema.decodeUnknownOption(Schema.fromJsonString(NoticeJson))

const paid = (payment: typeof PaymentJson.Type): Payment => ({
  channelTradeNo: payment.trade_no,
  amountFen: payment.amount_fen,
  currency: payment.currency,
  paidAt: new Date(payment.paid_at_ms),
  feeFen: payment.fee_fen ?? undefined
})

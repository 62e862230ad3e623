import { randomBytes } from "node:crypto"
import {
  AccountInvalid,
  type AsyncChannel,
  type AsyncHttp,
  ChannelProvider,
  ChannelRejected,
  ChannelUncertain,
  type ChargeState,
  fenOfYuan,
  hmacSha256,
  NoticeRefused,
  type Payment,
  Redacted,
  Schema,
  Secret,
  sameDigest,
  yuanText
} from "../../core/channel/index.ts"

// A channel in one file. Its provider is invented (simulator.ts is all of it); each BLANK marks where yours differs. Fill
// them in one by one; the kit (index.test.ts) tests every promise after each step.

// BLANK 1: what merchants write into channel_code, and how payers pay: qrcode, redirect, jsapi or app.
const PRODUCT = { code: "MY_CHANNEL", name: "我的通道", nameEn: "My Channel", flow: "qrcode" } as const

// BLANK 2: what the provider gives a merchant. A Secret is stored encrypted and shown nowhere.
const account = {
  merchantNo: Schema.String.check(Schema.isPattern(/^\d{4,20}$/)),
  secret: Secret,
  baseUrl: Schema.URLFromString
}
type Account = Schema.Struct.Type<typeof account>

export default ChannelProvider.fromAsync({
  id: "my-channel",
  products: [{ ...PRODUCT, type: "aggregate" }],
  account,
  // BLANK 3: every host that the channel calls. Calls to other hosts are blocked.
  egress: ({ baseUrl }) => [baseUrl.host],
  // BLANK 4: parse keys here, once. The sentence must not hold the secret.
  open: (account) => {
    if (Redacted.value(account.secret).length >= 16) return openChannel(account)
    throw new AccountInvalid({ field: "secret", message: "secret must have at least 16 characters" })
  }
})

const openChannel = (account: Account): AsyncChannel => ({
  // BLANK 5: the order in the provider's words. Money is whole fen here and yuan on most wires.
  charge: async (order, http) => {
    const answer = await call(account, http, "/charge", {
      order_no: order.orderNo,
      amount: yuanText(order.amountFen),
      subject: order.description,
      expires_at: order.expiresAt.toISOString(),
      notice_url: order.noticeUrl
    })
    const content = text(answer, "qr_code")
    // A signed answer about another amount is no answer to this order.
    if (fenOfYuan(text(answer, "amount")) !== order.amountFen || content === "") throw unreadable("not what was asked")
    return { kind: "qrcode", content }
  },

  query: async (order, http) => stateOf(await call(account, http, "/query", { order_no: order.orderNo })),

  // BLANK 6: verify the raw bytes, then read them; anything thrown refuses the notice. It is a payment only if it is bound
  // to this account: many providers sign for all merchants with one key. What it leaves out is a hint to ask, no proof.
  readNotice: ({ headers, body }) => {
    const raw = Buffer.from(body).toString("utf8")
    if (!sameDigest(sign(account, "notice", raw), headers["x-signature"] ?? "")) {
      throw new NoticeRefused({ why: "bad-signature" })
    }
    const notice = objectOf(raw)
    const [orderNo, receiver] = [text(notice, "order_no"), text(notice, "merchant_no")]
    if (receiver !== "" && receiver !== account.merchantNo) throw new NoticeRefused({ why: "not-ours" })
    const state = stateOf(notice)
    if (state.state !== "paid") return { kind: "news", orderNo }
    return receiver === "" ? { kind: "hint", orderNo } : { kind: "payment", orderNo, payment: state.payment }
  },
  // BLANK 7: the answers that the provider expects to a notice.
  replies: {
    accepted: { status: 200, contentType: "text/plain", body: "success" },
    refused: { status: 400, contentType: "text/plain", body: "fail" }
  },

  // BLANK 8: closing; leave out what the provider has not: this, refund and queryRefund, downloadBill, payer.
  close: async (order, http) => {
    const { state } = stateOf(await call(account, http, "/close", { order_no: order.orderNo }))
    if (state === "closed" || state === "paid") return { state }
    throw unreadable(`closed, and yet ${state}`)
  }
})

// BLANK 9: one signed call. A definite no is only a signed refusal whose code proves that no order was made. "Too often"
// and "the number is taken" prove nothing: they are uncertain, like an answer that is not signed.
const FINAL = ["MERCHANT_DISABLED", "BAD_AMOUNT", "ORDER_CLOSED"]
const call = async (account: Account, http: AsyncHttp, path: string, input: Fields): Promise<Fields> => {
  const body = JSON.stringify({ merchant_no: account.merchantNo, ...input })
  const nonce = randomBytes(16).toString("hex")
  const signature = sign(account, `request ${path} ${nonce}`, body)
  const headers = { "content-type": "application/json", "x-nonce": nonce, "x-signature": signature }
  const answer = await http.send({ method: "POST", url: new URL(path, account.baseUrl).href, headers, body })
  if (answer.status !== 200) throw new ChannelUncertain({ why: "server-error", detail: `HTTP ${answer.status}` })
  const raw = Buffer.from(answer.body).toString("utf8")
  // The nonce binds the answer to this request.
  if (!sameDigest(sign(account, `answer ${path} ${nonce}`, raw), answer.headers["x-signature"] ?? "")) {
    throw new ChannelUncertain({ why: "bad-signature" })
  }
  const fields = objectOf(raw)
  if (FINAL.includes(text(fields, "code"))) throw new ChannelRejected({ reason: text(fields, "reason") })
  if (fields.result !== "ok") throw new ChannelUncertain({ why: "server-error", detail: text(fields, "reason") })
  if (fields.order_no !== input.order_no) throw unreadable("about another order")
  return fields
}

const sign = (account: Account, purpose: string, body: string): string =>
  hmacSha256(Redacted.value(account.secret), `${purpose}\n${body}`)

// BLANK 10: the provider's words for an order's state. A word that its manual does not list is uncertain, never failed.
const stateOf = (fields: Fields): ChargeState => {
  const word = text(fields, "state")
  if (word === "PAID") return { state: "paid", payment: paymentOf(fields) }
  if (word === "WAITING") return { state: "pending" }
  if (word === "CLOSED") return { state: "closed" }
  if (word === "UNKNOWN_ORDER") return { state: "absent" }
  throw unreadable("a state that is not in the manual")
}

const paymentOf = (fields: Fields): Payment => {
  const amountFen = fenOfYuan(text(fields, "paid_amount"))
  const paidAt = new Date(text(fields, "paid_at"))
  const channelTradeNo = text(fields, "trade_no")
  if (amountFen === undefined || Number.isNaN(paidAt.getTime()) || channelTradeNo === "") throw unreadable("a payment")
  return { channelTradeNo, amountFen, currency: text(fields, "currency"), paidAt }
}

type Fields = Readonly<Record<string, unknown>>
const text = (fields: Fields, name: string): string => (typeof fields[name] === "string" ? fields[name] : "")

const objectOf = (raw: string): Fields => {
  try {
    return { ...JSON.parse(raw) }
  } catch {
    throw unreadable("not JSON")
  }
}

const unreadable = (detail: string) => new ChannelUncertain({ why: "unreadable", detail })

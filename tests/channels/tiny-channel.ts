import { createHmac, randomBytes } from "node:crypto"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { Effect, Redacted, Schema } from "effect"
import {
  AccountInvalid,
  type Channel,
  ChannelHttp,
  type ChannelProvider,
  ChannelRejected,
  ChannelUncertain,
  type ChargeState,
  NoticeRefused,
  type Payment,
  type RefundState
} from "../../core/channel/index.ts"
import type { KitNotice, KitSimulator, SimulatorFault } from "../../core/kit/index.ts"

/*
 * The smallest channel that has every ability, and its provider: HMAC over JSON. The kit's own tests put one mistake
 * into it for each case of the kit.
 */

type Fields = Readonly<Record<string, unknown>>

export const hmac = (secret: string, purpose: string, body: string): string =>
  createHmac("sha256", secret).update(`${purpose}\n${body}`).digest("hex")

export const TinyAccount = Schema.Struct({
  merchant: Schema.NonEmptyString,
  secret: Schema.RedactedFromValue(Schema.String),
  url: Schema.URLFromString
})
export type TinyAccount = typeof TinyAccount.Type

export const tiny: ChannelProvider<TinyAccount> = {
  id: "tiny",
  products: [
    { code: "tiny_qr", name: "小码", nameEn: "Tiny QR", type: "aggregate", flow: "qrcode" },
    { code: "tiny_js", name: "小微信", nameEn: "Tiny JSAPI", type: "wxpay", flow: "jsapi" },
    { code: "tiny_h5", name: "小网页", nameEn: "Tiny H5", type: "alipay", flow: "redirect" },
    { code: "tiny_app", name: "小应用", nameEn: "Tiny App", type: "alipay", flow: "app" }
  ],
  account: TinyAccount,
  egress: ({ url }) => [url.host],
  open: (account) =>
    Redacted.value(account.secret).length < 16
      ? Effect.fail(new AccountInvalid({ field: "secret", message: "secret must have at least 16 characters" }))
      : Effect.succeed(openTiny(account))
}

const unreadable = () => new ChannelUncertain({ why: "unreadable" })

const call = Effect.fnUntraced(function* (account: TinyAccount, path: string, asked: Fields) {
  const http = yield* ChannelHttp
  const secret = Redacted.value(account.secret)
  const nonce = randomBytes(8).toString("hex")
  const body = JSON.stringify(asked)
  const headers = { "x-nonce": nonce, "x-signature": hmac(secret, `ask ${path} ${nonce}`, body) }
  const answer = readAnswer(yield* http.send({ method: "POST", url: new URL(path, account.url).href, headers, body }))
  if (answer.status !== 200) return yield* new ChannelUncertain({ why: "server-error" })
  if (answer.signature !== hmac(secret, `answer ${path} ${nonce}`, answer.text)) {
    return yield* new ChannelUncertain({ why: "bad-signature" })
  }
  const fields = objectOf(answer.text)
  if (fields === undefined) return yield* unreadable()
  if (fields.refused !== undefined) {
    const concerns = fields.refused === "payer" ? ({ concerns: "payer" } as const) : {}
    return yield* new ChannelRejected({ reason: String(fields.refused), ...concerns })
  }
  if (fields.order !== asked.order) return yield* unreadable()
  return fields
})

const readAnswer = (answer: { readonly status: number; readonly headers: Fields; readonly body: Uint8Array }) => ({
  status: answer.status,
  signature: answer.headers["x-signature"],
  text: Buffer.from(answer.body).toString("utf8")
})

const objectOf = (text: string): Fields | undefined => {
  try {
    return { ...JSON.parse(text) }
  } catch {
    return undefined
  }
}

const paymentOf = ({ fen, trade, currency, at }: Fields): Payment | undefined =>
  typeof fen === "number" && typeof trade === "string" && typeof currency === "string" && typeof at === "number"
    ? { amountFen: fen, channelTradeNo: trade, currency, paidAt: new Date(at) }
    : undefined

const STATES = { absent: "absent", waiting: "pending", closed: "closed" } as const
const stateOf = (fields: Fields): ChargeState | undefined => {
  if (fields.state === "paid") {
    const payment = paymentOf(fields)
    return payment === undefined ? undefined : { state: "paid", payment }
  }
  return Object.hasOwn(STATES, String(fields.state))
    ? { state: STATES[fields.state as keyof typeof STATES] }
    : undefined
}

const orUnreadable = <A>(value: A | undefined) =>
  value === undefined ? Effect.fail(unreadable()) : Effect.succeed(value)

const refundOf = (fields: Fields, refundFen?: number): RefundState | undefined => {
  if (fields.refund === "refunded" && typeof fields.fen === "number" && (refundFen ?? fields.fen) === fields.fen) {
    return { state: "refunded", refundFen: fields.fen, channelRefundNo: String(fields.number), at: null }
  }
  return fields.refund === "failed" ? { state: "failed", reason: String(fields.why) } : undefined
}

const openTiny = (account: TinyAccount): Channel => ({
  reference: ({ orderNo }) => ({ key: orderNo }),
  charge: Effect.fnUntraced(function* (request) {
    const flow = tiny.products.find(({ code }) => code === request.code)?.flow
    if (flow === "jsapi" && request.jsapi === undefined) return yield* new ChannelRejected({ reason: "no payer" })
    const { orderNo: order, amountFen: fen, description } = request
    const openid = request.jsapi?.openid
    const answer = yield* call(account, "/charge", { order, fen, description, openid })
    const { code } = answer
    if (answer.fen !== fen || typeof code !== "string" || code === "") return yield* unreadable()
    if (flow === "redirect") return { kind: "redirect", url: code }
    if (flow === "app") return { kind: "app", order: code }
    if (flow === "qrcode") return { kind: "qrcode", content: code }
    const params = { appId: "wx1", timeStamp: "1700000000", nonceStr: "n", package: `prepay_id=${code}` }
    return { kind: "jsapi", params: { ...params, signType: "RSA", paySign: "s" } }
  }),
  query: ({ orderNo }) =>
    Effect.flatMap(call(account, "/query", { order: orderNo }), (answer) => orUnreadable(stateOf(answer))),
  readNotice: ({ headers, body }) => {
    const text = Buffer.from(body).toString("utf8")
    if (headers["x-signature"] !== hmac(Redacted.value(account.secret), "notice", text)) {
      return Effect.fail(new NoticeRefused({ why: "bad-signature" }))
    }
    const fields = objectOf(text) ?? {}
    const { merchant } = fields
    const state = stateOf(fields)
    if (state === undefined) return Effect.fail(new NoticeRefused({ why: "unreadable" }))
    if (merchant !== undefined && merchant !== account.merchant) {
      return Effect.fail(new NoticeRefused({ why: "not-ours" }))
    }
    const orderNo = String(fields.order)
    if (state.state !== "paid") return Effect.succeed({ kind: "news", orderNo })
    if (merchant === undefined) return Effect.succeed({ kind: "hint", orderNo })
    return Effect.succeed({ kind: "payment", orderNo, payment: state.payment })
  },
  replies: {
    accepted: { status: 200, contentType: "text/plain", body: "ok" },
    refused: { status: 400, contentType: "text/plain", body: "no" }
  },
  close: ({ orderNo }) =>
    Effect.flatMap(call(account, "/close", { order: orderNo }), (answer) => {
      const state = stateOf(answer)?.state
      return orUnreadable(state === "closed" || state === "paid" ? { state } : undefined)
    }),
  refund: ({ charge, refundNo, refundFen }) =>
    Effect.flatMap(call(account, "/refund", { order: charge.orderNo, number: refundNo, fen: refundFen }), (answer) =>
      orUnreadable(refundOf(answer, refundFen))
    ),
  queryRefund: ({ charge, refundNo }) =>
    Effect.flatMap(call(account, "/refund-query", { order: charge.orderNo, number: refundNo }), (answer) =>
      orUnreadable(refundOf(answer))
    ),
  downloadBill: ({ date }) =>
    Effect.flatMap(call(account, "/bill", { date }), ({ lines }) =>
      orUnreadable(
        typeof lines === "string" ? { fileName: `tiny-${date}.csv`, content: Buffer.from(lines) } : undefined
      )
    ),
  payer: {
    authorizeUrl: ({ redirectUrl, state }) =>
      `${account.url.origin}/login?state=${state}&back=${encodeURIComponent(redirectUrl)}`,
    identify: ({ code }) =>
      Effect.flatMap(call(account, "/openid", { code }), ({ openid }) =>
        orUnreadable(typeof openid === "string" ? { openid } : undefined)
      )
  }
})

interface Trade {
  readonly order: string
  readonly fen: number
  readonly trade: string
  state: "waiting" | "paid" | "closed"
  paidFen: number
  at: number
  readonly refunds: Map<string, number>
}

interface Asked {
  readonly order?: string
  readonly fen?: number
  readonly number?: string
  readonly code?: string
  readonly openid?: string
}

/** The openid by which the tiny provider knows nobody. */
const STRANGER = "nobody"

/** The tiny provider's side. */
export const startTiny = async (): Promise<KitSimulator> => {
  const secret = randomBytes(18).toString("hex")
  const trades = new Map<string, Trade>()
  const codes = new Map<string, string>()
  let fault: SimulatorFault | undefined

  const told = (trade: Trade): Fields => ({
    order: trade.order,
    state: trade.state,
    ...(trade.state === "paid" ? { fen: trade.paidFen, trade: trade.trade, currency: "CNY", at: trade.at } : {})
  })

  const answerTo = (path: string, asked: Asked): Fields => {
    const { order = "", fen = 0, number = "", code = "", openid } = asked
    const trade = trades.get(order)
    if (path === "/charge") {
      if (!Number.isSafeInteger(fen) || fen < 1) return { refused: "fen" }
      if (openid === STRANGER) return { refused: "payer" }
      if (trade !== undefined && trade.fen !== fen) return { refused: "taken" }
      const own = randomBytes(8).toString("hex")
      const made: Trade = trade ?? {
        order,
        fen,
        trade: own,
        state: "waiting",
        paidFen: 0,
        at: 0,
        refunds: new Map()
      }
      trades.set(order, made)
      return { order, fen, code: `${origin()}/pay/${order}` }
    }
    if (path === "/bill") return { lines: [...trades.keys()].join("\n") }
    if (path === "/openid") {
      const known = codes.get(code)
      codes.delete(code)
      return known === undefined ? { refused: "code" } : { openid: known }
    }
    if (trade === undefined) return path === "/query" ? { order, state: "absent" } : { refused: "no such order" }
    if (path === "/close" && trade.state === "waiting") trade.state = "closed"
    if (path === "/refund") {
      const refundedFen = [...trade.refunds.values()].reduce((sum, part) => sum + part, 0)
      const before = trade.refunds.get(number)
      if (before === undefined && refundedFen + fen > trade.paidFen) {
        return { order, refund: "failed", why: "more than was paid" }
      }
      trade.refunds.set(number, before ?? fen)
    }
    if (path.startsWith("/refund")) {
      const refundedFen = trade.refunds.get(number)
      return refundedFen === undefined
        ? { order, refund: "failed", why: "unknown" }
        : { order, refund: "refunded", fen: refundedFen, number: `R${number}` }
    }
    return told(trade)
  }

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Array<Buffer> = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks).toString("utf8")
    const path = new URL(request.url ?? "/", origin()).pathname
    const nonce = String(request.headers["x-nonce"])
    if (request.headers["x-signature"] !== hmac(secret, `ask ${path} ${nonce}`, body)) {
      response.writeHead(401).end()
      return
    }
    const spoiled = fault
    fault = undefined
    const truth =
      spoiled === "refused" || spoiled === "rate-limited"
        ? { [spoiled]: "the kit's" }
        : answerTo(path, JSON.parse(body))
    const lie = spoiled === "other-order" ? { order: "QR0" } : spoiled === "other-amount" ? { fen: 999 } : {}
    const text = JSON.stringify({ ...truth, ...lie })
    const signature = hmac(spoiled === "wrong-signature" ? "nobody" : secret, `answer ${path} ${nonce}`, text)
    response.writeHead(200, spoiled === "unsigned" ? {} : { "x-signature": signature }).end(text)
  }

  const server = createServer((request, response) => void serve(request, response).catch(() => response.destroy()))
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const origin = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  return {
    account: { merchant: "m1", secret, url: origin() },
    pay: (orderNo, how = {}) => {
      const trade = trades.get(orderNo)
      if (trade?.state !== "waiting") return false
      trade.state = "paid"
      trade.paidFen = how.amountFen ?? trade.fen
      trade.at = Date.now()
      return true
    },
    notice: (orderNo, { amountFen, currency, paid = true, receiver, signedBy } = {}): KitNotice => {
      const trade = trades.get(orderNo)
      const merchant = { nobody: undefined, another: "m2", us: "m1" }[receiver ?? "us"]
      const others = { state: "paid", fen: trade?.fen, trade: "T2", currency: "CNY", at: Date.now() }
      const body = JSON.stringify({
        merchant,
        ...(trade === undefined ? {} : told(trade)),
        ...(receiver === undefined ? {} : others),
        ...(amountFen === undefined ? {} : { fen: amountFen }),
        ...(currency === undefined ? {} : { currency }),
        ...(paid ? {} : { state: "waiting" })
      })
      if (signedBy === "nobody") return { headers: {}, body }
      return { headers: { "x-signature": hmac(signedBy === "stranger" ? "nobody" : secret, "notice", body) }, body }
    },
    fault: (wanted) => {
      fault = wanted
      return true
    },
    book: (orderNo) => {
      const trade = trades.get(orderNo)
      if (trade === undefined) return undefined
      const refundedFen = [...trade.refunds.values()].reduce((sum, part) => sum + part, 0)
      return { amountFen: trade.fen, paidFen: trade.paidFen, refundedFen }
    },
    trades: () => trades.size,
    login: (_url, openid) => {
      const code = randomBytes(8).toString("hex")
      codes.set(code, openid)
      return code
    },
    stranger: STRANGER,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}

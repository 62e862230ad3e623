import { createHmac, randomBytes } from "node:crypto"
import { writeFileSync } from "node:fs"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import process from "node:process"
import type { KitSimulator, SimulatorFault } from "../../core/kit/index.ts"

/*
 * The provider's side: what your provider's manual says, as a server on loopback. It signs with code of its own,
 * because a mistake that both sides share is seen by nobody.
 *
 *   POST /charge, /query, /close   JSON; x-nonce, x-signature = HMAC-SHA256(secret, "request PATH NONCE" LF body)
 *   every answer                   x-signature = HMAC-SHA256(secret, "answer PATH NONCE" LF body)
 *   the notice of a payment        x-signature = HMAC-SHA256(secret, "notice" LF body); names its merchant_no; expects
 *                                  the answer "success"
 *   GET /pay/ORDER_NO              the payer's page; its link pays
 */

interface Trade {
  readonly orderNo: string
  readonly amountFen: number
  readonly noticeUrl: string
  readonly tradeNo: string
  state: "WAITING" | "PAID" | "CLOSED"
  paidFen: number
  paidAt: string
}

const MERCHANT_NO = "880001"
const yuan = (fen: number): string => `${Math.floor(fen / 100)}.${String(fen % 100).padStart(2, "0")}`

/** Starts the provider. @param port default a free port */
export const startSimulator = async (port = 0): Promise<KitSimulator> => {
  const secret = randomBytes(24).toString("base64url")
  const trades = new Map<string, Trade>()
  let fault: SimulatorFault | undefined
  const sign = (purpose: string, body: string, by = secret) =>
    createHmac("sha256", by).update(`${purpose}\n${body}`).digest("hex")

  const answerTo = (path: string, asked: Readonly<Record<string, string>>): object => {
    const orderNo = asked.order_no ?? ""
    const known = trades.get(orderNo)
    if (path === "/charge") {
      const amountFen = Math.round(Number(asked.amount) * 100)
      if (!/^\d+\.\d\d$/.test(asked.amount ?? "") || amountFen < 1) return refusal("BAD_AMOUNT", "amount")
      if (known !== undefined && known.amountFen !== amountFen) return refusal("NUMBER_TAKEN", "the number is taken")
      if (known?.state === "CLOSED") return refusal("ORDER_CLOSED", "the order is closed")
      const trade = known ?? {
        orderNo,
        amountFen,
        noticeUrl: asked.notice_url ?? "",
        tradeNo: `T${randomBytes(8).toString("hex").toUpperCase()}`,
        state: "WAITING",
        paidFen: 0,
        paidAt: ""
      }
      trades.set(orderNo, trade)
      return { result: "ok", order_no: orderNo, amount: yuan(amountFen), qr_code: `${origin()}/pay/${orderNo}` }
    }
    if (known === undefined) return { result: "ok", order_no: orderNo, state: "UNKNOWN_ORDER" }
    if (path === "/close" && known.state === "WAITING") known.state = "CLOSED"
    return { result: "ok", ...stateOf(known) }
  }

  const stateOf = (trade: Trade) => ({
    order_no: trade.orderNo,
    state: trade.state,
    ...(trade.state === "PAID"
      ? { paid_amount: yuan(trade.paidFen), currency: "CNY", paid_at: trade.paidAt, trade_no: trade.tradeNo }
      : {})
  })

  const pay: KitSimulator["pay"] = (orderNo, how = {}) => {
    const trade = trades.get(orderNo)
    if (trade?.state !== "WAITING") return false
    trade.state = "PAID"
    trade.paidFen = how.amountFen ?? trade.amountFen
    trade.paidAt = new Date().toISOString()
    return true
  }

  const notice = (trade: Trade, change: object = {}) => {
    const body = JSON.stringify({ merchant_no: MERCHANT_NO, ...stateOf(trade), ...change })
    return { headers: { "x-signature": sign("notice", body) }, body }
  }

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? "/", "http://simulator")
    const page = /^\/pay\/(\w+)$/.exec(url.pathname)
    if (page !== null) return payerPage(page[1] ?? "", url.searchParams.has("pay"), response)
    const chunks: Array<Buffer> = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks).toString("utf8")
    const nonce = String(request.headers["x-nonce"])
    if (request.headers["x-signature"] !== sign(`request ${url.pathname} ${nonce}`, body)) {
      response.writeHead(401).end("bad signature")
      return
    }
    const spoiled = fault
    fault = undefined
    const asked = JSON.parse(body)
    const truth = (spoiled && REFUSALS[spoiled]) ?? answerTo(url.pathname, asked)
    const lie = spoiled === "other-order" ? { order_no: "QR0" } : spoiled === "other-amount" ? { amount: "9.99" } : {}
    const text = JSON.stringify({ ...truth, ...lie })
    const purpose = `answer ${url.pathname} ${nonce}`
    const signature = sign(purpose, text, spoiled === "wrong-signature" ? "nobody's key" : secret)
    response.writeHead(200, {
      "content-type": "application/json",
      ...(spoiled === "unsigned" ? {} : { "x-signature": signature })
    })
    response.end(text)
  }

  /** The page behind the code. Its link pays and sends the notice. */
  const payerPage = async (orderNo: string, pays: boolean, response: ServerResponse): Promise<void> => {
    const trade = trades.get(orderNo)
    if (trade === undefined) return void response.writeHead(404).end("no such order")
    let heard = ""
    if (pays && (await pay(orderNo))) {
      const { headers, body } = notice(trade)
      const answer = await fetch(trade.noticeUrl, { method: "POST", headers, body }).catch(() => undefined)
      heard = `<p>the gateway answered: ${answer === undefined ? "nothing" : await answer.text()}`
    }
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" })
    response.end(
      `<!doctype html><title>My Channel</title><p>${orderNo}: ${yuan(trade.amountFen)} 元, ${trade.state}${heard}` +
        '<p><a href="?pay">付款 Pay</a>'
    )
  }

  const server = createServer((request, response) => void serve(request, response).catch(() => response.destroy()))
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve))
  const origin = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  return {
    account: { merchantNo: MERCHANT_NO, secret, baseUrl: origin() },
    pay,
    notice: (orderNo, { amountFen, currency, paid = true, receiver, signedBy } = {}) => {
      const trade = trades.get(orderNo)
      if (trade === undefined) throw new Error(`no order ${orderNo}`)
      // Another merchant's trade of the same order number, paid though ours is not.
      const others = { ...trade, tradeNo: "T2", state: "PAID", paidAt: new Date().toISOString() } as const
      const made = notice(receiver === undefined ? trade : others, {
        ...(receiver === undefined ? {} : { merchant_no: receiver === "another" ? "880002" : undefined }),
        ...(amountFen === undefined ? {} : { paid_amount: yuan(amountFen) }),
        ...(currency === undefined ? {} : { currency }),
        ...(paid ? {} : { state: "WAITING" })
      })
      if (signedBy === "nobody") return { headers: {}, body: made.body }
      if (signedBy === undefined) return made
      return { headers: { "x-signature": sign("notice", made.body, "nobody's key") }, body: made.body }
    },
    fault: (wanted) => {
      fault = wanted
      return true
    },
    book: (orderNo) => {
      const trade = trades.get(orderNo)
      return trade === undefined ? undefined : { amountFen: trade.amountFen, paidFen: trade.paidFen, refundedFen: 0 }
    },
    trades: () => trades.size,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}

const refusal = (code: string, reason: string) => ({ result: "refused", code, reason })
const REFUSALS: { readonly [F in SimulatorFault]?: object } = {
  refused: refusal("MERCHANT_DISABLED", "the merchant's contract has ended"),
  "rate-limited": refusal("TOO_OFTEN", "too many calls, try again later")
}

// `bun simulator.ts account.json` or `deno run -A simulator.ts account.json`: a provider to try the channel with.
if (import.meta.main) {
  const [file = "account.json"] = process.argv.slice(2)
  const { account } = await startSimulator()
  writeFileSync(file, `${JSON.stringify(account, null, 2)}\n`, { mode: 0o600 })
  process.stdout.write(`The provider listens on ${account.baseUrl}; ${file} is an account at it.\n`)
}

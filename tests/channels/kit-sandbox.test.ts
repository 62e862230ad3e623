import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { Effect, Redacted, Schema } from "effect"
import sandbox, { SandboxAccount } from "../../channels/sandbox/index.ts"
import { noticeBody } from "../../channels/sandbox/notices.ts"
import { newNonce, signatureHeaders } from "../../channels/sandbox/sign.ts"
import { findTrade, newTradeNo, pay, paymentOf, step } from "../../channels/sandbox/trade.ts"
import type { ChannelBook, JsonObject } from "../../core/channel/index.ts"
import { siteResponse } from "../../core/http/web/site-page.ts"
import { describeChannel, type KitSimulator, type SimulatorFault } from "../../core/kit/index.ts"

const memoryBook = () => {
  const entries = new Map<string, JsonObject>()
  const book: ChannelBook = {
    get: (key) => Effect.sync(() => entries.get(key) ?? null),
    update: (key, change) =>
      Effect.sync(() => {
        const value: JsonObject = JSON.parse(JSON.stringify(change(entries.get(key) ?? null)))
        entries.set(key, value)
        return value
      })
  }
  return { entries, book }
}

const bytesOf = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** The sandbox's own site as a provider that stands outside: the gateway around it is nothing but an address. */
const start = async (): Promise<KitSimulator> => {
  const settings = sandbox.testMode?.newAccount() as Record<string, unknown>
  const account = Schema.decodeUnknownSync(SandboxAccount)(settings)
  const key = account.signingKey
  const stranger = Redacted.make(newNonce())
  const { entries, book } = memoryBook()
  const cookies = new Map<string, string>()
  let fault: SimulatorFault | undefined

  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? "/", origin)
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]))
    const body = await bytesOf(request)
    const spoiled = url.pathname.startsWith("/sandbox/api/") ? fault : undefined
    if (spoiled !== undefined) fault = undefined
    const signed = (text: string, by = key) =>
      signatureHeaders(by, `answer ${url.pathname}`, text, Date.now(), headers["sandbox-nonce"])
    if (spoiled === "refused") {
      const text = JSON.stringify({ result: "refused", reason: "the kit's refusal" })
      response.writeHead(200, { "content-type": "application/json", ...signed(text) }).end(text)
      return
    }
    const answered = await Effect.runPromise(
      sandbox.site?.(
        { method: request.method ?? "", url, headers, body, language: "zh" },
        { gateway, account, accountId: "acc_kit", book, clientIp: "127.0.0.1" }
      ) ?? Effect.die("the sandbox has a site")
    )
    const answer = siteResponse("/sandbox/", answered)
    const answerHeaders = Object.fromEntries(answer.headers)
    const text = Buffer.from(await answer.arrayBuffer())
    if (spoiled === "unsigned") response.writeHead(answer.status, { "content-type": "application/json" }).end(text)
    else if (spoiled === "wrong-signature") {
      response.writeHead(answer.status, { ...answerHeaders, ...signed(text.toString("utf8"), stranger) }).end(text)
    } else response.writeHead(answer.status, answerHeaders).end(text)
  }
  const server = createServer((request, response) => void serve(request, response).catch(() => response.destroy()))
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const gateway = { publicUrl: origin, localUrl: origin }
  const tradeOf = (orderNo: string) => Effect.runPromise(findTrade(book, orderNo))

  return {
    account: settings,
    gateway,
    pay: async (orderNo, how) => {
      const trade = await tradeOf(orderNo)
      if (trade === null) return false
      const payer = newNonce()
      const payment = { ...paymentOf(trade, {}, Date.now()), ...how }
      const now = await Effect.runPromise(step(book, orderNo, pay(payment, payer, Date.now())))
      return now.paidBy === payer
    },
    notice: async (orderNo, { paid = true, signedBy, ...change } = {}) => {
      const trade = await tradeOf(orderNo)
      const payment = { tradeNo: newTradeNo(0), amountFen: 0, currency: "CNY", paidAtMs: Date.now(), feeFen: null }
      const body = paid
        ? noticeBody("trade.paid", orderNo, { ...(trade?.payment ?? payment), ...change })
        : noticeBody("trade.failed", orderNo, null)
      if (signedBy === "nobody") return { headers: {}, body }
      return { headers: signatureHeaders(signedBy === "stranger" ? stranger : key, "notice", body, Date.now()), body }
    },
    fault: (wanted) => {
      // An answer is bound to its request by the nonce and repeats neither number nor amount.
      if (wanted === "other-order" || wanted === "other-amount") return false
      fault = wanted
      return true
    },
    book: async (orderNo) => {
      const trade = await tradeOf(orderNo)
      if (trade === null) return undefined
      const refundedFen = Object.values(trade.refunds).reduce((sum, { refundFen }) => sum + refundFen, 0)
      return { amountFen: trade.amountFen, paidFen: trade.payment?.amountFen ?? 0, refundedFen }
    },
    trades: () => [...entries.keys()].filter((name) => !name.includes(":")).length,
    login: async (authorizeUrl, openid) => {
      const cookie = cookies.get(openid)
      const page = await fetch(authorizeUrl, { redirect: "manual", headers: cookie === undefined ? {} : { cookie } })
      const set = page.headers.get("set-cookie")?.split(";")[0]
      if (set !== undefined) cookies.set(openid, set)
      return new URL(page.headers.get("location") ?? "").searchParams.get("code") ?? ""
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}

describeChannel(sandbox, { simulator: start })

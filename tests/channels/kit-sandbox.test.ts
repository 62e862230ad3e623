import { Effect, Redacted, Schema } from "effect"
import {
  type SimulatorReply,
  type SimulatorRequest,
  startSimulatorServer
} from "../../channels/protocols/simulator/server.ts"
import sandbox, { SandboxAccount } from "../../channels/sandbox/index.ts"
import { noticeBody } from "../../channels/sandbox/notices.ts"
import { newNonce, signatureHeaders } from "../../channels/sandbox/sign.ts"
import { memoryFacts } from "../../channels/sandbox/site.fixture.ts"
import { findTrade, newTradeNo, pay, paymentOf, step } from "../../channels/sandbox/trade.ts"
import { describeChannel, type KitSimulator, type SimulatorFault } from "../../core/kit/index.ts"

/** The sandbox's site as a provider outside the gateway, which is only an address here. */
const start = async (): Promise<KitSimulator> => {
  const settings = sandbox.testMode?.newAccount() as Record<string, unknown>
  const account = Schema.decodeUnknownSync(SandboxAccount)(settings)
  const key = account.signingKey
  const stranger = Redacted.make(newNonce())
  const { entries, facts } = memoryFacts()
  const cookies = new Map<string, string>()
  let fault: SimulatorFault | undefined

  const serve = async (request: SimulatorRequest): Promise<SimulatorReply> => {
    const { method, target, headers, body } = request
    const url = new URL(target, server.origin)
    const spoiled = url.pathname.startsWith("/sandbox/api/") ? fault : undefined
    if (spoiled !== undefined) fault = undefined
    const signed = (text: string, by = key) =>
      signatureHeaders(by, `answer ${url.pathname}`, text, Date.now(), headers["sandbox-nonce"])
    const json = { "content-type": "application/json" }
    if (spoiled === "refused" || spoiled === "rate-limited") {
      const result = spoiled === "refused" ? "refused" : "unsure"
      const text = JSON.stringify({ result, reason: "the kit's" })
      return { status: 200, headers: { ...json, ...signed(text) }, body: text }
    }
    const context = { gateway, account, accountId: "acc_kit", facts, clientIp: "127.0.0.1" }
    const answer = await Effect.runPromise(
      sandbox.site?.({ method, url, headers, body, language: "zh" }, context) ?? Effect.die("the sandbox has a site")
    )
    if ("title" in answer) throw new Error(`the kit drives no pages: ${url.pathname}`)
    if (spoiled === "unsigned") return { ...answer, headers: json }
    if (spoiled !== "wrong-signature") return answer
    const text = Buffer.from(answer.body).toString("utf8")
    return { ...answer, headers: { ...answer.headers, ...signed(text, stranger) } }
  }
  const server = await startSimulatorServer(serve)
  const { origin } = server
  const gateway = { publicUrl: origin, localUrl: origin }
  const tradeOf = (orderNo: string) => Effect.runPromise(findTrade(facts, orderNo))

  return {
    account: settings,
    gateway,
    pay: async (orderNo, how) => {
      const trade = await tradeOf(orderNo)
      if (trade === null) return false
      const payer = newNonce()
      const payment = { ...paymentOf(trade, {}, Date.now()), ...how }
      const now = await Effect.runPromise(step(facts, orderNo, pay(payment, payer, Date.now())))
      return now.paidBy === payer
    },
    notice: async (orderNo, { paid = true, receiver, signedBy, ...change } = {}) => {
      // The key is this account's alone: a notice that is not for it cannot be signed.
      if (receiver !== undefined) return undefined
      const trade = await tradeOf(orderNo)
      const payment = { tradeNo: newTradeNo(0), amountFen: 0, currency: "CNY", paidAtMs: Date.now(), feeFen: null }
      const body = paid
        ? noticeBody("trade.paid", orderNo, { ...(trade?.payment ?? payment), ...change })
        : noticeBody("trade.failed", orderNo, null)
      if (signedBy === "nobody") return { headers: {}, body }
      return { headers: signatureHeaders(signedBy === "stranger" ? stranger : key, "notice", body, Date.now()), body }
    },
    fault: (wanted) => {
      // The nonce binds an answer to its request; the answer repeats neither number nor amount.
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
    stranger: "nobody",
    stop: server.stop
  }
}

describeChannel(sandbox, { simulator: start })

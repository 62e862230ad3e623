import { generateKeyPairSync } from "node:crypto"
import type { IncomingMessage, ServerResponse } from "node:http"
import { readText, serveSimulator } from "../simulator/server.ts"
import type { Gateway } from "./methods.ts"
import { openAnswers, type Reply, refusedByGateway } from "./simulator-answers.ts"
import { openBook, type SentNotice, type Trade } from "./simulator-book.ts"
import { type Chance, type FaultRule, faultSwitches } from "./simulator-faults.ts"
import { openNotices } from "./simulator-notices.ts"
import { noticeBody, yuan } from "./simulator-wire.ts"

export type { Refund, SentNotice, Trade } from "./simulator-book.ts"
export { type Chance, type Fault, type FaultRule, ORDER_FAULTS, YSEPAY_FAULTS } from "./simulator-faults.ts"

export interface SimulatorOptions {
  /** Milliseconds between pushes of a notice until it hears `success`; the real one's second push came after 11 s. */
  readonly pushEveryMs?: number
  /** How often a notice is pushed at most; the real schedule is unknown. Default 5. */
  readonly pushesMax?: number
  readonly chance?: Chance
  /** Default: one, then the other. */
  readonly signPlace?: "first" | "last"
  /** Amounts as JSON numbers everywhere, not only where the real one is known to send them. */
  readonly numericAmounts?: boolean
  /** Slashes sent as `\/` though signed as `/`. */
  readonly escapeSlashes?: boolean
  /** 0 = any free port. */
  readonly port?: number
  readonly host?: string
  readonly nowMs?: () => number
}

export interface PayOptions {
  /** Whole fen; default what was asked (one more under the fault "wrong-amount"). */
  readonly amountFen?: number
  /** Default true. */
  readonly notify?: boolean
}

export interface Simulator {
  readonly origin: string
  /** The settings of an account that pays here, as the account's JSON. */
  readonly account: () => {
    readonly partnerId: string
    readonly sellerId: string
    readonly businessCode: string
    readonly privateKey: string
    readonly platformCertificate: string
    readonly gateways: Readonly<Record<Gateway, string>>
  }
  /** The provider's truth, by out_trade_no. */
  readonly book: ReadonlyMap<string, Trade>
  /** What callers did against the protocol, in words; empty after a run of a correct client. */
  readonly mistakes: ReadonlyArray<string>
  readonly inject: (rule: FaultRule) => void
  readonly clearFaults: () => void
  /** The payer pays. Resolves when the first push has been answered; further ones follow by themselves. */
  readonly pay: (outTradeNo: string, how?: PayOptions) => Promise<Trade>
  /** Pushes the notice of a paid trade once more, with a new time and signature. */
  readonly pushAgain: (outTradeNo: string) => Promise<SentNotice>
  /** A signed notice without sending it; `change` edits the fields before they are signed. */
  readonly notice: (outTradeNo: string, change?: Readonly<Record<string, string>>) => string
  readonly stop: () => Promise<void>
}

const PARTNER_ID = "shanghu_test"
const BUSINESS_CODE = "01000010"
const BODY_BYTES_MAX = 65_536
/** One server, a path for each of the three hosts. */
const PATHS = { "/qrcode/gateway.do": "pay", "/openapi/gateway.do": "openapi", "/search/gateway.do": "search" } as const

/** Starts Yinsheng's side on loopback, as strict as the real one is known or feared to be. */
export const startYsepaySimulator = async (options: SimulatorOptions = {}): Promise<Simulator> => {
  const nowMs = options.nowMs ?? Date.now
  const merchant = generateKeyPairSync("rsa", { modulusLength: 2048 })
  const platform = generateKeyPairSync("rsa", { modulusLength: 1024 }) // as the real one: a reader that wants 2048 fails
  const faults = faultSwitches(options.chance)
  const mistakes: Array<string> = []
  const notices = openNotices({
    key: platform.privateKey,
    nowMs,
    pushEveryMs: options.pushEveryMs ?? 11_000,
    pushesMax: options.pushesMax ?? 5
  })
  let origin = ""

  const book = openBook({
    sellerId: PARTNER_ID,
    businessCode: BUSINESS_CODE,
    origin: () => origin,
    nowMs,
    faultsOf: faults.ofOrder,
    refunded: (trade, refund) => void notices.pushRefund(trade, refund)
  })

  const answerTo = openAnswers({
    book,
    faults,
    mistakes,
    partnerId: PARTNER_ID,
    merchantKey: merchant.publicKey,
    platformKey: platform.privateKey,
    origin: () => origin,
    nowMs,
    ...options
  })

  // --- payers ------------------------------------------------------------------------------------------------------

  const tradeOf = (outTradeNo: string): Trade => {
    const trade = book.trades.get(outTradeNo)
    if (trade === undefined) throw new Error(`no such trade: ${outTradeNo}`)
    return (
      book.find(
        new Map([
          ["out_trade_no", outTradeNo],
          ["shopdate", trade.shopdate]
        ])
      ) ?? trade
    )
  }

  const pay: Simulator["pay"] = async (outTradeNo, how = {}) => {
    const trade = tradeOf(outTradeNo)
    const late = trade.status === "TRADE_CLOSED" && trade.faults.has("late-payment")
    if (trade.status !== "WAIT_BUYER_PAY" && !late) throw new Error(`${outTradeNo} cannot be paid: ${trade.status}`)
    if (trade.faults.has("TRADE_FAILD")) trade.status = "TRADE_FAILD"
    else {
      trade.status = "TRADE_SUCCESS"
      trade.paidFen = how.amountFen ?? trade.amountFen + (trade.faults.has("wrong-amount") ? 1 : 0)
      trade.paidMs = nowMs()
      trade.processQueries = trade.faults.has("late-success") ? 2 : 0
    }
    if (how.notify ?? true) await notices.pushUntilSuccess(trade)
    return trade
  }

  const gatewayError = (reason: string): Reply => {
    mistakes.push(reason)
    return refusedByGateway(reason)
  }

  // --- HTTP --------------------------------------------------------------------------------------------------------

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? "/", "http://simulator")
    const gateway = PATHS[url.pathname as keyof typeof PATHS]
    const page = /^\/pay\/(\w+)$/.exec(url.pathname)
    if (request.method === "POST" && gateway !== undefined) {
      if (!request.headers["content-type"]?.startsWith("application/x-www-form-urlencoded")) {
        return end(response, gatewayError("not a form"))
      }
      const body = await readText(request, BODY_BYTES_MAX)
      return end(response, body === undefined ? gatewayError("too large") : answerTo(gateway, body))
    }
    if (request.method === "GET" && url.pathname.startsWith("/bill/")) {
      // 银盛 in GBK: whoever decodes a bill as UTF-8 breaks it.
      const bytes = Buffer.concat([Buffer.from([0xd2, 0xf8, 0xca, 0xa2]), Buffer.from(",1.00\r\n")])
      response.writeHead(200, { "content-type": "text/csv" }).end(bytes)
      return
    }
    if (request.method === "GET" && page !== null) {
      const outTradeNo = page[1] ?? ""
      if (!book.trades.has(outTradeNo)) return end(response, { status: 404, body: "no such order" })
      if (url.searchParams.get("do") === "pay") await pay(outTradeNo).catch(() => undefined)
      const { status, amountFen } = tradeOf(outTradeNo)
      const text = `${outTradeNo}: ${yuan(amountFen)} 元, ${status}`
      const html = `<!doctype html><meta charset="utf-8"><title>Yinsheng simulator</title><p>${text}<p><a href="?do=pay">付款</a>`
      return end(response, { status: 200, body: html })
    }
    end(response, { status: 404, body: "not found" })
  }

  const end = (response: ServerResponse, reply: Reply): void => {
    if (reply === "hang") return
    if (reply === "cut") return void response.socket?.destroy()
    const type = reply.body.startsWith("<") ? "text/html" : "application/json"
    response.writeHead(reply.status, { "content-type": `${type}; charset=utf-8` }).end(reply.body)
  }

  const server = await serveSimulator(
    (request, response) =>
      serve(request, response).catch((error) => end(response, { status: 500, body: String(error) })),
    options
  )
  origin = server.origin

  return {
    origin,
    account: () => ({
      partnerId: PARTNER_ID,
      sellerId: PARTNER_ID,
      businessCode: BUSINESS_CODE,
      privateKey: merchant.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
      platformCertificate: platform.publicKey.export({ type: "spki", format: "pem" }).toString(),
      gateways: {
        pay: `${origin}/qrcode/gateway.do`,
        openapi: `${origin}/openapi/gateway.do`,
        search: `${origin}/search/gateway.do`
      }
    }),
    book: book.trades,
    mistakes,
    inject: faults.add,
    clearFaults: faults.clear,
    pay,
    pushAgain: (outTradeNo) => {
      const trade = tradeOf(outTradeNo)
      return notices.push(trade, trade.notifyUrl, notices.fields(trade))
    },
    notice: (outTradeNo, change) => noticeBody(notices.fields(tradeOf(outTradeNo), change), platform.privateKey),
    stop: () => {
      notices.stop()
      return server.stop()
    }
  }
}

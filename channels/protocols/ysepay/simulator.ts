import { generateKeyPairSync } from "node:crypto"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { type Gateway, METHODS, type Method } from "./methods.ts"
import { type BookTrade, type MethodOutcome, openBook, type PushedNotice } from "./simulator-book.ts"
import { type CallFault, type Chance, type FaultRule, faultSwitches } from "./simulator-faults.ts"
import { openNotices } from "./simulator-notices.ts"
import { envelope, type Member, nodeText, readRequest, signedNoticeForm, yuan } from "./simulator-wire.ts"

export type { BookTrade, BookTradeRefund, PushedNotice } from "./simulator-book.ts"
export { CALL_FAULTS, type Chance, type Fault, type FaultRule, ORDER_FAULTS } from "./simulator-faults.ts"

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
  readonly book: ReadonlyMap<string, BookTrade>
  /** What callers did against the protocol, in words; empty after a run of a correct client. */
  readonly mistakes: ReadonlyArray<string>
  readonly inject: (rule: FaultRule) => void
  readonly clearFaults: () => void
  /** The payer pays. Resolves when the first push has been answered; further ones follow by themselves. */
  readonly pay: (outTradeNo: string, how?: PayOptions) => Promise<BookTrade>
  /** Pushes the notice of a paid trade once more, with a new time and signature. */
  readonly pushAgain: (outTradeNo: string) => Promise<PushedNotice>
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
  let answers = 0

  const book = openBook({
    sellerId: PARTNER_ID,
    businessCode: BUSINESS_CODE,
    origin: () => origin,
    nowMs,
    faultsOf: faults.ofOrder,
    refunded: (trade, refund) => void notices.pushRefund(trade, refund)
  })

  // --- answers -----------------------------------------------------------------------------------------------------

  const answerTo = (gateway: Gateway, body: string): Reply => {
    const request = readRequest(body, { partnerId: PARTNER_ID, key: merchant.publicKey, nowMs: nowMs() })
    if (typeof request === "string") return gatewayError(request)
    const { method, biz } = request
    if (!Object.hasOwn(METHODS, method)) return gatewayError(`unknown method ${method}`)
    if (METHODS[method as Method].gateway !== gateway) return gatewayError(`${method} on the host of ${gateway}`)
    const fault = faults.ofCall(method, biz.get("out_trade_no") ?? "")
    if (fault === "40004") return signed(method, { subCode: "7990", subMsg: "没找到路由" })
    if (fault === "50000") return signedCode(method, "50000", "系统繁忙")
    if (fault === "unknow_response") return unknowResponse("50001", "网关异常")
    const outcome = perform(method as Method, biz, request.common.get("notify_url"))
    if ("mistake" in outcome && outcome.mistake) mistakes.push(`${method}: ${outcome.subMsg}`)
    switch (fault) {
      case "3501":
        return signedCode(method, "3501", "交易处理中")
      case "lost-response":
        return "cut"
      case "stall":
        return "stall"
      case "http-500":
        return { status: 500, body: "<html><body>502 Bad Gateway</body></html>" }
      case "cut-off":
        return { status: 200, body: textOf(signed(method, outcome)).slice(0, -40) }
      default:
        return signed(method, outcome, fault)
    }
  }

  const perform = (method: Method, biz: ReadonlyMap<string, string>, notifyUrl: string | undefined): MethodOutcome => {
    switch (method) {
      case "ysepay.online.qrcodepay":
      case "ysepay.online.weixin.pay":
        return book.create(method, biz, notifyUrl)
      case "ysepay.online.trade.order.query":
        return book.query(biz)
      case "ysepay.online.trade.close":
        return book.close(biz)
      case "ysepay.online.trade.refund":
        return book.refund(biz, notifyUrl)
      case "ysepay.online.trade.refund.query":
        return book.refundQuery(biz)
      case "ysepay.online.bill.downloadurl.get":
        return /^\d{4}-\d\d-\d\d$/.test(biz.get("account_date") ?? "")
          ? { ok: [["bill_download_url", `${origin}/bill/${biz.get("account_date")}.csv`]] }
          : { subCode: "ACQ.INVALID_PARAMETER", subMsg: "account_date", mistake: true }
    }
  }

  const signed = (method: string, outcome: MethodOutcome, fault?: CallFault): Reply => {
    const members: ReadonlyArray<Member> =
      "ok" in outcome
        ? [["code", "10000"], ["msg", "Success"], ...outcome.ok.map((member) => altered(member, fault))]
        : [
            ["code", "40004"],
            ["msg", "Business Failed"],
            ["sub_code", outcome.subCode],
            ["sub_msg", outcome.subMsg]
          ]
    return { status: 200, body: wrap(method, nodeText(members), fault) }
  }

  const signedCode = (method: string, code: string, msg: string): Reply => ({
    status: 200,
    body: wrap(
      method,
      nodeText([
        ["code", code],
        ["msg", msg]
      ])
    )
  })

  const wrap = (method: string, node: string, fault?: CallFault): string =>
    envelope(method, node, platform.privateKey, {
      signFirst: options.signPlace === undefined ? answers++ % 2 === 0 : options.signPlace === "first",
      breakSignature: fault === "bad-signature",
      escapeSlashes: options.escapeSlashes ?? false
    })

  const altered = ([name, value]: Member, fault: CallFault | undefined): Member => {
    if (typeof value !== "string") return [name, value]
    if (fault === "other-order" && name === "out_trade_no")
      return [name, `${value.slice(0, -1)}${value.endsWith("0") ? "1" : "0"}`]
    if (fault === "other-amount" && name === "total_amount") return [name, `1${value}`]
    return options.numericAmounts && name.endsWith("_amount") ? [name, { raw: value }] : [name, value]
  }

  const gatewayError = (reason: string): Reply => {
    mistakes.push(reason)
    return unknowResponse("40002", "Invalid Arguments", reason)
  }

  // --- payers ------------------------------------------------------------------------------------------------------

  const tradeOf = (outTradeNo: string): BookTrade => {
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

  // --- HTTP --------------------------------------------------------------------------------------------------------

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? "/", "http://simulator")
    const gateway = PATHS[url.pathname as keyof typeof PATHS]
    const page = /^\/pay\/(\w+)$/.exec(url.pathname)
    if (request.method === "POST" && gateway !== undefined) {
      if (!request.headers["content-type"]?.startsWith("application/x-www-form-urlencoded")) {
        return end(response, gatewayError("not a form"))
      }
      const body = await readBody(request)
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
    if (reply === "stall") return
    if (reply === "cut") return void response.socket?.destroy()
    const type = reply.body.startsWith("<") ? "text/html" : "application/json"
    response.writeHead(reply.status, { "content-type": `${type}; charset=utf-8` }).end(reply.body)
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => end(response, { status: 500, body: String(error) }))
  })
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject)
    server.listen(options.port ?? 0, options.host ?? "127.0.0.1", resolve)
  })
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

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
    notice: (outTradeNo, change) => signedNoticeForm(notices.fields(tradeOf(outTradeNo), change), platform.privateKey),
    stop: async () => {
      notices.stop()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    }
  }
}

type Reply = { readonly status: number; readonly body: string } | "cut" | "stall"

const textOf = (reply: Reply): string => (typeof reply === "string" ? "" : reply.body)

/** Whether the real one signs this is not known; here it is not signed. */
const unknowResponse = (code: string, msg: string, reason = ""): Reply => ({
  status: 200,
  body: `{"unknow_response":${nodeText([
    ["code", code],
    ["msg", msg],
    ["sub_code", "isv.error"],
    ["sub_msg", reason]
  ])}}`
})

const readBody = async (request: IncomingMessage): Promise<string | undefined> => {
  const parts: Array<Buffer> = []
  let bytes = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > BODY_BYTES_MAX) return undefined
    parts.push(part)
  }
  return Buffer.concat(parts).toString("utf8")
}

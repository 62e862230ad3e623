import { generateKeyPairSync } from "node:crypto"
import type { CallFault } from "../simulator/faults.ts"
import type { Chance, FaultRule } from "../simulator/plan.ts"
import { type SimulatorReply, type SimulatorRequest, startSimulatorServer, withWireFault } from "../simulator/server.ts"
import { type Gateway, METHODS, type Method } from "./methods.ts"
import { type BookTrade, type MethodOutcome, openBook, type PushedNotice } from "./simulator-book.ts"
import { planYsepayFaults, type YsepayFault } from "./simulator-faults.ts"
import { openNotices } from "./simulator-notices.ts"
import { envelope, type Member, nodeText, readRequest, signedNoticeForm, yuan } from "./simulator-wire.ts"

export interface YsepaySimulatorOptions {
  /** Milliseconds between two pushes of a notice, default 11,000: the one observed interval of the real Yinsheng. */
  readonly pushEveryMs?: number
  /** Upper bound of a notice's pushes, default 5; the real schedule is unknown. */
  readonly pushesMax?: number
  readonly chance?: Chance<YsepayFault>
  /** Default: alternating. */
  readonly signPlace?: "first" | "last"
  /** Sends all amounts as JSON numbers; the real Yinsheng is known to do so in refund queries. */
  readonly numericAmounts?: boolean
  /** Sends slashes as `\/` and signs them as `/`. */
  readonly escapeSlashes?: boolean
  /** 0 = any free port. */
  readonly port?: number
  readonly host?: string
  readonly nowMs?: () => number
}

export interface PayOptions {
  /** Whole fen; default the order's amount, or one fen more under the fault "wrong-amount". */
  readonly amountFen?: number
  /** Default true. */
  readonly notify?: boolean
}

export interface YsepaySimulator {
  readonly origin: string
  /** The JSON of an account whose gateways point here. */
  readonly account: () => {
    readonly partnerId: string
    readonly sellerId: string
    readonly businessCode: string
    readonly privateKey: string
    readonly platformCertificate: string
    readonly gateways: Readonly<Record<Gateway, string>>
  }
  /** The provider's orders, by out_trade_no. */
  readonly book: ReadonlyMap<string, BookTrade>
  /** The callers' mistakes in words; a correct client leaves it empty. */
  readonly mistakes: ReadonlyArray<string>
  readonly inject: (rule: FaultRule<YsepayFault>) => void
  readonly clearFaults: () => void
  /** The payer pays. Resolves when the first push has been answered; further pushes follow in the background. */
  readonly pay: (outTradeNo: string, how?: PayOptions) => Promise<BookTrade>
  /** Pushes the notice of a paid trade once more, with a new time and signature. */
  readonly pushAgain: (outTradeNo: string) => Promise<PushedNotice>
  /** A signed notice that is not sent. `change` edits the fields before they are signed. */
  readonly notice: (outTradeNo: string, change?: Readonly<Record<string, string>>) => string
  readonly stop: () => Promise<void>
}

const PARTNER_ID = "shanghu_test"
const BUSINESS_CODE = "01000010"
/** One server, a path for each of the three hosts. */
const PATHS = { "/qrcode/gateway.do": "pay", "/openapi/gateway.do": "openapi", "/search/gateway.do": "search" } as const

/** Starts Yinsheng's side on loopback, as strict as the real one is known or suspected to be. */
export const startYsepaySimulator = async (options: YsepaySimulatorOptions = {}): Promise<YsepaySimulator> => {
  const nowMs = options.nowMs ?? Date.now
  const merchant = generateKeyPairSync("rsa", { modulusLength: 2048 })
  const platform = generateKeyPairSync("rsa", { modulusLength: 1024 }) // as the real one: whoever insists on 2048 bits fails
  const faults = planYsepayFaults(options.chance)
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

  const answerTo = (gateway: Gateway, body: string): SimulatorReply => {
    const request = readRequest(body, { partnerId: PARTNER_ID, key: merchant.publicKey, nowMs: nowMs() })
    if (typeof request === "string") return gatewayError(request)
    const { method, biz } = request
    if (!Object.hasOwn(METHODS, method)) return gatewayError(`unknown method ${method}`)
    if (METHODS[method as Method].gateway !== gateway) return gatewayError(`${method} on the host of ${gateway}`)
    const fault = faults.ofCall(method, biz.get("out_trade_no") ?? "")
    if (fault === "refused") return signed(method, { subCode: "7990", subMsg: "没找到路由" })
    if (fault === "rate-limited") return signed(method, { subCode: "ACQ.CALL_LIMITED", subMsg: "请求过于频繁" })
    if (fault === "busy") return signedCode(method, "50000", "系统繁忙")
    if (fault === "gateway-error") return unknowResponse("50001", "网关异常")
    return withWireFault(fault, () => {
      const outcome = perform(method as Method, biz, request.common.get("notify_url"))
      if ("mistake" in outcome && outcome.mistake) mistakes.push(`${method}: ${outcome.subMsg}`)
      return fault === "processing" ? signedCode(method, "3501", "交易处理中") : signed(method, outcome, fault)
    })
  }

  const perform = (method: Method, biz: ReadonlyMap<string, string>, notifyUrl: string | undefined): MethodOutcome => {
    switch (method) {
      case "ysepay.online.qrcodepay":
      case "ysepay.online.weixin.pay":
        return book.create(method, biz, notifyUrl)
      case "ysepay.online.trade.order.query":
      case "ysepay.online.trade.query":
        return book.query(method, biz)
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

  const signed = (method: string, outcome: MethodOutcome, fault?: CallFault): SimulatorReply => {
    const members: ReadonlyArray<Member> =
      "ok" in outcome
        ? [["code", "10000"], ["msg", "Success"], ...outcome.ok.map((member) => altered(member, fault))]
        : [
            ["code", "40004"],
            ["msg", "Business Failed"],
            ["sub_code", outcome.subCode],
            ["sub_msg", outcome.subMsg]
          ]
    return json(wrap(method, nodeText(members), fault))
  }

  const signedCode = (method: string, code: string, msg: string): SimulatorReply => {
    const members: ReadonlyArray<Member> = [
      ["code", code],
      ["msg", msg]
    ]
    return json(wrap(method, nodeText(members)))
  }

  const wrap = (method: string, node: string, fault?: CallFault): string =>
    envelope(method, node, platform.privateKey, {
      signFirst: options.signPlace === undefined ? answers++ % 2 === 0 : options.signPlace === "first",
      signature: fault === "wrong-signature" ? "wrong" : fault === "unsigned" ? "absent" : "right",
      escapeSlashes: options.escapeSlashes ?? false
    })

  const altered = ([name, value]: Member, fault: CallFault | undefined): Member => {
    if (typeof value !== "string") return [name, value]
    if (fault === "other-order" && name === "out_trade_no")
      return [name, `${value.slice(0, -1)}${value.endsWith("0") ? "1" : "0"}`]
    if (fault === "other-amount" && name === "total_amount") return [name, `1${value}`]
    return options.numericAmounts && name.endsWith("_amount") ? [name, { raw: value }] : [name, value]
  }

  const gatewayError = (reason: string): SimulatorReply => {
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

  const pay: YsepaySimulator["pay"] = async (outTradeNo, how = {}) => {
    const trade = tradeOf(outTradeNo)
    const late = trade.status === "TRADE_CLOSED" && trade.faults.has("late-payment")
    if (trade.status !== "WAIT_BUYER_PAY" && !late) throw new Error(`${outTradeNo} cannot be paid: ${trade.status}`)
    if (trade.faults.has("payment-fails")) trade.status = "TRADE_FAILD"
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

  const serve = async ({ method, url, headers, body }: SimulatorRequest): Promise<SimulatorReply> => {
    const gateway = PATHS[url.pathname as keyof typeof PATHS]
    const page = /^\/pay\/(\w+)$/.exec(url.pathname)
    if (method === "POST" && gateway !== undefined) {
      const isForm = headers["content-type"]?.startsWith("application/x-www-form-urlencoded")
      return isForm ? answerTo(gateway, body.toString("utf8")) : gatewayError("not a form")
    }
    if (method === "GET" && url.pathname.startsWith("/bill/")) {
      // 银盛 in GBK: decoding the bill as UTF-8 would corrupt it.
      const bytes = Buffer.concat([Buffer.from([0xd2, 0xf8, 0xca, 0xa2]), Buffer.from(",1.00\r\n")])
      return { status: 200, headers: { "content-type": "text/csv" }, body: bytes }
    }
    if (method === "GET" && page !== null) return payerPage(page[1] ?? "", url.searchParams.get("do") === "pay")
    return { status: 404, body: "not found" }
  }

  /** The page behind a code's link; a link on it pays. */
  const payerPage = async (outTradeNo: string, pays: boolean): Promise<SimulatorReply> => {
    if (!book.trades.has(outTradeNo)) return { status: 404, body: "no such order" }
    if (pays) await pay(outTradeNo).catch(() => undefined)
    const { status, amountFen } = tradeOf(outTradeNo)
    const text = `${outTradeNo}: ${yuan(amountFen)} 元, ${status}`
    const html = `<!doctype html><meta charset="utf-8"><title>Yinsheng simulator</title><p>${text}<p><a href="?do=pay">付款</a>`
    return { status: 200, headers: { "content-type": "text/html; charset=utf-8" }, body: html }
  }

  const server = await startSimulatorServer(serve, options)
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
    inject: faults.inject,
    clearFaults: faults.clear,
    pay,
    pushAgain: (outTradeNo) => {
      const trade = tradeOf(outTradeNo)
      return notices.push(trade, trade.notifyUrl, notices.fields(trade))
    },
    notice: (outTradeNo, change) => signedNoticeForm(notices.fields(tradeOf(outTradeNo), change), platform.privateKey),
    stop: async () => {
      notices.stop()
      await server.stop()
    }
  }
}

const json = (body: string): SimulatorReply => ({
  status: 200,
  headers: { "content-type": "application/json; charset=utf-8" },
  body
})

/** Unsigned here; whether the real Yinsheng signs it is unknown. */
const unknowResponse = (code: string, msg: string, reason = ""): SimulatorReply =>
  json(
    `{"unknow_response":${nodeText([
      ["code", code],
      ["msg", msg],
      ["sub_code", reason.startsWith("isv.") ? reason : "isv.error"],
      ["sub_msg", reason]
    ])}}`
  )

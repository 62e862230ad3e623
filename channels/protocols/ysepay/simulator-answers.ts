import type { KeyObject } from "node:crypto"
import { type Gateway, METHODS, type Method } from "./methods.ts"
import type { Outcome, openBook } from "./simulator-book.ts"
import type { FaultSwitches, YsepayFault } from "./simulator-faults.ts"
import { envelope, type Member, nodeText, readRequest } from "./simulator-wire.ts"

/** How a call is answered over HTTP; `cut`: the connection is closed, `hang`: nothing is ever said. */
export type Reply = { readonly status: number; readonly body: string } | "cut" | "hang"

export interface AnswerOptions {
  readonly book: ReturnType<typeof openBook>
  readonly faults: FaultSwitches
  /** What callers did against the protocol is added here, in words. */
  readonly mistakes: Array<string>
  readonly partnerId: string
  readonly merchantKey: KeyObject
  readonly platformKey: KeyObject
  readonly origin: () => string
  readonly nowMs: () => number
  readonly signPlace?: "first" | "last"
  readonly numericAmounts?: boolean
  readonly escapeSlashes?: boolean
}

/** Answers calls as Yinsheng's gateways do: checks the request, does what it asks, signs what came of it. */
export const openAnswers = (options: AnswerOptions): ((gateway: Gateway, body: string) => Reply) => {
  const { book, faults, mistakes, partnerId, merchantKey, platformKey, origin, nowMs } = options
  const { signPlace, numericAmounts = false, escapeSlashes = false } = options
  let answered = 0

  const answerTo = (gateway: Gateway, body: string): Reply => {
    const request = readRequest(body, { partnerId, key: merchantKey, nowMs: nowMs() })
    if (typeof request === "string") return gatewayError(request)
    const { method, biz } = request
    if (!Object.hasOwn(METHODS, method)) return gatewayError(`unknown method ${method}`)
    if (METHODS[method as Method].gateway !== gateway) return gatewayError(`${method} on the host of ${gateway}`)
    const fault = faults.ofCall(method, biz.get("out_trade_no") ?? "")
    if (fault === "refused") return signed(method, { subCode: "7990", subMsg: "没找到路由" })
    if (fault === "error-before") return signedCode(method, "50000", "系统繁忙")
    if (fault === "unsigned-error") return unknowResponse("50001", "网关异常")
    const outcome = perform(method as Method, biz, request.common.get("notify_url"))
    if ("mistake" in outcome && outcome.mistake) mistakes.push(`${method}: ${outcome.subMsg}`)
    switch (fault) {
      case "processing":
        return signedCode(method, "3501", "交易处理中")
      case "lost-answer":
        return "cut"
      case "hang":
        return "hang"
      case "error-after":
        return { status: 500, body: "<html><body>502 Bad Gateway</body></html>" }
      case "cut-off":
        return { status: 200, body: textOf(signed(method, outcome)).slice(0, -40) }
      default:
        return signed(method, outcome, fault)
    }
  }

  const perform = (method: Method, biz: ReadonlyMap<string, string>, notifyUrl: string | undefined): Outcome => {
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
          ? { ok: [["bill_download_url", `${origin()}/bill/${biz.get("account_date")}.csv`]] }
          : { subCode: "ACQ.INVALID_PARAMETER", subMsg: "account_date", mistake: true }
    }
  }

  const signed = (method: string, outcome: Outcome, fault?: YsepayFault): Reply => {
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

  const wrap = (method: string, node: string, fault?: YsepayFault): string =>
    envelope(method, node, platformKey, {
      signFirst: signPlace === undefined ? answered++ % 2 === 0 : signPlace === "first",
      breakSignature: fault === "wrong-signature",
      escapeSlashes: escapeSlashes
    })

  const altered = ([name, value]: Member, fault: YsepayFault | undefined): Member => {
    if (typeof value !== "string") return [name, value]
    if (fault === "other-order" && name === "out_trade_no")
      return [name, `${value.slice(0, -1)}${value.endsWith("0") ? "1" : "0"}`]
    if (fault === "other-amount" && name === "total_amount") return [name, `1${value}`]
    return numericAmounts && name.endsWith("_amount") ? [name, { raw: value }] : [name, value]
  }

  const gatewayError = (reason: string): Reply => {
    mistakes.push(reason)
    return refusedByGateway(reason)
  }

  return answerTo
}

const textOf = (reply: Reply): string => (typeof reply === "string" ? "" : reply.body)

/** What the gateway says to a request that is against its protocol. */
export const refusedByGateway = (reason: string): Reply => unknowResponse("40002", "Invalid Arguments", reason)

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

import type { YsepayOrderFault } from "./simulator-faults.ts"
import { type Biz, beijing, beijingDate, type Member, yuan } from "./simulator-wire.ts"

/** An order at the simulated Yinsheng: the truth that tests compare with. */
export interface BookTrade {
  readonly outTradeNo: string
  readonly shopdate: string
  readonly tradeNo: string
  readonly subject: string
  readonly bankType: string
  readonly amountFen: number
  readonly notifyUrl: string
  readonly expiresMs: number
  readonly faults: ReadonlySet<YsepayOrderFault>
  status: "WAIT_BUYER_PAY" | "TRADE_SUCCESS" | "TRADE_CLOSED" | "TRADE_FAILD"
  /** Whole fen; null = unpaid. */
  paidFen: number | null
  paidMs: number | null
  /** How often its creation was requested; more than 1 = a repeated request. */
  creates: number
  /** How many more queries answer TRADE_PROCESS (fault "late-success"). */
  processQueries: number
  readonly notices: Array<PushedNotice>
  readonly refunds: Map<string, BookTradeRefund>
}

export interface PushedNotice {
  readonly body: string
  readonly forged: boolean
  /** The receiver's status and body; null = no answer. */
  answer: { readonly status: number; readonly body: string } | null
  /** Whether the answer's body was exactly `success`. */
  acknowledged: boolean
}

export interface BookTradeRefund {
  readonly refundNo: string
  readonly refundsn: string
  readonly refundFen: number
  readonly notifyUrl: string | undefined
  state: "in_process" | "success" | "fail"
}

/** A method's answer: a signed 10000 with these members, or a signed 40004. */
export type MethodOutcome =
  | { readonly ok: ReadonlyArray<Member> }
  | { readonly subCode: string; readonly subMsg: string; readonly mistake?: boolean }

const refuse = (subCode: string, subMsg: string): MethodOutcome => ({ subCode, subMsg })
/** The caller broke the protocol: it is answered like any refusal, and the mistake is noted for the test. */
const mistake = (subMsg: string): MethodOutcome => ({ subCode: "ACQ.INVALID_PARAMETER", subMsg, mistake: true })

export interface BookSettings {
  readonly sellerId: string
  readonly businessCode: string
  readonly origin: () => string
  readonly nowMs: () => number
  readonly faultsOf: (outTradeNo: string) => ReadonlySet<YsepayOrderFault>
  readonly refunded: (trade: BookTrade, refund: BookTradeRefund) => void
}

const BANK_TYPES = ["1902000", "1903000", "1904000", "1905000", "9001002"]
const CREATE_FIELDS = {
  required: ["out_trade_no", "shopdate", "subject", "total_amount", "seller_id", "timeout_express", "business_code"],
  optional: ["currency", "seller_name", "extra_common_param", "submer_ip", "payer_ip"]
}

/** The provider's orders and its rules. Where no sub_code of a refusal is published, it is this simulator's own. */
export const openBook = (settings: BookSettings) => {
  const trades = new Map<string, BookTrade>()

  const find = (biz: Biz): BookTrade | undefined => {
    const trade = trades.get(biz.get("out_trade_no") ?? "")
    if (trade === undefined || trade.shopdate !== biz.get("shopdate")) return undefined
    // An order that nobody paid in time closes by itself.
    if (trade.status === "WAIT_BUYER_PAY" && settings.nowMs() >= trade.expiresMs) trade.status = "TRADE_CLOSED"
    return trade
  }
  const unknown = (biz: Biz): MethodOutcome =>
    trades.has(biz.get("out_trade_no") ?? "")
      ? { ...refuse("ACQ.QUERY_NO_RECORD", "记录不存在"), mistake: true } // known under another shopdate
      : refuse("ACQ.QUERY_NO_RECORD", "记录不存在")

  const create = (method: string, biz: Biz, notifyUrl: string | undefined): MethodOutcome => {
    const isWeixin = method.endsWith("weixin.pay")
    const own = isWeixin ? ["appid", "sub_openid", "is_minipg"] : ["bank_type"]
    const missing = [...CREATE_FIELDS.required, ...own].find((name) => !biz.get(name))
    if (missing !== undefined) return mistake(`missing ${missing}`)
    const known = [...CREATE_FIELDS.required, ...CREATE_FIELDS.optional, ...own]
    const strange = [...biz.keys()].find((name) => !known.includes(name))
    if (strange !== undefined) return mistake(`unknown ${strange}`)
    const get = (name: string) => biz.get(name) ?? ""
    const outTradeNo = get("out_trade_no")
    const shopdate = get("shopdate")
    const days = [0, 1].map((back) => beijingDate(settings.nowMs() - back * 86_400_000))
    if (!days.includes(shopdate)) return mistake("shopdate is not today's")
    if (outTradeNo.length > 32 || !outTradeNo.startsWith(shopdate)) return mistake("out_trade_no")
    if (!/^(0|[1-9]\d{0,8})\.\d\d$/.test(get("total_amount"))) return mistake("total_amount")
    const amountFen = Number(get("total_amount").replace(".", ""))
    if (amountFen < 1 || amountFen > 10_000_000_000) return mistake("total_amount")
    const life = /^([1-9]\d{0,4})([mhd])$/.exec(get("timeout_express"))
    const minutes = Number(life?.[1]) * { m: 1, h: 60, d: 1_440 }[life?.[2] as "m"]
    if (!(minutes <= 21_600)) return mistake("timeout_express")
    if (get("seller_id") !== settings.sellerId) return mistake("seller_id")
    if (get("business_code") !== settings.businessCode) return mistake("business_code")
    if (!isWeixin && !BANK_TYPES.includes(get("bank_type"))) return mistake("bank_type")
    const bytes = Buffer.byteLength(get("subject"))
    if (bytes > 250) return mistake(`subject: ${bytes} bytes`)
    if (/[\u{10000}-\u{10ffff}\p{Cs}\p{Cc}]/u.test(get("subject")))
      return mistake("subject: a character that is not allowed")
    if (notifyUrl === undefined || notifyUrl.length > 190) return mistake("notify_url")

    // Every openid begins with an "o"; the simulated WeChat knows all of these.
    if (isWeixin && !get("sub_openid").startsWith("o")) return refuse("ACQ.PAYER_INVALID", "无效的sub_openid")

    const before = trades.get(outTradeNo)
    if (before !== undefined) {
      before.creates++
      return refuse("DUPLICATE_ORDER", "商户订单号重复")
    }
    const nowMs = settings.nowMs()
    const trade: BookTrade = {
      outTradeNo,
      shopdate,
      tradeNo: `01O${shopdate.slice(2)}${String(trades.size + 1).padStart(9, "0")}`,
      subject: get("subject"),
      bankType: get("bank_type"),
      amountFen,
      notifyUrl,
      expiresMs: nowMs + minutes * 60_000,
      faults: settings.faultsOf(outTradeNo),
      status: "WAIT_BUYER_PAY",
      paidFen: null,
      paidMs: null,
      creates: 1,
      processQueries: 0,
      notices: [],
      refunds: new Map()
    }
    trades.set(outTradeNo, trade)
    const pay = {
      appId: get("appid"),
      timeStamp: String(Math.floor(nowMs / 1000)), // Unix seconds as text, as the bridge wants them
      nonceStr: "n",
      package: "prepay_id=p",
      signType: "RSA",
      paySign: "s"
    }
    return {
      ok: [
        ["out_trade_no", outTradeNo],
        ["trade_no", trade.tradeNo],
        ["trade_status", "WAIT_BUYER_PAY"],
        ["total_amount", yuan(amountFen)],
        ["currency", "CNY"],
        ["extra_common_param", `{"memo":"} 收银台 \\" { \\\\"}`],
        ["ext", { raw: `{"a":{"b":["}","{\\"",{"c":"\\\\"}]}}` }],
        ...((isWeixin
          ? [["jsapi_pay_info", JSON.stringify(pay)]]
          : [
              ["qr_code_url", `${settings.origin()}/qr/${outTradeNo}.png`],
              ["source_qr_code_url", `${settings.origin()}/pay/${outTradeNo}`],
              ["bank_type", trade.bankType]
            ]) satisfies ReadonlyArray<Member>)
      ]
    }
  }

  const query = (method: string, biz: Biz): MethodOutcome => {
    const trade = find(biz)
    if (trade === undefined) return unknown(biz)
    const isRich = method.endsWith("trade.order.query")
    if (isRich && biz.get("seller_id") !== settings.sellerId) return mistake("seller_id")
    const refundedFen = [...trade.refunds.values()].reduce(
      (sum, each) => sum + (each.state === "success" ? each.refundFen : 0),
      0
    )
    const paidFen = trade.paidFen ?? 0
    const status =
      trade.status === "TRADE_SUCCESS" && trade.processQueries-- > 0
        ? "TRADE_PROCESS"
        : refundedFen === 0
          ? trade.status
          : refundedFen < paidFen
            ? "TRADE_PART_REFUND"
            : "TRADE_ALL_REFUND"
    const detail = `{"channel_recv_sn":"4200002026","channel_send_sn":"1012026","bank_type":"${trade.bankType}","card_type":"","pay_success_time":"${beijing(trade.paidMs ?? 0)}","note":"a}\\"{b"}`
    const short: ReadonlyArray<Member> = [
      ["out_trade_no", trade.outTradeNo],
      ["trade_no", trade.tradeNo],
      ["trade_status", status],
      ["total_amount", yuan(trade.paidFen ?? trade.amountFen)],
      ["receipt_amount", yuan(paidFen)]
    ]
    if (!isRich) return { ok: short }
    return {
      ok: [
        ...short,
        ["settlement_amount", yuan(paidFen - simulatedFeeFen(paidFen))],
        ["refund_amount", yuan(refundedFen)],
        ["seller_id", settings.sellerId],
        ["result_note", trade.status === "TRADE_FAILD" ? "余额不足" : ""],
        ["pay_detail_list", { raw: trade.paidMs === null ? "[]" : `[${detail}]` }]
      ]
    }
  }

  const close = (biz: Biz): MethodOutcome => {
    const trade = find(biz)
    if (trade === undefined) return unknown(biz)
    if (trade.status === "WAIT_BUYER_PAY" && trade.faults.has("paid-while-closing")) {
      trade.status = "TRADE_SUCCESS"
      trade.paidFen = trade.amountFen
      trade.paidMs = settings.nowMs()
    } else if (trade.status === "WAIT_BUYER_PAY") trade.status = "TRADE_CLOSED"
    else if (trade.status === "TRADE_SUCCESS") return refuse("ACQ.TRADE_HAS_SUCCESS", "交易已支付")
    return {
      ok: [
        ["out_trade_no", trade.outTradeNo],
        ["trade_no", trade.tradeNo]
      ]
    }
  }

  const refund = (biz: Biz, notifyUrl: string | undefined): MethodOutcome => {
    const trade = find(biz)
    if (trade === undefined) return unknown(biz)
    const refundNo = biz.get("out_request_no") ?? ""
    const amount = biz.get("refund_amount") ?? ""
    if (refundNo === "" || refundNo.length > 32) return mistake("out_request_no")
    if (!/^\d+\.\d\d$/.test(amount)) return mistake("refund_amount")
    if (!biz.get("refund_reason")) return mistake("refund_reason")
    const refundFen = Number(amount.replace(".", ""))
    const before = trade.refunds.get(refundNo)
    const takenFen = [...trade.refunds.values()].reduce(
      (sum, each) => sum + (each.state === "fail" ? 0 : each.refundFen),
      0
    )
    if (before === undefined && (trade.paidFen === null || takenFen + refundFen > trade.paidFen)) {
      return refuse("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "退款金额超限")
    }
    if (before !== undefined && before.refundFen !== refundFen)
      return refuse("ACQ.DISCORDANT_REPEAT_REQUEST", "重复请求不一致")
    const entry: BookTradeRefund = before ?? {
      refundNo,
      refundsn: `R${trade.tradeNo}${trade.refunds.size + 1}`,
      refundFen,
      notifyUrl,
      state: "in_process"
    }
    trade.refunds.set(refundNo, entry)
    return {
      ok: [
        ["out_trade_no", trade.outTradeNo],
        ["trade_no", trade.tradeNo],
        ["out_request_no", refundNo],
        ["refundsn", entry.refundsn],
        ["refund_amount", { raw: amount }]
      ]
    }
  }

  /** Answers in_process the first time; after that the refund has ended. Amounts are JSON numbers here. */
  const refundQuery = (biz: Biz): MethodOutcome => {
    const trade = find(biz)
    const entry = trade?.refunds.get(biz.get("out_request_no") ?? "")
    if (trade === undefined || entry === undefined) return unknown(biz)
    const shown = entry.state
    if (entry.state === "in_process") {
      entry.state = trade.faults.has("refund-fails") ? "fail" : "success"
      if (entry.state === "success") settings.refunded(trade, entry)
    }
    return {
      ok: [
        ["out_trade_no", trade.outTradeNo],
        ["out_request_no", entry.refundNo],
        ["refund_state", shown],
        ["total_amount", { raw: yuan(trade.paidFen ?? 0) }],
        ["refund_amount", { raw: yuan(entry.refundFen) }],
        ["refundsn", entry.refundsn],
        ["account_date", beijing(settings.nowMs()).slice(0, 10)],
        ["funds_dynamics", `[{"refundsn":"${entry.refundsn}","refundamount":"${yuan(entry.refundFen)}","state":"00"}]`]
      ]
    }
  }

  return { trades, create, query, close, refund, refundQuery, find }
}

export type Book = ReturnType<typeof openBook>

/** 0.38 %, rounded half up. */
export const simulatedFeeFen = (paidFen: number): number => Math.floor((paidFen * 38 + 5_000) / 10_000)

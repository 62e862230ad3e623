import { randomBytes } from "node:crypto"
import { isOutTradeNo, rfc3339 } from "./order.ts"

export type TradeState = "SUCCESS" | "REFUND" | "NOTPAY" | "CLOSED" | "REVOKED" | "USERPAYING" | "PAYERROR"
export type RefundStatus = "SUCCESS" | "CLOSED" | "PROCESSING" | "ABNORMAL"

/** An order of the simulated WeChat Pay. Amounts are whole fen. */
export interface BookOrder {
  readonly outTradeNo: string
  readonly appId: string
  readonly openid: string
  readonly description: string
  readonly totalFen: number
  readonly notifyUrl: string
  readonly expiresAt: number
  /** The request as JSON: the same number with another request is refused. */
  readonly asked: string
  readonly prepayId: string
  readonly refunds: Map<string, BookRefund>
  state: TradeState
  /** Whole fen that were paid: totalFen, unless a test says otherwise. */
  paidFen: number
  transactionId: string
  paidAt: Date | null
}

export interface BookRefund {
  readonly outRefundNo: string
  readonly refundId: string
  readonly outTradeNo: string
  readonly refundFen: number
  readonly notifyUrl: string
  readonly createdAt: Date
  status: RefundStatus
  at: Date | null
}

/** The book's answer to a call; a 204 has no body. */
export interface BookAnswer {
  readonly status: number
  readonly body?: unknown
}

const refuse = (status: number, code: string, message: string): BookAnswer => ({ status, body: { code, message } })

interface AskedOrder {
  readonly appid: string
  readonly mchid: string
  readonly description: string
  readonly out_trade_no: string
  readonly time_expire?: string
  readonly notify_url: string
  readonly amount: { readonly total: number; readonly currency: string }
  readonly payer?: { readonly openid: string }
}

interface AskedRefund {
  readonly out_trade_no: string
  readonly out_refund_no: string
  readonly reason?: string
  readonly notify_url?: string
  readonly amount: { readonly refund: number; readonly total: number; readonly currency: string }
}

/** What is wrong with a text: it must have 1 … bytesMax bytes in UTF-8, and characters of at most 3 of them. */
const faultOfText = (name: string, text: unknown, bytesMax: number): string | undefined => {
  if (typeof text !== "string" || text === "" || /[\ud800-\udfff]/.test(text)) return name
  const bytes = Buffer.byteLength(text)
  return bytes <= bytesMax ? undefined : `${name}: 字节数 ${bytes}, 超过 ${bytesMax} 字节`
}

const FIELDS = ["appid", "mchid", "description", "out_trade_no", "time_expire", "notify_url", "amount", "payer"]

/** The orders and refunds of the simulated WeChat Pay: the truth that tests compare with. */
export class SimulatorBook {
  readonly orders = new Map<string, BookOrder>()
  readonly #mchid: string
  readonly #appIds: ReadonlyArray<string>
  readonly #now: () => number

  constructor(mchid: string, appIds: ReadonlyArray<string>, now: () => number) {
    this.#mchid = mchid
    this.#appIds = appIds
    this.#now = now
  }

  place(body: unknown): BookAnswer {
    const asked = body as AskedOrder
    const fault = this.#faultOf(asked)
    if (fault !== undefined) return refuse(400, "PARAM_ERROR", fault)
    if (asked.mchid !== this.#mchid || !this.#appIds.includes(asked.appid)) {
      return refuse(400, "APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配")
    }
    const text = JSON.stringify(asked)
    const known = this.orders.get(asked.out_trade_no)
    if (known !== undefined) {
      if (known.asked !== text) return refuse(400, "INVALID_REQUEST", "请求重入时，参数与首次请求时不一致")
      if (known.state === "CLOSED") return refuse(400, "ORDER_CLOSED", "该订单已关闭")
      if (known.state !== "NOTPAY") return refuse(400, "ORDERPAID", "该订单已支付")
      return { status: 200, body: { prepay_id: known.prepayId } }
    }
    const order: BookOrder = {
      outTradeNo: asked.out_trade_no,
      appId: asked.appid,
      openid: asked.payer?.openid ?? "",
      description: asked.description,
      totalFen: asked.amount.total,
      notifyUrl: asked.notify_url,
      expiresAt: asked.time_expire === undefined ? this.#now() + 7_200_000 : Date.parse(asked.time_expire),
      asked: text,
      prepayId: `wx${randomBytes(17).toString("hex")}`,
      refunds: new Map(),
      state: "NOTPAY",
      paidFen: 0,
      transactionId: "",
      paidAt: null
    }
    this.orders.set(order.outTradeNo, order)
    return { status: 200, body: { prepay_id: order.prepayId } }
  }

  query(outTradeNo: string, mchid: string | null): BookAnswer {
    if (mchid !== this.#mchid) return refuse(400, "PARAM_ERROR", "mchid")
    const order = this.orders.get(outTradeNo)
    return order === undefined
      ? refuse(404, "ORDER_NOT_EXIST", "订单不存在")
      : { status: 200, body: this.transaction(order) }
  }

  close(outTradeNo: string, body: unknown): BookAnswer {
    if ((body as { mchid?: string }).mchid !== this.#mchid) return refuse(400, "PARAM_ERROR", "mchid")
    const order = this.orders.get(outTradeNo)
    if (order === undefined) return refuse(404, "ORDER_NOT_EXIST", "订单不存在")
    if (order.state === "SUCCESS" || order.state === "REFUND") return refuse(400, "ORDERPAID", "该订单已支付")
    if (order.state === "USERPAYING") return refuse(400, "USERPAYING", "用户支付中")
    order.state = "CLOSED"
    return { status: 204 }
  }

  refund(body: unknown): BookAnswer {
    const asked = body as AskedRefund
    const order = this.orders.get(asked.out_trade_no)
    if (order === undefined) return refuse(404, "RESOURCE_NOT_EXISTS", "订单不存在")
    const { refund, total, currency } = asked.amount
    if (!Number.isSafeInteger(refund) || refund < 1 || currency !== "CNY" || total !== order.totalFen) {
      return refuse(400, "PARAM_ERROR", "amount")
    }
    if (asked.notify_url?.includes("?")) return refuse(400, "PARAM_ERROR", "notify_url")
    const reason = asked.reason === undefined ? undefined : faultOfText("reason", asked.reason, 80)
    if (reason !== undefined) return refuse(400, "PARAM_ERROR", reason)
    const known = order.refunds.get(asked.out_refund_no)
    if (known !== undefined) {
      return known.refundFen === refund
        ? { status: 200, body: this.refundAnswer(known) }
        : refuse(400, "INVALID_REQUEST", "退款单号重复, 参数不一致")
    }
    if (order.state !== "SUCCESS" && order.state !== "REFUND") return refuse(400, "INVALID_REQUEST", "订单未支付")
    const refunded = [...order.refunds.values()].filter(({ status }) => status !== "CLOSED")
    if (refunded.reduce((sum, { refundFen }) => sum + refundFen, refund) > order.paidFen) {
      return refuse(403, "NOT_ENOUGH", "余额不足")
    }
    const made: BookRefund = {
      outRefundNo: asked.out_refund_no,
      refundId: `50${randomBytes(8).toString("hex")}`,
      outTradeNo: order.outTradeNo,
      refundFen: refund,
      notifyUrl: asked.notify_url ?? "",
      createdAt: new Date(this.#now()),
      status: "PROCESSING",
      at: null
    }
    order.refunds.set(made.outRefundNo, made)
    order.state = "REFUND"
    return { status: 200, body: this.refundAnswer(made) }
  }

  findRefund(outRefundNo: string): BookRefund | undefined {
    return [...this.orders.values()].flatMap(({ refunds }) => refunds.get(outRefundNo) ?? [])[0]
  }

  /** The day's trades in WeChat Pay's format: yuan, cells prefixed with a backtick, two summary lines at the end. */
  bill(): Buffer {
    const paid = [...this.orders.values()].filter(({ paidAt }) => paidAt !== null)
    const rows = paid.map((order) =>
      [rfc3339(order.paidAt as Date), order.transactionId, order.outTradeNo, (order.paidFen / 100).toFixed(2)]
        .map((cell) => `\`${cell}`)
        .join(",")
    )
    const total = paid.reduce((sum, { paidFen }) => sum + paidFen, 0)
    const lines = ["交易时间,微信订单号,商户订单号,订单金额", ...rows, "总交易单数,订单总金额"]
    return Buffer.from([...lines, `\`${paid.length},\`${(total / 100).toFixed(2)}`].join("\r\n"))
  }

  transaction(order: BookOrder) {
    const paid = order.paidAt !== null
    return {
      appid: order.appId,
      mchid: this.#mchid,
      out_trade_no: order.outTradeNo,
      trade_state: order.state,
      trade_state_desc: order.state,
      ...(paid
        ? {
            transaction_id: order.transactionId,
            trade_type: "JSAPI",
            bank_type: "OTHERS",
            attach: "",
            success_time: rfc3339(order.paidAt as Date),
            payer: { openid: order.openid },
            amount: { total: order.paidFen, payer_total: order.paidFen, currency: "CNY", payer_currency: "CNY" }
          }
        : { amount: { total: order.totalFen, payer_currency: "CNY" }, payer: {}, promotion_detail: [] })
    }
  }

  refundAnswer(refund: BookRefund) {
    return { ...this.#refundFields(refund), status: refund.status, channel: "ORIGINAL", funds_account: "AVAILABLE" }
  }

  refundNotice(refund: BookRefund) {
    return { ...this.#refundFields(refund), mchid: this.#mchid, refund_status: refund.status }
  }

  #refundFields(refund: BookRefund) {
    const order = this.orders.get(refund.outTradeNo) as BookOrder
    return {
      out_trade_no: order.outTradeNo,
      transaction_id: order.transactionId,
      out_refund_no: refund.outRefundNo,
      refund_id: refund.refundId,
      user_received_account: "支付用户零钱",
      create_time: rfc3339(refund.createdAt),
      ...(refund.at === null ? {} : { success_time: rfc3339(refund.at) }),
      amount: {
        total: order.totalFen,
        refund: refund.refundFen,
        payer_total: order.paidFen,
        payer_refund: refund.refundFen
      }
    }
  }

  #faultOf(asked: AskedOrder): string | undefined {
    const stray = Object.keys(asked).find((name) => !FIELDS.includes(name))
    if (stray !== undefined) return `${stray}: 无此参数`
    const description = faultOfText("description", asked.description, 127)
    if (description !== undefined) return description
    if (!isOutTradeNo(asked.out_trade_no ?? "")) return "out_trade_no"
    if (!/^https:\/\/|^http:\/\/127\.0\.0\.1/.test(asked.notify_url ?? "")) return "notify_url"
    if (/[?#]/.test(asked.notify_url)) return "notify_url: 不能携带参数"
    if (!Number.isSafeInteger(asked.amount?.total) || asked.amount.total < 1) return "amount.total"
    if (asked.amount.currency !== "CNY") return "amount.currency"
    // Every openid begins with an "o"; the simulated WeChat knows all of these.
    if (!asked.payer?.openid.startsWith("o")) return "payer.openid: 无效的openid"
    const expire = asked.time_expire
    if (expire !== undefined && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+08:00$/.test(expire)) return "time_expire"
    if (expire !== undefined && Date.parse(expire) <= this.#now()) return "time_expire: 已过期"
    return undefined
  }
}

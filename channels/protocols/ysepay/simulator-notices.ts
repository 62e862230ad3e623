import { generateKeyPairSync, type KeyObject } from "node:crypto"
import { type BookTrade, type BookTradeRefund, type PushedNotice, simulatedFeeFen } from "./simulator-book.ts"
import { beijing, beijingDate, signedNoticeForm, yuan } from "./simulator-wire.ts"

type Fields = ReadonlyMap<string, string>

/** Pushes notices until the answer is `success`, each push with a new time and signature. */
export const openNotices = (settings: {
  readonly key: KeyObject
  readonly nowMs: () => number
  readonly pushEveryMs: number
  readonly pushesMax: number
}) => {
  const stranger = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey
  const timers = new Set<ReturnType<typeof setTimeout>>()
  const stopping = new AbortController()

  /** The fields of published notices, an empty card_type included, and one undocumented field. */
  const fields = (trade: BookTrade, change: Readonly<Record<string, string>> = {}): Fields => {
    const paidFen = trade.paidFen ?? trade.amountFen
    const feeFen = simulatedFeeFen(paidFen)
    return new Map(
      Object.entries({
        sign_type: "RSA",
        notify_type: "directpay.status.sync",
        notify_time: beijing(settings.nowMs()),
        out_trade_no: trade.outTradeNo,
        trade_no: trade.tradeNo,
        total_amount: yuan(paidFen),
        trade_status: trade.status,
        account_date: beijingDate(settings.nowMs()),
        fee: yuan(feeFen),
        partner_fee: "0.00",
        payer_fee: "0.00",
        payee_fee: yuan(feeFen),
        settlement_amount: yuan(paidFen - feeFen),
        card_type: "",
        paygate_no: "900000001",
        channel_send_sn: "1012026112494063449",
        channel_recv_sn: "612026112422001425221424015372",
        extra_common_param: "收银台 & a=b+c%20",
        x_new_field: "不在文档里",
        ...change
      })
    )
  }

  const push = async (trade: BookTrade, url: string, form: Fields, key = settings.key): Promise<PushedNotice> => {
    const forged = key !== settings.key
    const notice: PushedNotice = { body: signedNoticeForm(form, key), forged, answer: null, acknowledged: false }
    trade.notices.push(notice)
    try {
      const answer = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: notice.body,
        redirect: "manual",
        signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(5_000)])
      })
      notice.answer = { status: answer.status, body: await answer.text() }
      notice.acknowledged = notice.answer.body === "success"
    } catch {
      // No answer: the gateway is down, and the notice is pushed again.
    }
    return notice
  }

  const pushUntilSuccess = async (trade: BookTrade, pushesLeft = settings.pushesMax): Promise<void> => {
    if (trade.faults.has("no-notice")) return
    if (trade.faults.has("stranger-notice")) await push(trade, trade.notifyUrl, fields(trade), stranger)
    const { acknowledged } = await push(trade, trade.notifyUrl, fields(trade))
    if (acknowledged || pushesLeft <= 1 || stopping.signal.aborted) return
    const timer = setTimeout(() => {
      timers.delete(timer)
      void pushUntilSuccess(trade, pushesLeft - 1)
    }, settings.pushEveryMs)
    timers.add(timer)
  }

  const pushRefund = async (trade: BookTrade, refund: BookTradeRefund): Promise<void> => {
    if (refund.notifyUrl === undefined) return
    const form = new Map([
      ["sign_type", "RSA"],
      ["notify_type", "refund.status.sync"],
      ["notify_time", beijing(settings.nowMs())],
      ["out_trade_no", trade.outTradeNo],
      ["out_request_no", refund.refundNo],
      ["refund_state", refund.state],
      ["refundsn", refund.refundsn]
    ])
    await push(trade, refund.notifyUrl, form)
  }

  return {
    fields,
    push,
    pushUntilSuccess,
    pushRefund,
    stop: () => {
      stopping.abort()
      for (const timer of timers) clearTimeout(timer)
    }
  }
}

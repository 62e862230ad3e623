import { Effect } from "effect"
import {
  ChannelUncertain,
  type ChargeState,
  fenOfYuan,
  type Payment,
  type RefundState,
  shanghaiMs
} from "../../../core/channel/index.ts"
import { type Node, textOf } from "./response.ts"

/** `trade_status` → what it means for the order (protocols/channels.md A7). */
const TRADE_STATES = {
  WAIT_BUYER_PAY: "pending",
  TRADE_PROCESS: "pending",
  TRADE_USERPAYING: "pending",
  TRADE_SUCCESS: "paid",
  TRADE_PART_REFUND: "paid",
  TRADE_ALL_REFUND: "paid",
  TRADE_CLOSED: "closed",
  TRADE_FAILD: "failed", // their spelling
  TRADE_FAILED: "failed"
  // TRADE_ABNORMALITY and the escrow states are left out on purpose: they are uncertain, so the order is queried again.
} as const

/** The state in a signed query answer. The number is compared with `asked`, because the node's name is not signed. */
export const readTrade = (
  node: Node,
  asked: { readonly outTradeNo: string; readonly nowMs: number; readonly feeFrom: FeeFrom }
): Effect.Effect<ChargeState, ChannelUncertain> => {
  if (textOf(node, "out_trade_no") !== asked.outTradeNo) return unreadable("an answer about another order")
  const status = textOf(node, "trade_status") ?? ""
  const state = Object.hasOwn(TRADE_STATES, status) ? TRADE_STATES[status as keyof typeof TRADE_STATES] : undefined
  if (state === undefined) return unreadable(`trade_status ${status}`)
  if (state === "pending" || state === "closed") return Effect.succeed({ state })
  if (state === "failed") return Effect.succeed({ state, reason: textOf(node, "result_note") ?? status })
  const details = Array.isArray(node.pay_detail_list) ? (node.pay_detail_list as ReadonlyArray<unknown>) : []
  const paidAt = details
    .flatMap((detail) =>
      typeof detail === "object" && detail !== null ? (textOf(detail as Node, "pay_success_time") ?? []) : []
    )
    .at(-1)
  const payment = readPayment((name) => textOf(node, name), [paidAt], asked)
  return payment === undefined
    ? unreadable("a paid trade without number or amount")
    : Effect.succeed({ state, payment })
}

/**
 * The source of the merchant's fee: "rate" = the account's rate in the gateway; "settlement" = total_amount −
 * settlement_amount. A setting, because Yinsheng does not document which of its fee fields is the merchant's.
 */
export type FeeFrom = "rate" | "settlement"

/**
 * Reads a payment from verified fields; undefined without a trade number or a plain amount. The amount is what was paid
 * (`total_amount`); the core compares it with what was asked.
 * @param times the payment's time as text, best first; `nowMs` where none can be read
 */
export const readPayment = (
  field: (name: string) => string | undefined,
  times: ReadonlyArray<string | undefined>,
  read: { readonly nowMs: number; readonly feeFrom: FeeFrom }
): Payment | undefined => {
  const channelTradeNo = field("trade_no")
  const amountFen = fenOfYuan(field("total_amount") ?? "")
  if (channelTradeNo === undefined || amountFen === undefined) return undefined
  const settledFen = read.feeFrom === "settlement" ? fenOfYuan(field("settlement_amount") ?? "") : undefined
  const feeFen = settledFen === undefined || settledFen > amountFen ? undefined : amountFen - settledFen
  const paidAtMs = times.flatMap((text) => timeMs(text) ?? [])[0] ?? read.nowMs
  return {
    channelTradeNo,
    amountFen,
    // Yinsheng's queries name no currency (A7): the order was made in yuan, and this gateway knows no other.
    currency: field("currency") ?? "CNY",
    paidAt: new Date(paidAtMs),
    ...(feeFen === undefined ? {} : { feeFen })
  }
}

/** `yyyy-MM-dd HH:mm:ss` or `yyyyMMddHHmmss`, Beijing → epoch milliseconds. */
const timeMs = (text: string | undefined): number | undefined =>
  text === undefined
    ? undefined
    : shanghaiMs(text.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/, "$1-$2-$3 $4:$5:$6"))

/** `refund_state` (A8). A failed refund that a person handles (fail_to_manual_deal) may still succeed. */
const REFUND_STATES = {
  success: "refunded",
  in_process: "pending",
  fail_to_manual_deal: "pending",
  fail: "failed",
  fail_due_manual_close: "failed"
} as const

/** The state in a signed refund query answer. Where it repeats numbers, they must be those of `asked`. */
export const readRefundState = (
  node: Node,
  asked: { readonly outTradeNo: string; readonly refundNo: string }
): Effect.Effect<RefundState, ChannelUncertain> => {
  if ((textOf(node, "out_trade_no") ?? asked.outTradeNo) !== asked.outTradeNo)
    return unreadable("a refund of another order")
  if ((textOf(node, "out_request_no") ?? asked.refundNo) !== asked.refundNo) return unreadable("another refund")
  const word = textOf(node, "refund_state") ?? ""
  const state = Object.hasOwn(REFUND_STATES, word) ? REFUND_STATES[word as keyof typeof REFUND_STATES] : undefined
  if (state === undefined) return unreadable(`refund_state ${word}`)
  if (state === "pending") return Effect.succeed({ state })
  if (state === "failed") return Effect.succeed({ state, reason: word })
  const refundFen = fenOfYuan(textOf(node, "refund_amount") ?? "")
  const channelRefundNo = textOf(node, "refundsn")
  if (refundFen === undefined || channelRefundNo === undefined) return unreadable("a refund without number or amount")
  const atMs = timeMs(textOf(node, "channel_recv_time"))
  return Effect.succeed({ state, refundFen, channelRefundNo, at: atMs === undefined ? null : new Date(atMs) })
}

const unreadable = (detail: string) => Effect.fail(new ChannelUncertain({ why: "unreadable", detail }))

import { expect, test } from "bun:test"
import { Effect } from "effect"
import { readPayment, readRefundState, readTrade } from "./trade.ts"

const NO = "20261124QR093015ABCDEFGH"
const NOW_MS = Date.parse("2026-11-24T10:00:00Z")
const asked = { outTradeNo: NO, nowMs: NOW_MS, feeFrom: "rate" } as const
const paid = { out_trade_no: NO, trade_no: "01O261124", total_amount: "10.10" }
const trade = (node: Readonly<Record<string, unknown>>, how: Partial<{ feeFrom: "settlement" }> = {}) =>
  Effect.runSync(Effect.result(readTrade({ out_trade_no: NO, ...node }, { ...asked, ...how })))

test.each([
  ["WAIT_BUYER_PAY", "pending"],
  ["TRADE_PROCESS", "pending"],
  ["TRADE_SUCCESS", "paid"],
  ["TRADE_PART_REFUND", "paid"],
  ["TRADE_ALL_REFUND", "paid"],
  ["TRADE_CLOSED", "closed"],
  ["TRADE_FAILD", "failed"],
  ["TRADE_FAILED", "failed"]
])("trade_status %s is %s", (trade_status, state) => {
  expect(trade({ ...paid, trade_status })).toMatchObject({ success: { state } })
})

test.each([
  "TRADE_ABNORMALITY",
  "WAIT_SELLER_SEND_GOODS",
  "trade_success",
  "TRADE_SUCCESS ",
  "",
  "constructor",
  "__proto__"
])("trade_status %p is uncertain", (trade_status) => {
  expect(trade({ ...paid, trade_status })).toMatchObject({ failure: { _tag: "ChannelUncertain", why: "unreadable" } })
})

test("an answer about another order is uncertain, whatever it says", () => {
  for (const out_trade_no of ["20261124QR093015ABCDEFGI", "", undefined, null]) {
    for (const trade_status of ["TRADE_SUCCESS", "TRADE_CLOSED", "WAIT_BUYER_PAY"]) {
      expect(trade({ ...paid, out_trade_no, trade_status })).toMatchObject({ failure: { why: "unreadable" } })
    }
  }
})

test.each([["10.10"], [10.1], ["10.1"]])("a total_amount of %p is 1010 fen", (total_amount) => {
  expect(trade({ ...paid, total_amount, trade_status: "TRADE_SUCCESS" })).toMatchObject({
    success: { payment: { amountFen: 1010, channelTradeNo: "01O261124", currency: "CNY" } }
  })
})

test.each([["10.101"], ["1e3"], ["-1"], [""], [undefined], [Number.NaN], [true], ["10,10"]])(
  "a paid trade with a total_amount of %p is uncertain",
  (total_amount) => {
    expect(trade({ ...paid, total_amount, trade_status: "TRADE_SUCCESS" })).toMatchObject({
      failure: { why: "unreadable" }
    })
  }
)

test("the time of payment is Beijing's, of the last detail, else now", () => {
  const at = (pay_detail_list: unknown) => {
    const read = trade({ ...paid, trade_status: "TRADE_SUCCESS", pay_detail_list })
    return read._tag === "Success" && read.success.state === "paid" ? read.success.payment.paidAt.toISOString() : read
  }
  expect(at([{ pay_success_time: "2026-11-24 17:59:58" }])).toBe("2026-11-24T09:59:58.000Z")
  expect(at([{}, null, { pay_success_time: "20261124175958" }])).toBe("2026-11-24T09:59:58.000Z")
  for (const none of [[], undefined, "x", [{ pay_success_time: "soon" }]])
    expect(at(none)).toBe("2026-11-24T10:00:00.000Z")
})

test("the fee is what the settlement leaves out, where the account says so", () => {
  const fee = (settlement_amount: string | undefined, feeFrom: "rate" | "settlement") =>
    readPayment((name) => ({ ...paid, settlement_amount })[name as "trade_no"], [], { nowMs: NOW_MS, feeFrom })?.feeFen
  expect(fee("10.06", "settlement")).toBe(4)
  expect(fee("10.06", "rate")).toBeUndefined()
  expect(fee(undefined, "settlement")).toBeUndefined()
  expect(fee("10.11", "settlement")).toBeUndefined()
})

const refund = (node: Readonly<Record<string, unknown>>) =>
  Effect.runSync(Effect.result(readRefundState(node, { outTradeNo: NO, refundNo: "RF1" })))

test.each([
  ["success", "refunded"],
  ["in_process", "pending"],
  ["fail_to_manual_deal", "pending"],
  ["fail", "failed"],
  ["fail_due_manual_close", "failed"]
])("refund_state %s is %s", (refund_state, state) => {
  const node = { refund_state, refund_amount: 1.1, refundsn: "R1", out_trade_no: NO, out_request_no: "RF1" }
  expect(refund(node)).toMatchObject({ success: { state, ...(state === "refunded" ? { refundFen: 110 } : {}) } })
})

test.each([
  ["another order", { out_trade_no: "20261124QR1" }],
  ["another refund", { out_request_no: "RF2" }],
  ["a word nobody knows", { refund_state: "done" }],
  ["no number", { refundsn: "" }],
  ["no plain amount", { refund_amount: "1.234" }]
])("a refund answer with %s is uncertain", (_, change) => {
  expect(refund({ refund_state: "success", refund_amount: "1.10", refundsn: "R1", ...change })).toMatchObject({
    failure: { _tag: "ChannelUncertain" }
  })
})

import { describe, expect, test } from "bun:test"
import { readTransaction } from "./query.ts"

const paid = {
  appid: "wx8888888888888888",
  mchid: "1900000001",
  out_trade_no: "WX20260315100000ABCDEFGH",
  transaction_id: "4200001825202605171234567890",
  trade_state: "SUCCESS",
  trade_state_desc: "支付成功",
  success_time: "2026-05-17T10:34:56+08:00",
  amount: { total: 100, payer_total: 90, currency: "CNY", payer_currency: "CNY" }
}
const stateOf = (change: object) => readTransaction(JSON.stringify({ ...paid, ...change }))?.charge

describe("a transaction", () => {
  test("that is paid says when and how much the order was, coupons included", () => {
    expect(readTransaction(JSON.stringify(paid))).toEqual({
      appId: "wx8888888888888888",
      mchid: "1900000001",
      outTradeNo: "WX20260315100000ABCDEFGH",
      charge: {
        state: "paid",
        payment: {
          channelTradeNo: "4200001825202605171234567890",
          amountFen: 100,
          currency: "CNY",
          paidAt: new Date("2026-05-17T02:34:56Z")
        }
      }
    })
  })

  test.each([
    ["REFUND", "paid"],
    ["NOTPAY", "pending"],
    ["USERPAYING", "pending"],
    ["CLOSED", "closed"],
    ["REVOKED", "closed"],
    ["PAYERROR", "pending"],
    ["SOMETHING_NEW", undefined]
  ])("in state %s is %s", (trade_state, state) => {
    expect(stateOf({ trade_state })?.state).toBe(state as "paid")
  })

  test("that is not paid needs neither number nor time nor amount", () => {
    const { transaction_id: _1, success_time: _2, amount: _3, ...bare } = paid
    expect(readTransaction(JSON.stringify({ ...bare, trade_state: "NOTPAY" }))?.charge).toEqual({ state: "pending" })
  })

  test.each([
    ["no number", { transaction_id: "" }],
    ["no time", { success_time: null }],
    ["a time that is none", { success_time: "yesterday" }],
    ["no amount", { amount: null }],
    ["an amount of nothing", { amount: { total: 0, currency: "CNY" } }],
    ["an amount below nothing", { amount: { total: -100, currency: "CNY" } }],
    ["a fraction of a fen", { amount: { total: 100.5, currency: "CNY" } }],
    ["an amount in text", { amount: { total: "100", currency: "CNY" } }],
    ["no currency", { amount: { total: 100 } }],
    ["no order number", { out_trade_no: 1 }]
  ])("that is paid with %s is not read at all", (_what, change) => {
    expect(stateOf(change)).toBeUndefined()
  })

  test("that names no merchant or no AppID is read without them", () => {
    const read = readTransaction(JSON.stringify({ ...paid, mchid: null, appid: undefined }))
    expect([read?.mchid, read?.appId, read?.charge.state]).toEqual([undefined, undefined, "paid"])
  })

  test("that is no JSON, or another JSON, is not read at all", () => {
    for (const text of ["", "{", "[]", "null", '"SUCCESS"', "{}"]) expect(readTransaction(text)).toBeUndefined()
  })

  test("keeps another currency for the core to see", () => {
    expect(stateOf({ amount: { total: 100, currency: "USD" } })).toMatchObject({ payment: { currency: "USD" } })
  })
})

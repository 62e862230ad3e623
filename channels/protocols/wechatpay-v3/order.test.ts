import { expect, test } from "bun:test"
import { isOutTradeNo, orderCall, rfc3339 } from "./order.ts"

const order = {
  mchid: "1900000001",
  appId: "wx8888888888888888",
  product: "jsapi",
  outTradeNo: "WX20260315100000ABCDEFGH",
  description: "会员",
  amountFen: 1,
  expiresAt: new Date("2026-03-15T02:30:00.999Z"),
  notifyUrl: "https://pay.example.com/api/notice/acc_1",
  fields: { payer: { openid: "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o" } }
}

test("a JSAPI order has the manual's fields, fen as an integer and Beijing time", () => {
  expect(orderCall(order)).toEqual({
    method: "POST",
    path: "/v3/pay/transactions/jsapi",
    body: {
      appid: "wx8888888888888888",
      mchid: "1900000001",
      description: "会员",
      out_trade_no: "WX20260315100000ABCDEFGH",
      time_expire: "2026-03-15T10:30:00+08:00",
      notify_url: "https://pay.example.com/api/notice/acc_1",
      amount: { total: 1, currency: "CNY" },
      payer: { openid: "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o" }
    }
  })
})

test("midnight in Beijing is the evening before in UTC", () => {
  expect(rfc3339(new Date("2026-12-31T16:00:00Z"))).toBe("2027-01-01T00:00:00+08:00")
})

test.each([
  ["WX20260315100000ABCDEFGH", true],
  ["a-b_c|*", true],
  ["short", false],
  ["x".repeat(33), false],
  ["WX2026 0315", false]
])("%s as an out_trade_no: %p", (text, allowed) => {
  expect(isOutTradeNo(text)).toBe(allowed)
})

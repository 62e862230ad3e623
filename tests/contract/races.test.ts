import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import { type Answer, type MerchantClient, textOf, unique } from "../harness/merchant-client.ts"

/* What holds when many requests come at once. */

setDefaultTimeout(60_000)

let gateway: Gateway
let shop: MerchantClient
beforeAll(async () => {
  gateway = await startGateway()
  shop = await gateway.merchant()
})
afterAll(() => gateway?.stop())

/** Counts the answers by code and message. */
const tally = (answers: ReadonlyArray<Answer>): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const { code, message } of answers) counts[`${code} ${message}`] = (counts[`${code} ${message}`] ?? 0) + 1
  return counts
}
const atOnce = (count: number, call: () => Promise<Answer>) => Promise.all(Array.from({ length: count }, call))

test("200 orders of one merchant_order_no at once make exactly one order", async () => {
  const merchant_order_no = unique("ORD")
  const answers = await atOnce(200, () => shop.qrcodePay({ merchant_order_no }))
  expect(tally(answers)).toEqual({ "200 下单成功": 1, "400 商户订单号已存在,请勿重复提交": 199 })
  const made = answers.find(({ code }) => code === 200)
  expect((await shop.orderQuery({ merchant_order_no })).data?.order_no).toBe(made?.data?.order_no)
})

test("one merchant_order_no at both creating endpoints at once makes exactly one order", async () => {
  const merchant_order_no = unique("ORD")
  const answers = await Promise.all([
    atOnce(20, () => shop.qrcodePay({ merchant_order_no })),
    atOnce(20, () => shop.wechatJsPay({ merchant_order_no }))
  ])
  expect(tally(answers.flat())).toEqual({ "200 下单成功": 1, "400 商户订单号已存在,请勿重复提交": 39 })
})

test("100 uses of one nonce at once: exactly one is taken", async () => {
  const nonce = unique()
  const answers = await atOnce(100, () => shop.qrcodePay({ nonce }))
  expect(tally(answers)).toEqual({ "200 下单成功": 1, "401 请求重复,nonce 已使用": 99 })
})

test("one request sent 100 times at once, byte for byte, makes exactly one order", async () => {
  const merchant_order_no = unique("ORD")
  const body = shop.body({ merchant_order_no, amount: 1000, notify_url: "https://shop.example.com/" })
  const answers = await atOnce(100, () => shop.raw("/api/cashier/qrcode-pay", body))
  expect(tally(answers)).toEqual({ "200 下单成功": 1, "401 请求重复,nonce 已使用": 99 })
})

test("500 orders at once get 500 numbers", async () => {
  const answers = await atOnce(500, () => shop.qrcodePay())
  expect(tally(answers)).toEqual({ "200 下单成功": 500 })
  expect(new Set(answers.map((answer) => textOf(answer, "order_no"))).size).toBe(500)
})

test("50 orders at once inside one throttle window: exactly one is taken", async () => {
  const slow = await gateway.merchant({ throttle: "1/1h" })
  expect(tally(await atOnce(50, () => slow.qrcodePay()))).toEqual({
    "200 下单成功": 1,
    "429 请求过于频繁,请3600秒后重试": 49
  })
})

test("50 orders of one number at once inside one throttle window make exactly one order and no other answer", async () => {
  const slow = await gateway.merchant({ throttle: "1/1h" })
  const merchant_order_no = unique("ORD")
  const answers = await atOnce(50, () => slow.qrcodePay({ merchant_order_no }))
  const counts = tally(answers)
  // Until the first order is stored, the others look like orders of their own, so 429 is right for them too.
  expect(counts["200 下单成功"]).toBe(1)
  expect((counts["400 商户订单号已存在,请勿重复提交"] ?? 0) + (counts["429 请求过于频繁,请3600秒后重试"] ?? 0)).toBe(49)
  expect((await slow.qrcodePay({ merchant_order_no })).message).toBe("商户订单号已存在,请勿重复提交")
})

test("20 copies of a paid order's notice at once acknowledge one payment", async () => {
  const made = await shop.qrcodePay({ amount: 888_812 })
  const order_no = textOf(made, "order_no")
  await Promise.all(Array.from({ length: 4 }, () => gateway.command(["sandbox", "pay", order_no, "--times", "5"])))
  expect((await shop.orderQuery({ order_no })).data).toMatchObject({ status_name: "PAID", actual_amount: "8834.79" })
})

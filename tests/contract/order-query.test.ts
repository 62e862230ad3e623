import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import { type MerchantClient, textOf, unique } from "../harness/merchant-client.ts"
import { actAsPayer, becomes } from "../harness/payer.ts"

/* Section 7 of the contract. */

setDefaultTimeout(60_000)

let gateway: Gateway
let shop: MerchantClient
beforeAll(async () => {
  gateway = await startGateway()
  shop = await gateway.merchant()
})
afterAll(() => gateway?.stop())

const TIME = /^(\d{4})-(\d{2})-(\d{2}) (\d{2}):(\d{2}):(\d{2})$/
/** `YYYY-MM-DD HH:mm:ss` in Shanghai → Unix milliseconds. */
const instant = (text: unknown): number => {
  expect(String(text)).toMatch(TIME)
  return Date.parse(`${String(text).replace(" ", "T")}+08:00`)
}
const recent = (text: unknown) => expect(Math.abs(instant(text) - Date.now())).toBeLessThan(20_000)

describe("an unpaid order", () => {
  test("is answered with every field of section 7", async () => {
    const merchant_order_no = unique("ORD")
    const made = await shop.qrcodePay({ merchant_order_no, amount: 1000 })
    const answer = await shop.orderQuery({ order_no: textOf(made, "order_no") })
    expect([answer.code, answer.message]).toEqual([200, "ok"])
    expect(answer.data).toMatchObject({
      order_no: textOf(made, "order_no"),
      merchant_order_no,
      amount: "10.00",
      actual_amount: "0.00",
      fee: "0.00",
      status: 0,
      status_name: "PENDING",
      status_text: "待支付",
      channel_code: "YINSHENG_QRCODE",
      pay_time: null
    })
    recent(answer.data?.created_at)
  })

  test.each([
    [1, "0.01"],
    [9, "0.09"],
    [10, "0.10"],
    [99, "0.99"],
    [100, "1.00"],
    [123_456, "1234.56"],
    [10_000_000_000, "100000000.00"]
  ])("of %d fen says %s yuan", async (amount, yuan) => {
    const made = await shop.qrcodePay({ amount })
    expect((await shop.orderQuery({ order_no: textOf(made, "order_no") })).data?.amount).toBe(yuan)
  })

  test("of wechat-js-pay has channel_code wxpay_js", async () => {
    const made = await shop.wechatJsPay()
    expect((await shop.orderQuery({ order_no: textOf(made, "order_no") })).data).toMatchObject({
      channel_code: "wxpay_js",
      amount: "10.00",
      status_name: "PENDING"
    })
  })
})

describe("a paid order", () => {
  test.each([
    [1, "0.01", "0.01", "0.00"],
    [83, "0.83", "0.83", "0.00"],
    [84, "0.84", "0.83", "0.01"],
    [250, "2.50", "2.48", "0.02"],
    [1000, "10.00", "9.94", "0.06"],
    [1_234_567, "12345.67", "12271.60", "74.07"]
  ])(
    "of %d fen has %s paid, %s left after a fee of %s (0.60 percent, half a fen rounds up)",
    async (amount, paid, actual, fee) => {
      const made = await shop.qrcodePay({ amount })
      await actAsPayer(made)
      const { data } = await becomes(shop, made, "PAID")
      expect(data).toMatchObject({
        amount: paid,
        actual_amount: actual,
        fee,
        status: 1,
        status_name: "PAID",
        status_text: "支付成功"
      })
      recent(data?.pay_time)
      expect(instant(data?.pay_time)).toBeGreaterThanOrEqual(instant(data?.created_at) - 1000)
    }
  )

  test("is paid by the operator's command too: payhub sandbox pay", async () => {
    const made = await shop.qrcodePay({ amount: 1000 })
    const order_no = textOf(made, "order_no")
    expect(await gateway.command(["sandbox", "pay", order_no])).toMatchObject({ order_no })
    const { data } = await shop.orderQuery({ order_no })
    expect(data).toMatchObject({ amount: "10.00", actual_amount: "9.94", fee: "0.06", status_name: "PAID" })
  })

  test("has the channel's own fee where the channel reports one", async () => {
    const made = await shop.qrcodePay({ amount: 888_820 })
    await actAsPayer(made)
    const { data } = await becomes(shop, made, "PAID")
    expect(data).toMatchObject({ amount: "8888.20", actual_amount: "8887.20", fee: "1.00", status_name: "PAID" })
  })
})

describe("the order asked about", () => {
  test("is named by order_no or by merchant_order_no", async () => {
    const merchant_order_no = unique("ORD")
    const order_no = textOf(await shop.qrcodePay({ merchant_order_no }), "order_no")
    for (const by of [
      { order_no },
      { merchant_order_no },
      { order_no, merchant_order_no },
      { order_no: "", merchant_order_no },
      { order_no: null, merchant_order_no },
      { order_no, merchant_order_no: "" }
    ]) {
      expect((await shop.orderQuery(by)).data).toMatchObject({ order_no, merchant_order_no })
    }
  })

  test("is that of order_no where both are given", async () => {
    const numbers = [unique("ORD"), unique("ORD")] as const
    const [first, second] = [
      await shop.qrcodePay({ merchant_order_no: numbers[0] }),
      await shop.qrcodePay({ merchant_order_no: numbers[1] })
    ]
    expect(second.code).toBe(200)
    const order_no = textOf(first, "order_no")
    expect((await shop.orderQuery({ order_no, merchant_order_no: numbers[1] })).data?.order_no).toBe(order_no)
    expect((await shop.orderQuery({ order_no: "QR20260101000000ABCDEFGH", merchant_order_no: numbers[1] })).code).toBe(
      404
    )
  })

  test("is 400 when neither number is given", async () => {
    for (const by of [{}, { order_no: "" }, { order_no: null, merchant_order_no: "" }]) {
      const answer = await shop.orderQuery(by)
      expect([answer.code, answer.message, answer.data]).toEqual([
        400,
        "order_no 和 merchant_order_no 至少传一个",
        null
      ])
    }
  })

  test("is 404 订单不存在 when it does not exist", async () => {
    for (const by of [
      { order_no: "QR20260101000000ABCDEFGH" },
      { order_no: "x" },
      { order_no: "' OR 1=1 --" },
      { merchant_order_no: unique("NEVER") }
    ]) {
      const answer = await shop.orderQuery(by)
      expect([answer.code, answer.message, answer.data]).toEqual([404, "订单不存在", null])
    }
  })

  test("is 404 when it is another merchant's, by either number", async () => {
    const neighbour = await gateway.merchant()
    const merchant_order_no = unique("ORD")
    const order_no = textOf(await shop.qrcodePay({ merchant_order_no }), "order_no")
    for (const by of [{ order_no }, { merchant_order_no }]) {
      const answer = await neighbour.orderQuery(by)
      expect([answer.code, answer.message, answer.data]).toEqual([404, "订单不存在", null])
    }
    const own = textOf(await neighbour.qrcodePay({ merchant_order_no }), "order_no")
    expect((await neighbour.orderQuery({ merchant_order_no })).data?.order_no).toBe(own)
    expect((await shop.orderQuery({ merchant_order_no })).data?.order_no).toBe(order_no)
  })

  test("is not matched by another case or by white space", async () => {
    const order_no = textOf(await shop.qrcodePay(), "order_no")
    expect((await shop.orderQuery({ order_no: order_no.toLowerCase() })).code).toBe(404)
    expect((await shop.orderQuery({ order_no: `${order_no} ` })).code).toBe(404)
    expect((await shop.orderQuery({ order_no: `${order_no.slice(0, -1)}%` })).code).toBe(404)
  })
})

test("times follow the configured time zone", async () => {
  const abroad = await startGateway({ env: { PAYHUB_TIMEZONE: "America/New_York" } })
  try {
    const customer = await abroad.merchant()
    const made = await customer.qrcodePay()
    const { data } = await customer.orderQuery({ order_no: textOf(made, "order_no") })
    const there = new Intl.DateTimeFormat("sv-SE", {
      timeZone: "America/New_York",
      dateStyle: "short",
      timeStyle: "medium"
    })
    expect([there.format(Date.now()), there.format(Date.now() - 1000), there.format(Date.now() - 2000)]).toContain(
      String(data?.created_at)
    )
  } finally {
    await abroad.stop()
  }
})

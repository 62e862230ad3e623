import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import { type Answer, type MerchantClient, readAnswer, unique } from "../harness/merchant-client.ts"

/* Section 10 of the contract: the words of each error. When each is due is tested in the file of its section. */

const EN = { headers: { "Accept-Language": "en" } }
const CHINESE = /[\u3000-\u9fff\uff00-\uffef]/

setDefaultTimeout(60_000)

let gateway: Gateway
let shop: MerchantClient
let strict: MerchantClient
let closed: MerchantClient
let slow: MerchantClient
beforeAll(async () => {
  gateway = await startGateway()
  ;[shop, strict, closed, slow] = await Promise.all([
    gateway.merchant(),
    gateway.merchant({ allowIps: ["203.0.113.7"] }),
    gateway.merchant(),
    gateway.merchant({ throttle: "1/1h" })
  ])
  await gateway.command(["merchant", "disable", closed.appId])
})
afterAll(() => gateway?.stop())

type Call = (options: { headers?: Record<string, string> }) => Promise<Answer>
const spent = unique()
const taken = unique("ORD")
const get = async (path: string, init: RequestInit) => readAnswer(await fetch(gateway.url + path, init))

const rows: Array<[code: number, message: string, call: Call]> = [
  [400, "请求格式错误", (o) => shop.raw("/api/cashier/qrcode-pay", "{", o.headers)],
  [
    400,
    "商户订单号已存在,请勿重复提交",
    async (o) => {
      await shop.qrcodePay({ merchant_order_no: taken })
      return shop.qrcodePay({ merchant_order_no: taken }, o)
    }
  ],
  [400, "金额必须大于 0", (o) => shop.qrcodePay({ amount: 0 }, o)],
  [400, "order_no 和 merchant_order_no 至少传一个", (o) => shop.orderQuery({}, o)],
  [400, "支付渠道不可用", (o) => shop.qrcodePay({ amount: 888_801 }, o)],
  [400, "支付链接已过期,请重新生成", (o) => get("/api/cashier/pay-state?token=x", o)],
  [401, "缺少 app_id 参数", (o) => shop.qrcodePay({ app_id: undefined }, o)],
  [401, "商户不存在", (o) => shop.qrcodePay({ app_id: "pk_live_nobody" }, o)],
  [401, "商户已停用", (o) => closed.qrcodePay({}, o)],
  [401, "请求已过期,请检查 timestamp", (o) => shop.qrcodePay({ timestamp: 1 }, o)],
  [401, "IP 未授权", (o) => strict.qrcodePay({}, o)],
  [401, "签名验证失败", (o) => shop.qrcodePay({}, { ...o, secret: "wrong" })],
  [
    401,
    "请求重复,nonce 已使用",
    async (o) => {
      await shop.qrcodePay({ nonce: spent })
      return shop.qrcodePay({ nonce: spent }, o)
    }
  ],
  [404, "订单不存在", (o) => shop.orderQuery({ order_no: "x" }, o)],
  [404, "接口不存在", (o) => get("/api/cashier/nothing", o)],
  [405, "请求方法不支持", (o) => get("/api/cashier/qrcode-pay", o)],
  [413, "请求体过大", (o) => shop.raw("/api/cashier/qrcode-pay", `{"a":"${"x".repeat(70_000)}"}`, o.headers)],
  [
    415,
    "Content-Type 必须为 application/json",
    (o) => shop.raw("/api/cashier/qrcode-pay", "{}", { ...o.headers, "Content-Type": "text/plain" })
  ],
  [422, "商户订单号不能为空", (o) => shop.qrcodePay({ merchant_order_no: "" }, o)],
  [422, "金额不能为空", (o) => shop.qrcodePay({ amount: undefined }, o)],
  [422, "金额必须为整数", (o) => shop.qrcodePay({ amount: "abc" }, o)],
  [422, "回调地址不能为空", (o) => shop.qrcodePay({ notify_url: undefined }, o)],
  [
    429,
    "请求过于频繁,请3600秒后重试",
    async (o) => {
      await slow.orderQuery({ order_no: "x" })
      return slow.orderQuery({ order_no: "x" }, o)
    }
  ]
]

describe("the messages", () => {
  test.each(rows)("%d %s, and in English the same code", async (code, message, call) => {
    const chinese = await call({})
    expect([chinese.code, chinese.message]).toEqual([code, message])
    const english = await call(EN)
    expect(english.code).toBe(code)
    expect(english.message).not.toMatch(CHINESE)
    // The two answers differ in words alone: their data has the same fields.
    expect(Object.keys(english.data ?? {})).toEqual(Object.keys(chinese.data ?? {}))
  })

  test("are Chinese for every other language, and English for regions and weights of English", async () => {
    const heard = async (language: string) =>
      (await shop.orderQuery({ order_no: "x" }, { headers: { "Accept-Language": language } })).message
    for (const language of ["zh-CN", "zh-CN,zh;q=0.9,en;q=0.8", "zh", "*", ""]) {
      expect(await heard(language)).toBe("订单不存在")
    }
    for (const language of ["en", "en-US", "en-US,en;q=0.9", "EN", "en-GB,en;q=0.9,zh;q=0.5"]) {
      expect(await heard(language)).not.toMatch(CHINESE)
    }
  })

  test("of a success are English too when asked", async () => {
    const answer = await shop.qrcodePay({}, EN)
    expect(answer.code).toBe(200)
    expect(answer.message).not.toMatch(CHINESE)
  })

  test("name no internals and repeat no input", async () => {
    const answer = await shop.qrcodePay({ merchant_order_no: `${"x".repeat(65)}INJECTED`, channel_code: "<b>INJECTED" })
    expect(answer.code).toBe(422)
    expect(answer.text).not.toContain("INJECTED")
    const malformed = await shop.raw("/api/cashier/qrcode-pay", '{"a":INJECTED}')
    expect(malformed.text).not.toMatch(/INJECTED|JSON|position|token|Error/)
  })
})

describe("422", () => {
  const shape = (answer: Answer): Record<string, string[]> => {
    expect(answer.code).toBe(422)
    const errors = answer.data?.errors as Record<string, string[]>
    for (const texts of Object.values(errors)) {
      expect(Array.isArray(texts) && texts.length > 0 && texts.every((text) => typeof text === "string")).toBe(true)
    }
    return errors
  }

  test("names every field at fault in the table's order, and its message is the first one's", async () => {
    const answer = await shop.qrcodePay({
      note: "x".repeat(251),
      channel_code: "nope",
      extra: "x".repeat(4097),
      body: "x".repeat(4097),
      notify_url: "nope",
      amount: "nope",
      merchant_order_no: "x".repeat(65)
    })
    const errors = shape(answer)
    const order = ["merchant_order_no", "amount", "notify_url", "body", "extra", "channel_code", "note"]
    expect(Object.keys(errors)).toEqual(order)
    expect(answer.message).toBe(errors.merchant_order_no?.[0] ?? "")
  })

  test("names those of wechat-js-pay in its own order", async () => {
    const answer = await shop.wechatJsPay({
      note: "x".repeat(126),
      timeOutExpress: "0",
      isMiniPg: "3",
      notify_url: "nope",
      subOpenId: "x".repeat(129),
      amount: "nope"
    })
    const errors = shape(answer)
    expect(Object.keys(errors)).toEqual(["amount", "subOpenId", "notify_url", "isMiniPg", "timeOutExpress", "note"])
    expect(answer.message).toBe("金额必须为整数")
  })

  test("leaves out fields that are right", async () => {
    expect(Object.keys(shape(await shop.qrcodePay({ amount: "nope", note: "x".repeat(251) })))).toEqual([
      "amount",
      "note"
    ])
  })

  test("comes before the 400 for an amount of 0 or below, which is not among its fields", async () => {
    for (const amount of [0, -1, "0", "-1"]) {
      const answer = await shop.qrcodePay({ amount, notify_url: undefined })
      expect(answer.message).toBe("回调地址不能为空")
      expect(Object.keys(shape(answer))).toEqual(["notify_url"])
    }
  })

  test("has its texts in English when asked", async () => {
    const answer = await shop.qrcodePay({ amount: undefined, notify_url: "nope", note: "x".repeat(251) }, EN)
    const errors = shape(answer)
    expect(Object.keys(errors)).toEqual(["amount", "notify_url", "note"])
    expect(answer.text).not.toMatch(CHINESE)
  })

  test("has each rule's own text as its message", async () => {
    for (const parameters of [
      { merchant_order_no: "x".repeat(65) },
      { amount: 10_000_000_001 },
      { notify_url: "nope" },
      { notify_url: "http://10.0.0.1/" },
      { body: "x".repeat(4097) },
      { extra: "x".repeat(4097) },
      { channel_code: "nope" },
      { note: "x".repeat(251) },
      { nonce: "x".repeat(33) }
    ]) {
      const answer = await shop.qrcodePay(parameters)
      expect(shape(answer)[Object.keys(parameters)[0] ?? ""]?.[0]).toBe(answer.message)
      expect(answer.message).toMatch(CHINESE)
    }
  })
})

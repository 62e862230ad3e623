import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import { type Answer, json, type MerchantClient, now, unique } from "../harness/merchant-client.ts"

/* Section 1 of the contract: an integer is a JSON integer or a decimal string and nothing else. */

setDefaultTimeout(60_000)

let gateway: Gateway
let shop: MerchantClient
beforeAll(async () => {
  gateway = await startGateway()
  shop = await gateway.merchant()
})
afterAll(() => gateway?.stop())

const errorsOf = (answer: Answer) => answer.data?.errors as Record<string, string[]> | undefined

describe("amount", () => {
  test.each([
    ["1000", 1000],
    ['"1000"', 1000],
    ["1", 1],
    ['"1"', 1],
    ["10000000000", 10_000_000_000],
    ['"10000000000"', 10_000_000_000],
    ['"1\\u0030"', 10]
  ])("%s is %d fen, and the answer has it as a number", async (text, fen) => {
    const answer = await shop.qrcodePay({ amount: json(text) })
    expect([answer.code, answer.data?.amount]).toEqual([200, fen])
  })

  test.each([
    "1000.0",
    "1000.5",
    "1e3",
    "1E3",
    "1e0",
    "-0",
    "-1.5",
    "0.0",
    '"1000.0"',
    '"1e3"',
    '" 1000"',
    '"1000 "',
    '"1000\\n"',
    '"\\ufeff1000"',
    '"+1"',
    '"0x10"',
    '"0b1"',
    '"1n"',
    '"01000"',
    '"00"',
    '"-0"',
    '"-01"',
    '"--1"',
    '"-"',
    '"1,000"',
    '"1_000"',
    '"10.00"',
    '"１０００"',
    '"١٠٠٠"',
    '"Infinity"',
    '"NaN"',
    '"abc"',
    '" "',
    "true",
    "false",
    '"true"'
  ])("%s is 422 金额必须为整数", async (text) => {
    const answer = await shop.qrcodePay({ amount: json(text) })
    expect([answer.code, answer.message]).toEqual([422, "金额必须为整数"])
    expect(Object.keys(errorsOf(answer) ?? {})).toEqual(["amount"])
    expect(errorsOf(answer)?.amount?.[0]).toBe("金额必须为整数")
  })

  test.each([
    ["absent", undefined],
    ["null", null],
    ["empty", ""]
  ])("that is %s is 422 金额不能为空", async (_, amount) => {
    const answer = await shop.qrcodePay({ amount })
    expect([answer.code, answer.message]).toEqual([422, "金额不能为空"])
    expect(Object.keys(errorsOf(answer) ?? {})).toEqual(["amount"])
  })

  test.each(["0", "-1", "-1000", '"0"', '"-1"', '"-1000"', "-9007199254740991"])(
    "%s is 400 金额必须大于 0, not 422",
    async (text) => {
      const answer = await shop.qrcodePay({ amount: json(text) })
      expect([answer.code, answer.message, answer.data]).toEqual([400, "金额必须大于 0", null])
    }
  )

  test.each(["10000000001", '"10000000001"', "9007199254740991", '"9007199254740993"', '"99999999999999999999999"'])(
    "%s is above the limit of an order: 422",
    async (text) => {
      const answer = await shop.qrcodePay({ amount: json(text) })
      expect(answer.code).toBe(422)
      expect(Object.keys(errorsOf(answer) ?? {})).toEqual(["amount"])
    }
  )

  test("is held to the same rules by wechat-js-pay", async () => {
    expect((await shop.wechatJsPay({ amount: "1000" })).data?.amount).toBe(10)
    expect((await shop.wechatJsPay({ amount: json("1000.0") })).message).toBe("金额必须为整数")
    expect((await shop.wechatJsPay({ amount: json("1e3") })).message).toBe("金额必须为整数")
    expect((await shop.wechatJsPay({ amount: "01000" })).message).toBe("金额必须为整数")
    expect((await shop.wechatJsPay({ amount: undefined })).message).toBe("金额不能为空")
    expect((await shop.wechatJsPay({ amount: "-1" })).message).toBe("金额必须大于 0")
  })
})

describe("timestamp", () => {
  test("may be a decimal string", async () => {
    expect((await shop.qrcodePay({ timestamp: String(now()) })).code).toBe(200)
  })

  const ill: Array<[string, () => string]> = [
    ["a fraction", () => `${now()}.0`],
    ["a fraction in a string", () => `"${now()}.0"`],
    ["an exponent", () => `${now() / 1e9}e9`],
    ["a string with a space", () => `" ${now()}"`],
    ["a string with a plus", () => `"+${now()}"`],
    ["a string with a leading zero", () => `"0${now()}"`],
    [
      "full-width digits",
      () => `"${String(now()).replace(/\d/g, (digit) => String.fromCharCode(0xff10 + Number(digit)))}"`
    ],
    ["milliseconds", () => String(Date.now())],
    ["a date", () => `"${new Date().toISOString()}"`],
    ["a boolean", () => "true"],
    ["null", () => "null"],
    ["empty", () => '""'],
    ["zero", () => "0"],
    ["negative", () => String(-now())]
  ]
  test.each(ill)("that is %s is 401 请求已过期,请检查 timestamp", async (_, text) => {
    const answer = await shop.qrcodePay({ timestamp: json(text()) })
    expect([answer.code, answer.message, answer.data]).toEqual([401, "请求已过期,请检查 timestamp", null])
  })

  test("that is absent is 401 too", async () => {
    const answer = await shop.qrcodePay({ timestamp: undefined })
    expect([answer.code, answer.message]).toEqual([401, "请求已过期,请检查 timestamp"])
  })

  test("may be 300 s off either way, not more", async () => {
    expect((await shop.qrcodePay({ timestamp: now() - 295 })).code).toBe(200)
    expect((await shop.qrcodePay({ timestamp: now() + 295 })).code).toBe(200)
    expect((await shop.qrcodePay({ timestamp: now() - 305 })).code).toBe(401)
    expect((await shop.qrcodePay({ timestamp: now() + 305 })).code).toBe(401)
  })
})

describe("a JSON integer for a string parameter", () => {
  test("is taken as its decimal text", async () => {
    const number = Math.floor(Math.random() * 1e15)
    const answer = await shop.qrcodePay({ merchant_order_no: number, extra: 42, body: 7, note: -5 })
    expect(answer.code).toBe(200)
    expect([answer.data?.merchant_order_no, answer.data?.extra]).toEqual([String(number), "42"])
    const again = await shop.qrcodePay({ merchant_order_no: String(number) })
    expect([again.code, again.message]).toEqual([400, "商户订单号已存在,请勿重复提交"])
    expect((await shop.orderQuery({ merchant_order_no: number })).data?.order_no).toBe(answer.data?.order_no)
  })

  test("is a nonce equal to its decimal text", async () => {
    const nonce = Math.floor(Math.random() * 1e15)
    expect((await shop.qrcodePay({ nonce })).code).toBe(200)
    expect((await shop.qrcodePay({ nonce: String(nonce) })).message).toBe("请求重复,nonce 已使用")
  })

  test("is an unknown app_id", async () => {
    const answer = await shop.qrcodePay({ app_id: 12345 })
    expect([answer.code, answer.message]).toEqual([401, "商户不存在"])
  })

  test("is taken for timeOutExpress and isMiniPg", async () => {
    expect((await shop.wechatJsPay({ timeOutExpress: 30, isMiniPg: 2 })).code).toBe(200)
    expect((await shop.wechatJsPay({ timeOutExpress: 1441 })).code).toBe(422)
  })
})

describe("other numbers and booleans for a string parameter", () => {
  const fields = ["merchant_order_no", "notify_url", "body", "extra", "channel_code", "note"]
  const values = ["1.5", "1e3", "1.0", "true", "false"]
  test.each(fields.flatMap((field) => values.map((value) => [field, value] as [string, string])))(
    "%s: %s is 422",
    async (field, value) => {
      const answer = await shop.qrcodePay({ [field]: json(value) })
      expect(answer.code).toBe(422)
      expect(Object.keys(errorsOf(answer) ?? {})).toEqual([field])
    }
  )

  test.each(["subOpenId", "appId", "isMiniPg", "timeOutExpress", "note", "extra"])(
    "%s of wechat-js-pay: 1.5 and true are 422",
    async (field) => {
      for (const value of ["1.5", "true"]) {
        const answer = await shop.wechatJsPay({ [field]: json(value) })
        expect(answer.code).toBe(422)
        expect(Object.keys(errorsOf(answer) ?? {})).toEqual([field])
      }
    }
  )

  test("nonce: 1.5 and true are 422", async () => {
    for (const value of ["1.5", "true"]) {
      const answer = await shop.qrcodePay({ nonce: json(value), merchant_order_no: unique("ORD") })
      expect([answer.code, Object.keys(errorsOf(answer) ?? {})]).toEqual([422, ["nonce"]])
    }
  })
})

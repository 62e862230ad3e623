import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import {
  type Answer,
  type MerchantClient,
  NOTIFY_URL,
  now,
  type Parameters,
  textOf,
  unique
} from "../harness/merchant-client.ts"

/* Section 4 of the contract: a request that fails two checks is answered by the earlier one only. */

const CREATE = "/api/cashier/qrcode-pay"
const DUPLICATE = "商户订单号已存在,请勿重复提交"
/** An amount that the sandbox definitely refuses. */
const REFUSED_FEN = 888_801

setDefaultTimeout(60_000)

let gateway: Gateway
let shop: MerchantClient
beforeAll(async () => {
  // The tests' own address is a trusted proxy, so that a test can choose its client address.
  gateway = await startGateway({ env: { PAYHUB_TRUSTED_PROXIES: "127.0.0.1,::1,10.9.0.0/16" } })
  shop = await gateway.merchant()
})
afterAll(() => gateway?.stop())

const from = (...hops: string[]) => ({ headers: { "X-Forwarded-For": hops.join(", ") } })
const said = (answer: Answer) => [answer.code, answer.message]
const order = (): Parameters => ({ merchant_order_no: unique("ORD"), amount: 1000, notify_url: NOTIFY_URL })

describe.concurrent("the checks come in order", () => {
  test("request format before app_id", async () => {
    expect(said(await shop.raw(CREATE, '{"extra":{}}'))).toEqual([400, "请求格式错误"])
    expect(said(await shop.raw(CREATE, '{"app_id":"","a":1,"a":2}'))).toEqual([400, "请求格式错误"])
  })

  test("app_id before everything about the merchant", async () => {
    for (const app_id of [undefined, null, ""]) {
      expect(said(await shop.qrcodePay({ app_id, timestamp: 1, amount: 0 }, { sign: undefined }))).toEqual([
        401,
        "缺少 app_id 参数"
      ])
    }
  })

  test("the merchant before the signature", async () => {
    for (const app_id of ["pk_test_nobody", "pk_live_nobody", "x", " ", `${shop.appId} `, "中文", "a".repeat(5000)]) {
      expect(said(await shop.qrcodePay({ app_id, timestamp: 1, amount: 0 }, { sign: undefined }))).toEqual([
        401,
        "商户不存在"
      ])
    }
  })

  test("the signature before whether the merchant is active", async () => {
    const closed = await gateway.merchant({ name: "Closed shop" })
    await gateway.command(["merchant", "disable", closed.appId])
    expect(said(await closed.qrcodePay({}, { sign: undefined }))).toEqual([401, "签名验证失败"])
  })

  test("whether the merchant is active before the timestamp", async () => {
    const closed = await gateway.merchant({ name: "Closed shop" })
    await gateway.command(["merchant", "disable", closed.appId])
    expect(said(await closed.qrcodePay({ timestamp: 1 }))).toEqual([401, "商户已停用"])
    expect(said(await closed.orderQuery({ order_no: "x" }))).toEqual([401, "商户已停用"])
    await gateway.command(["merchant", "enable", closed.appId])
    expect((await closed.qrcodePay()).code).toBe(200)
  })

  test("the timestamp before the IP allow-list", async () => {
    const abroad = await gateway.merchant({ allowIps: ["203.0.113.7"] })
    expect(said(await abroad.qrcodePay({ timestamp: now() - 1000 }))).toEqual([401, "请求已过期,请检查 timestamp"])
  })

  test("the IP allow-list before the nonce, which stays unused", async () => {
    const abroad = await gateway.merchant({ allowIps: ["203.0.113.7"] })
    expect(said(await abroad.qrcodePay({ nonce: undefined }))).toEqual([401, "IP 未授权"])
    const nonce = unique()
    expect(said(await abroad.qrcodePay({ nonce }))).toEqual([401, "IP 未授权"])
    expect((await abroad.qrcodePay({ nonce }, from("203.0.113.7"))).code).toBe(200)
  })

  test("the nonce before the fields", async () => {
    const nonce = unique()
    expect((await shop.qrcodePay({ nonce })).code).toBe(200)
    expect(said(await shop.qrcodePay({ nonce, amount: undefined }))).toEqual([401, "请求重复,nonce 已使用"])
    for (const ill of [undefined, null, "", "n".repeat(33)]) {
      const answer = await shop.qrcodePay({ nonce: ill, merchant_order_no: undefined })
      expect(answer.code).toBe(422)
      const errors = answer.data?.errors as Record<string, string[]>
      expect(Object.keys(errors)[0]).toBe("nonce")
      expect(errors.nonce?.[0]).toBe(answer.message)
    }
  })

  test("the fields before a duplicate order", async () => {
    const merchant_order_no = unique("ORD")
    expect((await shop.qrcodePay({ merchant_order_no })).code).toBe(200)
    expect((await shop.qrcodePay({ merchant_order_no, amount: "1e3" })).message).toBe("金额必须为整数")
    expect((await shop.qrcodePay({ merchant_order_no, amount: 0 })).message).toBe("金额必须大于 0")
    expect((await shop.wechatJsPay({ merchant_order_no, isMiniPg: "3" })).code).toBe(422)
    expect((await shop.qrcodePay({ merchant_order_no })).message).toBe(DUPLICATE)
  })

  test("a duplicate order before the throttle", async () => {
    const slow = await gateway.merchant({ throttle: "1/1h" })
    const merchant_order_no = unique("ORD")
    expect((await slow.qrcodePay({ merchant_order_no })).code).toBe(200)
    expect(said(await slow.qrcodePay({ merchant_order_no }))).toEqual([400, DUPLICATE])
    expect(said(await slow.wechatJsPay({ merchant_order_no }))).toEqual([400, DUPLICATE])
    expect((await slow.qrcodePay()).code).toBe(429)
  })

  test("the throttle before the channel", async () => {
    const slow = await gateway.merchant({ throttle: "1/1h" })
    expect((await slow.qrcodePay()).code).toBe(200)
    const merchant_order_no = unique("ORD")
    expect((await slow.qrcodePay({ merchant_order_no, amount: REFUSED_FEN })).code).toBe(429)
    // No order was stored: the number is still free, as a request from another address shows.
    expect((await slow.qrcodePay({ merchant_order_no }, from("198.51.100.9"))).code).toBe(200)
  })
})

describe.concurrent("a nonce", () => {
  test("is used up by the first request that verifies, at any endpoint", async () => {
    const nonce = unique()
    expect((await shop.qrcodePay({ nonce })).code).toBe(200)
    expect(said(await shop.qrcodePay({ nonce }))).toEqual([401, "请求重复,nonce 已使用"])
    expect(said(await shop.orderQuery({ nonce, order_no: "x" }))).toEqual([401, "请求重复,nonce 已使用"])
    expect(said(await shop.wechatJsPay({ nonce }))).toEqual([401, "请求重复,nonce 已使用"])
  })

  test("is used up by a request whose fields are wrong", async () => {
    const nonce = unique()
    expect((await shop.qrcodePay({ nonce, amount: undefined })).code).toBe(422)
    expect(said(await shop.qrcodePay({ nonce }))).toEqual([401, "请求重复,nonce 已使用"])
  })

  test("is not used up by a bad signature or an old timestamp", async () => {
    const nonce = unique()
    expect((await shop.qrcodePay({ nonce }, { secret: "wrong" })).code).toBe(401)
    expect((await shop.qrcodePay({ nonce, timestamp: 1 })).code).toBe(401)
    expect((await shop.qrcodePay({ nonce })).code).toBe(200)
  })

  test("belongs to its merchant: another one may use the same", async () => {
    const neighbour = await gateway.merchant()
    const nonce = unique()
    expect((await shop.qrcodePay({ nonce })).code).toBe(200)
    expect((await neighbour.qrcodePay({ nonce })).code).toBe(200)
  })

  test("is 1 to 32 characters of any kind, and case counts", async () => {
    const stem = unique().slice(0, 20)
    for (const nonce of [`${stem}a`, `${stem}A`, "😀".repeat(12) + stem, ` ${stem}`]) {
      expect((await shop.qrcodePay({ nonce })).code).toBe(200)
    }
    expect((await shop.qrcodePay({ nonce: "😀".repeat(33) })).code).toBe(422)
  })

  test("sent a second time, byte for byte, makes no second order", async () => {
    const body = shop.body(order())
    expect((await shop.raw(CREATE, body)).code).toBe(200)
    expect(said(await shop.raw(CREATE, body))).toEqual([401, "请求重复,nonce 已使用"])
  })
})

describe.concurrent("the throttle", () => {
  test("is one order per 3 s by default and says when to retry", async () => {
    const plain = await gateway.merchant({ throttle: null })
    expect((await plain.qrcodePay()).code).toBe(200)
    const answer = await plain.qrcodePay()
    expect([answer.code, answer.message, answer.data]).toEqual([429, "请求过于频繁,请3秒后重试", null])
    const seconds = answer.headers.get("retry-after") ?? ""
    expect(seconds).toMatch(/^[123]$/)
    // Only the clock ends the window of 3 s; Retry-After says how much of it is left.
    await Bun.sleep(Number(seconds) * 1000)
    expect((await plain.qrcodePay()).code).toBe(200)
  })

  test("is shared by both creating endpoints, and queries have a slot of their own", async () => {
    const slow = await gateway.merchant({ throttle: "1/1h" })
    const made = await slow.qrcodePay()
    expect(made.code).toBe(200)
    expect((await slow.wechatJsPay()).code).toBe(429)
    const order_no = textOf(made, "order_no")
    expect((await slow.orderQuery({ order_no })).code).toBe(200)
    const second = await slow.orderQuery({ order_no })
    expect([second.code, second.message]).toEqual([429, "请求过于频繁,请3600秒后重试"])
    expect(Number(second.headers.get("retry-after"))).toBeGreaterThan(3_590)
  })

  test("leaves an order its slot after queries", async () => {
    const slow = await gateway.merchant({ throttle: "1/1h" })
    expect((await slow.orderQuery({ order_no: "x" })).code).toBe(404)
    expect((await slow.qrcodePay()).code).toBe(200)
  })

  test("names the window in seconds, rounded up", async () => {
    const slow = await gateway.merchant({ throttle: "1/1500ms" })
    const [first, second] = [await slow.qrcodePay(), await slow.qrcodePay()]
    expect(first.code).toBe(200)
    expect([second.code, second.message]).toEqual([429, "请求过于频繁,请2秒后重试"])
    expect(second.headers.get("retry-after")).toMatch(/^[12]$/)
  })

  test("lets as many through as the merchant's own rule says", async () => {
    const three = await gateway.merchant({ throttle: "3/1h" })
    const codes = []
    for (let at = 0; at < 5; at += 1) codes.push((await three.qrcodePay()).code)
    expect(codes).toEqual([200, 200, 200, 429, 429])
  })

  test("is per merchant and per address", async () => {
    const slow = await gateway.merchant({ throttle: "1/1h" })
    const neighbour = await gateway.merchant({ throttle: "1/1h" })
    expect((await slow.qrcodePay({}, from("198.51.100.1"))).code).toBe(200)
    expect((await slow.qrcodePay({}, from("198.51.100.1"))).code).toBe(429)
    expect((await slow.qrcodePay({}, from("198.51.100.2"))).code).toBe(200)
    expect((await slow.qrcodePay({}, from("2001:db8::1"))).code).toBe(200)
    expect((await neighbour.qrcodePay({}, from("198.51.100.1"))).code).toBe(200)
  })

  test("takes no slot before the signature has verified, nor for a request that an earlier check refuses", async () => {
    const slow = await gateway.merchant({ throttle: "1/1h" })
    expect((await slow.qrcodePay({}, { secret: "wrong" })).code).toBe(401)
    expect((await slow.qrcodePay({ timestamp: 1 })).code).toBe(401)
    expect((await slow.qrcodePay({ amount: "1e3" })).code).toBe(422)
    expect((await slow.qrcodePay({ amount: 0 })).code).toBe(400)
    expect((await slow.qrcodePay()).code).toBe(200)
  })

  test("can be off", async () => {
    for (let at = 0; at < 10; at += 1) expect((await shop.qrcodePay()).code).toBe(200)
  })
})

describe.concurrent("the client's address", () => {
  test("is in the allow-list or 401 IP 未授权", async () => {
    const strict = await gateway.merchant({ allowIps: ["203.0.113.7", "198.51.100.0/24", "2001:db8:1::/48"] })
    for (const ip of ["203.0.113.7", "198.51.100.255", "2001:db8:1:ffff::9", "2001:0DB8:0001:0::1"]) {
      expect([ip, (await strict.qrcodePay({}, from(ip))).code]).toEqual([ip, 200])
    }
    for (const ip of ["203.0.113.8", "198.51.101.0", "2001:db8:2::1", "::1"]) {
      expect([ip, ...said(await strict.qrcodePay({}, from(ip)))]).toEqual([ip, 401, "IP 未授权"])
    }
    expect(said(await strict.orderQuery({ order_no: "x" }, from("203.0.113.8")))).toEqual([401, "IP 未授权"])
  })

  test("written as IPv4 inside IPv6 is the IPv4 address", async () => {
    const strict = await gateway.merchant({ allowIps: ["203.0.113.7"] })
    expect((await strict.qrcodePay({}, from("::ffff:203.0.113.7"))).code).toBe(200)
  })

  test("is the right-most hop that is no trusted proxy, so a client cannot write its own", async () => {
    const strict = await gateway.merchant({ allowIps: ["203.0.113.7"] })
    expect((await strict.qrcodePay({}, from("203.0.113.7", "10.9.1.1"))).code).toBe(200)
    expect((await strict.qrcodePay({}, from("192.0.2.1", "203.0.113.7"))).code).toBe(200)
    expect((await strict.qrcodePay({}, from("203.0.113.7", "192.0.2.1"))).code).toBe(401)
    expect((await strict.qrcodePay({}, from("203.0.113.7", "192.0.2.1", "10.9.1.1"))).code).toBe(401)
  })

  test("is the socket's where no proxy is trusted", async () => {
    const bare = await startGateway()
    try {
      const strict = await bare.merchant({ allowIps: ["203.0.113.7"] })
      expect(said(await strict.qrcodePay({}, from("203.0.113.7")))).toEqual([401, "IP 未授权"])
      const local = await bare.merchant({ allowIps: ["127.0.0.1"], throttle: "1/1h" })
      expect((await local.qrcodePay({}, from("198.51.100.1"))).code).toBe(200)
      expect((await local.qrcodePay({}, from("198.51.100.2"))).code).toBe(429)
    } finally {
      await bare.stop()
    }
  })
})

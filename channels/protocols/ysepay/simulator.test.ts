import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { createPrivateKey, type KeyObject, sign } from "node:crypto"
import { METHODS, type Method } from "./methods.ts"
import { orderKeyOf } from "./order-number.ts"
import { type BizContent, writeRequest } from "./request.ts"
import { startYsepaySimulator, type YsepaySimulator } from "./simulator.ts"

/* A simulator is worth what it refuses: each rule of the wire is broken once. */

let simulator: YsepaySimulator
let privateKey: KeyObject
beforeAll(async () => {
  simulator = await startYsepaySimulator()
  privateKey = createPrivateKey(simulator.account().privateKey)
})
afterAll(() => simulator.stop())

const today = new Date(Date.now() + 28_800_000).toISOString().slice(0, 10).replaceAll("-", "")
let serial = 0
const create = () => ({
  ...orderKeyOf(`QR${today}000000${String(serial++).padStart(8, "0")}`),
  subject: "在线支付",
  total_amount: "1.00",
  currency: "CNY",
  seller_id: "shanghu_test",
  timeout_express: "30m",
  business_code: "01000010",
  bank_type: "1903000"
})
const send = async (url: string, body: string) => {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body
  })
  return answer.text()
}
const write = (method: Method, biz: BizContent, nowMs = Date.now()) =>
  writeRequest(
    { partnerId: "shanghu_test", privateKey, versions: {} },
    { method, biz, nowMs, notifyUrl: "http://127.0.0.1:1/" }
  )
const call = (method: Method, biz: BizContent) =>
  send(simulator.account().gateways[METHODS[method].gateway], write(method, biz))

test("takes a correct request", async () => {
  expect(await call("ysepay.online.qrcodepay", create())).toContain('"code":"10000"')
  expect(simulator.mistakes).toEqual([])
})

describe("answers unknow_response to a request", () => {
  const resigned = (change: (fields: Map<string, string>) => void) => {
    const fields = new Map(new URLSearchParams(write("ysepay.online.qrcodepay", create())))
    change(fields)
    const names = [...fields.keys()].filter((name) => name !== "sign").sort()
    const text = names.map((name) => `${name}=${fields.get(name)}`).join("&")
    fields.set("sign", sign("sha1", Buffer.from(text), privateKey).toString("base64"))
    return new URLSearchParams([...fields]).toString()
  }
  const replace = (name: string, value: string) => resigned((fields) => void fields.set(name, value))

  test.each([
    [
      "whose biz_content changed after it was signed",
      () => write("ysepay.online.qrcodepay", create()).replace("1.00", "0.01"),
      "isv.invalid-signature"
    ],
    [
      "that was signed without sign_type",
      () => {
        const fields = new Map(new URLSearchParams(write("ysepay.online.qrcodepay", create())))
        const names = [...fields.keys()].filter((name) => name !== "sign" && name !== "sign_type").sort()
        fields.set(
          "sign",
          sign("sha1", Buffer.from(names.map((name) => `${name}=${fields.get(name)}`).join("&")), privateKey).toString(
            "base64"
          )
        )
        return new URLSearchParams([...fields]).toString()
      },
      "isv.invalid-signature"
    ],
    ["without charset", () => resigned((fields) => void fields.delete("charset")), "missing parameter charset"],
    ["in GBK", () => replace("charset", "GBK"), "charset"],
    ["with another sign_type", () => replace("sign_type", "RSA2"), "sign_type"],
    ["with a parameter nobody knows", () => replace("app_id", "1"), "unknown parameter app_id"],
    [
      "with a UTC timestamp",
      () => write("ysepay.online.qrcodepay", create(), Date.now() - 28_800_000),
      "timestamp is not Beijing's time"
    ],
    ["with an unknown method", () => replace("method", "ysepay.online.nopay"), "unknown method ysepay.online.nopay"],
    [
      "with a number inside biz_content",
      () => replace("biz_content", '{"total_amount":1.00}'),
      "biz_content holds more than texts"
    ]
  ])("%s", async (_, body, mistake) => {
    expect(await send(simulator.account().gateways.pay, body())).toStartWith('{"unknow_response":')
    expect(simulator.mistakes.at(-1)).toBe(mistake)
  })

  test("on another method's host", async () => {
    const { search } = simulator.account().gateways
    expect(await send(search, write("ysepay.online.qrcodepay", create()))).toStartWith('{"unknow_response":')
  })
})

describe("refuses an order", () => {
  test.each([
    ["with yesterday's number and today's date", { out_trade_no: "20200101QR000000AAAAAAAA" }, "out_trade_no"],
    [
      "of a day long past",
      { out_trade_no: "20200101QR000000AAAAAAAA", shopdate: "20200101" },
      "shopdate is not today's"
    ],
    ["with an amount in fen", { total_amount: "100" }, "total_amount"],
    ["with an amount of nothing", { total_amount: "0.00" }, "total_amount"],
    ["with half a minute to live", { timeout_express: "0.5m" }, "timeout_express"],
    ["with sixteen days to live", { timeout_express: "16d" }, "timeout_express"],
    ["for another seller", { seller_id: "x" }, "seller_id"],
    ["with a subject of 251 bytes", { subject: `${"汉".repeat(83)}xx` }, "subject: 251 bytes"],
    ["with an emoji", { subject: "🍵" }, "subject: a character that is not allowed"],
    ["without a wallet", { bank_type: undefined }, "missing bank_type"]
  ])("%s", async (_, change, mistake) => {
    expect(await call("ysepay.online.qrcodepay", { ...create(), ...change })).toContain('"40004"')
    expect(simulator.mistakes.at(-1)).toBe(`ysepay.online.qrcodepay: ${mistake}`)
  })

  test("that it has already, and does not find one under a wrong shopdate", async () => {
    const biz = create()
    await call("ysepay.online.qrcodepay", biz)
    expect(await call("ysepay.online.qrcodepay", biz)).toContain("DUPLICATE_ORDER")
    const key = { out_trade_no: biz.out_trade_no, shopdate: "20200101" }
    expect(await call("ysepay.online.trade.order.query", key)).toContain("ACQ.QUERY_NO_RECORD")
  })
})

test("gives WeChat's JSAPI parameters as a JSON text inside the node", async () => {
  const { bank_type, ...rest } = create()
  const text = await call("ysepay.online.weixin.pay", { ...rest, appid: "wx1", sub_openid: "o1", is_minipg: "2" })
  const node = (JSON.parse(text) as { ysepay_online_weixin_pay_response: { jsapi_pay_info: string } })
    .ysepay_online_weixin_pay_response
  expect(JSON.parse(node.jsapi_pay_info)).toMatchObject({ appId: "wx1", package: "prepay_id=p" })
})

test("lets a person pay on its page, and closes by itself what nobody paid in time", async () => {
  let nowMs = Date.now()
  const clocked = await startYsepaySimulator({ nowMs: () => nowMs })
  const key = createPrivateKey(clocked.account().privateKey)
  const biz = { ...create(), timeout_express: "5m" }
  const other = { ...create(), timeout_express: "5m" }
  for (const each of [biz, other]) {
    const body = writeRequest(
      { partnerId: "shanghu_test", privateKey: key, versions: {} },
      { method: "ysepay.online.qrcodepay", biz: each, nowMs, notifyUrl: "http://127.0.0.1:1/" }
    )
    await send(clocked.account().gateways.pay, body)
  }
  expect(await (await fetch(`${clocked.origin}/pay/${biz.out_trade_no}?do=pay`)).text()).toContain(
    "1.00 元, TRADE_SUCCESS"
  )
  nowMs += 5 * 60_000
  expect(await (await fetch(`${clocked.origin}/pay/${other.out_trade_no}`)).text()).toContain("TRADE_CLOSED")
  await clocked.stop()
})

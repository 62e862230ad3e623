import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { createPrivateKey } from "node:crypto"
import { authorization, newNonceStr } from "./sign.ts"
import { WechatPaySimulator } from "./simulator.ts"

// Channels are tested against the simulator, so the simulator is tested against the manual (protocols/channels.md C2–C4).
let wechat: WechatPaySimulator
beforeAll(async () => {
  wechat = await WechatPaySimulator.start({ serialMode: "public-key" })
})
afterAll(() => wechat.stop())

const order = (change: object = {}) => ({
  appid: wechat.appIds[0],
  mchid: wechat.mchid,
  description: "会员",
  out_trade_no: `WX${newNonceStr().slice(0, 20)}`,
  notify_url: "https://pay.example.com/api/notice/acc_1",
  amount: { total: 1, currency: "CNY" },
  payer: { openid: "o1" },
  ...change
})

interface Twist {
  readonly signedPath?: string
  readonly signedBody?: string
  readonly secondsAgo?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly mchid?: string
}

/** Sends a call that is right except for its twist. @returns the status and WeChat Pay's code */
const call = async (method: "GET" | "POST", path: string, body: object | undefined, twist: Twist = {}) => {
  const account = wechat.account()
  const text = body === undefined ? "" : JSON.stringify(body)
  const signer = {
    mchid: twist.mchid ?? account.mchid,
    serial: account.merchantSerial,
    privateKey: createPrivateKey(account.privateKey)
  }
  const timestamp = Math.floor(Date.now() / 1000) - (twist.secondsAgo ?? 0)
  const signed = {
    method,
    pathAndQuery: twist.signedPath ?? path,
    body: twist.signedBody ?? text,
    timestamp,
    nonce: "N"
  }
  const answer = await fetch(wechat.origin + path, {
    method,
    headers: {
      accept: "application/json",
      "user-agent": "test",
      authorization: authorization(signer, signed),
      ...(text === "" ? {} : { "content-type": "application/json" }),
      ...twist.headers
    },
    ...(text === "" ? {} : { body: text })
  })
  const answered = await answer.text()
  return `${answer.status} ${answered === "" ? "" : ((JSON.parse(answered) as { code?: string }).code ?? "ok")}`.trim()
}
const JSAPI = "/v3/pay/transactions/jsapi"

describe("the simulated WeChat Pay", () => {
  test("takes an order that is signed as the manual says", async () => {
    expect(await call("POST", JSAPI, order())).toBe("200 ok")
  })

  test.each<[string, Twist]>([
    ["over the path without its query", { signedPath: "/v3/pay/transactions/out-trade-no/WX123456" }],
    ["over another query", { signedPath: "/v3/pay/transactions/out-trade-no/WX123456?mchid=1" }],
    ["six minutes ago", { secondsAgo: 360 }],
    ["for another merchant", { mchid: "1900000002" }],
    ["in another scheme", { headers: { authorization: "Bearer x" } }]
  ])("refuses a query signed %s", async (_how, twist) => {
    const path = `/v3/pay/transactions/out-trade-no/WX123456?mchid=${wechat.mchid}`
    expect(await call("GET", path, undefined)).toBe("404 ORDER_NOT_EXIST")
    expect(await call("GET", path, undefined, twist)).toBe("401 SIGN_ERROR")
  })

  test("refuses an order whose body is not the one signed, to the byte", async () => {
    const body = order()
    expect(await call("POST", JSAPI, body, { signedBody: `${JSON.stringify(body)} ` })).toBe("401 SIGN_ERROR")
  })

  test.each<[string, Record<string, string>]>([
    ["Accept", { accept: "text/html" }],
    ["User-Agent", { "user-agent": "" }]
  ])("wants the header %s", async (_name, headers) => {
    expect(await call("POST", JSAPI, order(), { headers })).toBe("400 PARAM_ERROR")
  })

  test.each<[string, object]>([
    ["an emoji", { description: "🍎" }],
    ["128 bytes of description", { description: `${"汉".repeat(42)}xx` }],
    ["a notify_url with a query", { notify_url: "https://pay.example.com/n?a=1" }],
    ["a notify_url without https", { notify_url: "http://pay.example.com/n" }],
    ["yuan for fen", { amount: { total: 0.01, currency: "CNY" } }],
    ["an amount in text", { amount: { total: "1", currency: "CNY" } }],
    ["a short out_trade_no", { out_trade_no: "WX1" }],
    ["UTC time", { time_expire: "2099-01-01T00:00:00Z" }],
    ["an expiry in the past", { time_expire: "2020-01-01T00:00:00+08:00" }],
    ["no openid", { payer: undefined }],
    ["a field that there is not", { body: "v2" }]
  ])("refuses an order with %s", async (_what, change) => {
    expect(await call("POST", JSAPI, order(change))).toBe("400 PARAM_ERROR")
  })

  test("refuses another merchant's AppID", async () => {
    expect(await call("POST", JSAPI, order({ appid: "wx0000000000000000" }))).toBe("400 APPID_MCHID_NOT_MATCH")
  })

  test("signs its 204 too", async () => {
    const body = order()
    await call("POST", JSAPI, body)
    const path = `/v3/pay/transactions/out-trade-no/${body.out_trade_no}/close`
    expect(await call("POST", path, { mchid: wechat.mchid })).toBe("204")
  })

  test("has no platform certificates for merchants with a public key", async () => {
    expect(await call("GET", "/v3/certificates", undefined)).toBe("404 RESOURCE_NOT_EXISTS")
  })
})

import { afterEach, describe, expect, test } from "bun:test"
import { Effect, Schema } from "effect"
import { cleanUp, OPENID, onCleanup, openAccount, outcome, run } from "../../tests/channels/wechat-jsapi-house.ts"
import { WechatOauthSimulator } from "../protocols/wechat-oauth/simulator.ts"
import { WechatPaySimulator } from "../protocols/wechatpay-v3/simulator.ts"
import provider from "./index.ts"

afterEach(cleanUp)

const gatewayUrls = { publicUrl: "https://pay.example.com", localUrl: "http://127.0.0.1:8080" }
const decode = (account: unknown) => Effect.runPromise(Schema.decodeUnknownEffect(provider.account)(account))

/** Accounts of both acquirers, with a simulated OAuth. */
const accounts = async () => {
  const apps = { wx8888888888888888: "app-secret-1", wx9999999999999999: "app-secret-2" }
  const oauth = await WechatOauthSimulator.start(apps)
  onCleanup(() => oauth.stop())
  const wechat = await WechatPaySimulator.start()
  onCleanup(() => wechat.stop())
  const hosts = { api: oauth.origin, authorize: oauth.origin }
  const app = {
    appId: "wx8888888888888888",
    appSecret: "app-secret-1",
    moreApps: [{ appId: "wx9999999999999999", appSecret: "app-secret-2" }, { appId: "wx7777777777777777" }],
    miniProgramAppId: "wx9999999999999999"
  }
  const { privateKey, ...wechatpay } = wechat.account()
  const yinsheng = {
    acquirer: "yinsheng",
    partnerId: "shanghu_test",
    sellerId: "shanghu_test",
    businessCode: "01000010",
    privateKey,
    platformCertificate: wechat.platformCertificatePem,
    hosts
  }
  return {
    oauth,
    wechat,
    list: [
      { ...wechatpay, privateKey, ...app, hosts: { ...wechatpay.hosts, ...hosts } },
      { ...yinsheng, ...app }
    ]
  }
}

test("the provider serves wxpay_js, in WeChat, under its folder's name", () => {
  expect(provider.id).toBe("wechat-jsapi")
  expect(provider.products).toEqual([
    { code: "wxpay_js", name: "微信 JSAPI", nameEn: "WeChat Pay JSAPI", type: "wxpay", flow: "jsapi" }
  ])
})

test("an account may reach its acquirer's hosts and WeChat's API, and no others", async () => {
  const { list, oauth, wechat } = await accounts()
  const [direct, yinsheng] = await Promise.all(list.map(decode))
  const host = (origin: string) => origin.replace("http://", "")
  expect(provider.egress(direct as never, gatewayUrls)).toEqual([host(wechat.origin), host(oauth.origin)])
  expect(provider.egress(yinsheng as never, gatewayUrls)).toEqual([
    "qrcode.ysepay.com",
    "openapi.ysepay.com",
    "search.ysepay.com",
    host(oauth.origin)
  ])
  const { hosts: _, ...plain } = list[0] as { hosts: object }
  expect(provider.egress(await decode(plain), gatewayUrls)).toEqual(["api.mch.weixin.qq.com", "api.weixin.qq.com"])
})

test("secrets of both acquirers are redacted once they are decoded", async () => {
  const { list, wechat } = await accounts()
  for (const account of list) {
    const decoded = await decode(account)
    const dumps = `${JSON.stringify(decoded)} ${Bun.inspect(decoded, { depth: 9 })} ${String(decoded)}`
    for (const secret of ["app-secret-1", "app-secret-2", wechat.apiV3Key, "PRIVATE KEY"]) {
      expect(dumps).not.toContain(secret)
    }
  }
})

test.each([
  "http://api.example.com",
  "https://user@api.example.com",
  "https://api.example.com/x",
  "http://localhost:99999",
  "https://[::1"
])("an account does not accept %s as a host, because secrets are sent there", async (api) => {
  const { list } = await accounts()
  for (const account of list) await expect(decode({ ...account, hosts: { api } })).rejects.toThrow("hosts")
})

test("an account of neither acquirer is refused", async () => {
  await expect(decode({ acquirer: "alipay", appId: "wx8888888888888888", appSecret: "s" })).rejects.toThrow()
})

describe.each([
  [0, "wechatpay"],
  [1, "yinsheng"]
])("who is paying (account %d, %s)", (index) => {
  const payerOf = async () => {
    const { list, oauth } = await accounts()
    const { payer } = await Effect.runPromise(openAccount(list[index]))
    if (payer === undefined) throw new Error("no payer")
    return { payer, oauth }
  }
  const back = (callback: string) => new URL(callback).searchParams

  test("returns from WeChat's page with the state and a code that yields the openid once", async () => {
    const { payer, oauth } = await payerOf()
    const redirectUrl = "https://pay.example.com/wechat-pay-invoke.html?token=a%2Bb&x=1"
    const callback = oauth.visit(payer.authorizeUrl({ redirectUrl, state: "S1", appId: null }), OPENID)
    expect(callback).toStartWith(redirectUrl)
    expect(back(callback).get("state")).toBe("S1")
    const login = { code: back(callback).get("code") ?? "", miniProgram: false, appId: null }
    expect(await run(payer.identify(login))).toEqual({ openid: OPENID })
    expect(await outcome(payer.identify(login))).toBe("ChannelRejected")
  })

  test("is known in the mini-program whose AppID the order names", async () => {
    const { payer, oauth } = await payerOf()
    const appId = "wx9999999999999999"
    const code = oauth.miniProgramLogin(appId, OPENID)
    expect(await run(payer.identify({ code, miniProgram: true, appId }))).toEqual({ openid: OPENID })
  })

  test("is known in the account's mini-program when the order names none", async () => {
    const { payer, oauth } = await payerOf()
    const code = oauth.miniProgramLogin("wx9999999999999999", OPENID)
    expect(await run(payer.identify({ code, miniProgram: true, appId: null }))).toEqual({ openid: OPENID })
  })

  test("cannot be known under an AppID without a secret, and no secret of another app is sent", async () => {
    const { payer, oauth } = await payerOf()
    for (const appId of ["wx7777777777777777", "wx0000000000000000"]) {
      expect(await outcome(payer.identify({ code: "c", miniProgram: false, appId }))).toBe("ChannelRejected")
    }
    expect(oauth.calls).toEqual([])
  })
})

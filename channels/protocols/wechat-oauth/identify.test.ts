import { afterEach, describe, expect, test } from "bun:test"
import { Effect, Redacted } from "effect"
import type { ChannelHttp } from "../../../core/channel/index.ts"
import { fetchChannelHttp } from "../../../tests/harness/fetch-channel-http.ts"
import { startLoopback } from "../../../tests/harness/loopback.ts"
import { startSimulatorServer } from "../simulator/server.ts"
import { authorizeUrl } from "./authorize.ts"
import { identify } from "./identify.ts"
import { OAUTH_CALL_FAULTS, WechatOauthSimulator } from "./simulator.ts"

const APP = { appId: "wx8888888888888888", appSecret: Redacted.make("app-secret") }
const OPENID = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"

const running: Array<{ readonly stop: () => unknown }> = []
const wechat = async () => {
  const simulator = await WechatOauthSimulator.start({ [APP.appId]: "app-secret" })
  running.push(simulator)
  return simulator
}
afterEach(async () => {
  while (running.length > 0) await running.pop()?.stop()
})

const told = (effect: ReturnType<typeof identify>): Promise<string> =>
  Effect.runPromise(
    effect.pipe(
      Effect.map(({ openid }) => openid),
      Effect.catch((error) =>
        Effect.succeed(error._tag === "ChannelRejected" ? `no: ${error.reason}` : `unsure: ${error.why}`)
      ),
      Effect.provide(fetchChannelHttp)
    ) as Effect.Effect<string, never, Exclude<ChannelHttp, ChannelHttp>>
  )
const codeOf = (simulator: WechatOauthSimulator) => {
  const to = { origin: simulator.origin, appId: APP.appId, redirectUrl: "https://pay.example.com/cb", state: "s" }
  return new URL(simulator.visit(authorizeUrl(to), OPENID)).searchParams.get("code") ?? ""
}

test("the authorize URL has WeChat's order of parameters and its fragment", () => {
  const to = {
    origin: "https://open.weixin.qq.com",
    appId: APP.appId,
    redirectUrl: "https://pay.example.com/a?b=c&d=汉",
    state: "State123"
  }
  expect(authorizeUrl(to)).toBe(
    "https://open.weixin.qq.com/connect/oauth2/authorize?appid=wx8888888888888888" +
      "&redirect_uri=https%3A%2F%2Fpay.example.com%2Fa%3Fb%3Dc%26d%3D%E6%B1%89" +
      "&response_type=code&scope=snsapi_base&state=State123#wechat_redirect"
  )
})

describe("a code", () => {
  test("gives the openid, though WeChat's JSON comes as text/plain", async () => {
    const it = await wechat()
    expect(await told(identify({ origin: it.origin, app: APP, code: codeOf(it), miniProgram: false }))).toBe(OPENID)
  })

  test("is refused when the callback is hit twice", async () => {
    const it = await wechat()
    const login = { origin: it.origin, app: APP, code: codeOf(it), miniProgram: false }
    await told(identify(login))
    expect(await told(identify(login))).toBe("no: the code has been used (40163 code been used)")
  })

  test("works for five minutes and is refused after them", async () => {
    const it = await wechat()
    const [early, late] = [codeOf(it), codeOf(it)]
    it.aheadMs = 299_000
    expect(await told(identify({ origin: it.origin, app: APP, code: early, miniProgram: false }))).toBe(OPENID)
    it.aheadMs = 301_000
    expect(await told(identify({ origin: it.origin, app: APP, code: late, miniProgram: false }))).toBe(
      "no: the code has expired (42003 code expired)"
    )
  })

  test.each([
    [42003, "no: the code has expired (42003 said)"],
    [45011, "unsure: "],
    [-1, "unsure: "]
  ])("answered with %d is told so", async (errcode, words) => {
    const server = await startSimulatorServer(() => ({
      status: 200,
      body: JSON.stringify({ errcode, errmsg: "said" })
    }))
    running.push(server)
    const login = { origin: server.origin, app: APP, code: "c", miniProgram: false }
    expect(await told(identify(login))).toStartWith(words)
  })

  test("of wx.login works for jscode2session only", async () => {
    const it = await wechat()
    const code = it.miniProgramLogin(APP.appId, OPENID)
    expect(await told(identify({ origin: it.origin, app: APP, code, miniProgram: false }))).toStartWith("no:")
    expect(await told(identify({ origin: it.origin, app: APP, code, miniProgram: true }))).toBe(OPENID)
  })

  test("with characters that are special in a URL arrives unchanged", async () => {
    const it = await wechat()
    await told(identify({ origin: it.origin, app: APP, code: "a&secret=x +%", miniProgram: false }))
    expect(new URL(it.calls[0] ?? "", it.origin).searchParams.get("code")).toBe("a&secret=x +%")
  })

  test.each(OAUTH_CALL_FAULTS)("whose exchange meets %s is unsure", async (fault) => {
    const it = await wechat()
    it.inject({ fault })
    expect(await told(identify({ origin: it.origin, app: APP, code: codeOf(it), miniProgram: false }))).toStartWith(
      "unsure:"
    )
  })

  test("exchanged with a wrong AppSecret or AppID is refused without naming the secret", async () => {
    const it = await wechat()
    const login = { origin: it.origin, code: codeOf(it), miniProgram: false }
    const wrong = await told(identify({ ...login, app: { ...APP, appSecret: Redacted.make("other-secret") } }))
    expect(wrong).toBe("no: the AppSecret is wrong (40125 invalid appsecret)")
    expect(await told(identify({ ...login, app: { ...APP, appId: "wx0" } }))).toStartWith("no: the AppID is wrong")
  })

  test.each<[number, "payer" | "everyone"]>([
    [40029, "payer"],
    [40163, "payer"],
    [42003, "payer"],
    [40226, "payer"],
    [40013, "everyone"],
    [40001, "everyone"],
    [40125, "everyone"]
  ])("refused with errcode %d concerns %s", async (errcode, concerns) => {
    const server = await startLoopback((_, response) => void response.end(JSON.stringify({ errcode, errmsg: "no" })))
    const login = identify({ origin: server.url, app: APP, code: "c", miniProgram: false })
    const refusal = await Effect.runPromise(Effect.flip(login).pipe(Effect.provide(fetchChannelHttp)))
    await server.close()
    expect(refusal).toMatchObject({ _tag: "ChannelRejected", concerns })
  })
})

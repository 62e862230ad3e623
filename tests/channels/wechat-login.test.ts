import { afterEach, expect, test } from "bun:test"
import { Effect, Redacted } from "effect"
import { identify } from "../../channels/protocols/wechat-oauth/identify.ts"
import { WechatOauthSimulator } from "../../channels/protocols/wechat-oauth/simulator.ts"
import { newPayToken, payTokenHash } from "../../core/cashier/pay-token.ts"
import { Timeline } from "../../core/pipeline/persistence/timeline.ts"
import { openInProcessGateway } from "../harness/in-process-gateway.ts"
import { startLoopback } from "../harness/loopback.ts"
import { perTest } from "../harness/per-test.ts"
import { aJsapi } from "../harness/sample-orders.ts"
import { until } from "../harness/until.ts"

/* A payer's login at WeChat that goes wrong: what the order's timeline says of it, and what it never shows. */

const gateway = perTest(openInProcessGateway)
let stop = async () => {}
afterEach(() => stop())

const APP_ID = "wx8888888888888888"

/** An order whose payers log in at a simulated WeChat. @param appSecret the secret that the account has */
const waiting = async (appSecret: string) => {
  const oauth = await WechatOauthSimulator.start({ [APP_ID]: "the-app-secret" })
  stop = () => oauth.stop()
  const { book, order, run } = gateway()
  book.egress.push(new URL(oauth.origin).host)
  const app = { appId: APP_ID, appSecret: Redacted.make(appSecret) }
  book.onIdentify = (code) => identify({ origin: oauth.origin, app, code, miniProgram: false })
  const token = await run(newPayToken)
  const made = await order({ channelCode: "wxpay_js", flow: "jsapi", jsapi: aJsapi(payTokenHash(token)) })
  const come = (code: string) =>
    gateway().fetch("/api/cashier/jsapi-pay-info", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ pay_token: token, code })
    })
  const failedLogin = async () => {
    const told = () => run(Effect.flatMap(Timeline, (timeline) => timeline.of(made)))
    await until("the login is told", async () => (await told()).some(({ kind }) => kind.startsWith("login.")))
    return (await told()).find(({ kind }) => kind.startsWith("login."))
  }
  return { come, failedLogin }
}

test.each([
  ["a code that WeChat does not know", "the-app-secret", 422, "login.rejected", "40029 invalid code"],
  ["a wrong AppSecret", "another-secret", 400, "login.rejected", "40125 invalid appsecret"]
])(
  "%s is in the timeline with WeChat's errcode, without the code and the secret",
  async (_, secret, status, kind, said) => {
    const { come, failedLogin } = await waiting(secret)
    expect((await come("the-payers-code")).status).toBe(status)
    const login = await failedLogin()
    expect(login).toMatchObject({
      kind,
      detail: {
        accountId: "acc_1",
        reason: expect.stringContaining(said),
        exchanges: [{ method: "GET", status: 200, received: expect.stringContaining("errcode") }]
      }
    })
    const text = JSON.stringify(login)
    for (const hidden of ["the-payers-code", "the-app-secret", "another-secret"]) expect(text).not.toContain(hidden)
  }
)

test("an answer that names no openid is kept without its tokens", async () => {
  const { come, failedLogin } = await waiting("the-app-secret")
  const tokens = '{"access_token":"ACCESS_1","refresh_token": "REFRESH_1","session_key":"cut off'
  const server = await startLoopback((_, response) => void response.end(tokens))
  const { book } = gateway()
  book.egress.push(new URL(server.url).host)
  const app = { appId: APP_ID, appSecret: Redacted.make("the-app-secret") }
  book.onIdentify = (code) => identify({ origin: server.url, app, code, miniProgram: false })
  expect((await come("the-payers-code")).status).toBe(500)
  const text = JSON.stringify(await failedLogin())
  await server.close()
  expect(text).toContain("login.uncertain")
  expect(text).toContain("<redacted>")
  for (const hidden of ["ACCESS_1", "REFRESH_1", "cut off"]) expect(text).not.toContain(hidden)
})

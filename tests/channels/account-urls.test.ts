import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import wechatJsapi from "../../channels/wechat-jsapi/index.ts"
import yinshengQrcode from "../../channels/yinsheng-qrcode/index.ts"
import type { AnyProvider } from "../../core/cashier/opened-account.ts"
import { type Kit, openKit } from "../../core/kit/index.ts"
import { startYinsheng } from "./kit-yinsheng.ts"

// An operator who types a wrong address is told which field is wrong before anything is stored.

const app = { acquirer: "yinsheng", appId: "wx8888888888888888", appSecret: "wechat-app-secret-0123456789" }
const channels: ReadonlyArray<readonly [AnyProvider, object]> = [
  [yinshengQrcode, {}],
  [wechatJsapi, app]
]

describe.each(channels.map(([provider, own]) => [provider.id, provider, own] as const))("%s", (_, provider, own) => {
  let kit: Kit
  beforeAll(async () => {
    kit = await openKit(provider, { simulator: () => startYinsheng({ ...own }) })
  })
  afterAll(() => kit.stop())

  test.each(["pay", "openapi", "search"])("an account whose %s gateway is no URL is AccountInvalid", async (name) => {
    for (const url of [
      "http://localhost:99999/gateway.do",
      "https://qrcode.ysepay.com:99999/gateway.do",
      "https://[/"
    ]) {
      const outcome = await kit.check({ ...kit.simulator.account, gateways: { [name]: url } })
      if (outcome._tag === "Success") throw new Error(`${url} was taken`)
      expect(outcome.failure._tag).toBe("AccountInvalid")
      expect(outcome.failure.field).toContain(`gateways][${name}`)
      expect(outcome.failure.message).toContain("URL")
    }
  })
})

test("an account of wechat-jsapi whose host has a port that does not exist is AccountInvalid", async () => {
  const kit = await openKit(wechatJsapi, { simulator: () => startYinsheng(app) })
  for (const name of ["api", "authorize"]) {
    const outcome = await kit.check({ ...kit.simulator.account, hosts: { [name]: "http://localhost:99999" } })
    expect(outcome).toMatchObject({
      _tag: "Failure",
      failure: { _tag: "AccountInvalid", field: expect.stringContaining(`hosts][${name}`) }
    })
  }
  await kit.stop()
})

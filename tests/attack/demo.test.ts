import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { request } from "node:http"
import { localUrlOf } from "../../core/config/own-url.ts"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import { MerchantClient, unique } from "../harness/merchant-client.ts"
import { until } from "../harness/until.ts"
import { startWebhookReceiver, type WebhookReceiver } from "../harness/webhook-receiver.ts"

/*
 * What a stranger can make of `/demo`, which signs what he writes as a real merchant. By default only this machine's
 * users reach it; PAYHUB_DEMO=on opens it.
 */

setDefaultTimeout(60_000)

let gateway: Gateway
let receiver: WebhookReceiver
beforeAll(async () => {
  ;[gateway, receiver] = await Promise.all([startGateway(), startWebhookReceiver()])
})
afterAll(async () => {
  await gateway?.stop()
  await receiver?.close()
})

const order = (fields: Record<string, unknown>) =>
  fetch(`${gateway.url}/demo/order`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ amount_fen: 100, way: "qrcode", ...fields })
  })

test("a note that could be read as further parameters is not signed", async () => {
  for (const note of ["tea&notify_url=http://192.0.2.1/", "a=b", "&", "x&extra=y"]) {
    const response = await order({ note })
    const { data, ...rest } = (await response.json()) as Record<string, unknown>
    expect(rest).toEqual({ code: 422, message: "演示订单的 note 不能包含 & 和 =" })
    expect(data).toEqual({ errors: { note: ["演示订单的 note 不能包含 & 和 ="] } })
  }
  expect((await order({ note: "tea %26 http://x/?" })).status).toBe(200)
})

test("no order but the demo's own is shown, and of no receiver what it answered", async () => {
  const demo = demoMerchant()
  const inbox = receiver.inbox({ kind: "answer", body: "the metadata service's secret" })
  const placed = await demo.qrcodePay({ merchant_order_no: unique("D"), notify_url: inbox.url })
  const orderNo = String(placed.data?.order_no)
  await gateway.command(["sandbox", "pay", orderNo])
  await inbox.waitForAnswers(1)
  const foreign = await fetch(`${gateway.url}/demo/state?order_no=${orderNo}`)
  expect(foreign.status).toBe(404)
  expect(await foreign.text()).not.toContain("secret")

  const own = (await (await order({ note: "tea" })).json()) as { response: { body: string } }
  const ownNo = (JSON.parse(own.response.body) as { data: { order_no: string } }).data.order_no
  await gateway.command(["sandbox", "pay", ownNo])
  const state = await until("the demo's webhook is delivered", async () => {
    const response = await fetch(`${gateway.url}/demo/state?order_no=${ownNo}`)
    const shown = (await response.json()) as { webhook: { verified: boolean } | null }
    return shown.webhook?.verified === true ? shown : undefined
  })
  expect(state.webhook).toMatchObject({ attempts: [{ status: 200, detail: "success" }] })
})

test("another site's page cannot reach it under a name of its own", async () => {
  for (const [host, status] of [
    ["rebound.example", 403],
    ["127.0.0.1.rebound.example:8080", 403],
    ["localhost", 200],
    ["127.0.0.1", 200],
    ["payhub:8080", 200],
    ["[::1]:8080", 200]
  ] as const) {
    expect([host, await statusAt(`${gateway.url}/demo`, host)]).toEqual([host, status])
  }
  expect(await statusAt(`${gateway.url}/demo/state?order_no=x`, "rebound.example")).toBe(403)
})

test("where others than this machine's users reach the gateway, it is served on request only", async () => {
  const reached = {
    "a listener of every address": { PAYHUB_HOST: "0.0.0.0" },
    "a public URL": { PAYHUB_PUBLIC_URL: "https://pay.example.com" },
    "a trusted proxy": { PAYHUB_TRUSTED_PROXIES: "127.0.0.1" }
  }
  for (const [what, env] of Object.entries(reached)) {
    const open = await startGateway({ env })
    const url = localUrlOf("127.0.0.1", Number(new URL(open.url).port))
    expect([what, (await fetch(`${url}/demo`)).status]).toEqual([what, 404])
    expect(open.logs()).not.toContain("/demo")
    // Nobody asked for a test merchant in production, and its secret would stay in the log.
    expect(open.logs()).not.toContain("pk_test_")
    expect((await open.run(["merchant", "list", "--json"])).stdout.trim()).toBe("[]")
    await open.stop()
  }
  const wanted = await startGateway({ env: { PAYHUB_PUBLIC_URL: "https://pay.example.com", PAYHUB_DEMO: "on" } })
  expect(await statusAt(`${wanted.url}/demo`, "pay.example.com")).toBe(200)
  expect(await statusAt(`${wanted.url}/demo`, "rebound.example")).toBe(403)
  await wanted.stop()
  const local = await startGateway({ env: { PAYHUB_PUBLIC_URL: "http://localhost:8080" } })
  expect((await fetch(`${local.url}/demo`)).status).toBe(200)
  await local.stop()
})

/** The merchant that the first start made, whose secret its output shows. */
const demoMerchant = (): MerchantClient => {
  const [, app_id = ""] = /app_id\s+(pk_test_\S+)/.exec(gateway.logs()) ?? []
  const [, app_secret = ""] = /app_secret\s+(sk_test_\S+)/.exec(gateway.logs()) ?? []
  return new MerchantClient(() => gateway.url, { app_id, app_secret })
}

const statusAt = (url: string, host: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const asked = request(url, { headers: { host } }, (answer) => {
      answer.resume()
      answer.on("end", () => resolve(answer.statusCode ?? 0))
    })
    asked.on("error", reject).end()
  })

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { text } from "node:stream/consumers"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import { type Loopback, startLoopback } from "../harness/loopback.ts"
import { textOf } from "../harness/merchant-client.ts"
import { until } from "../harness/until.ts"

/* What an operator can watch: health, metrics, traces, an order's timeline. */

setDefaultTimeout(60_000)

/** What the collector of traces was sent. */
const collected: Array<{ readonly path: string; readonly body: string }> = []
let collector: Loopback
let gateway: Gateway
const TOKEN = "metrics-token-of-this-test"

beforeAll(async () => {
  collector = await startLoopback(async (request, response) => {
    collected.push({ path: request.url ?? "", body: await text(request) })
    response.end("{}")
  })
  gateway = await startGateway({
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, PAYHUB_METRICS_TOKEN: TOKEN }
  })
})
afterAll(async () => {
  await gateway?.stop()
  await collector?.close()
})

const traced = (part: string) =>
  until(
    `a trace with ${part}`,
    () => collected.find(({ path, body }) => path === "/v1/traces" && body.includes(part)),
    {
      timeoutMs: 30_000
    }
  )

const metrics = async (): Promise<string> => {
  const response = await fetch(`${gateway.url}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } })
  expect(response.status).toBe(200)
  return response.text()
}

const order = async () => (await gateway.merchant()).qrcodePay()

test("a supervisor sees that the process lives and that it can take orders", async () => {
  for (const path of ["/healthz", "/readyz"]) {
    expect((await fetch(gateway.url + path)).status).toBe(200)
  }
})

test("metrics are 404 without their token", async () => {
  for (const authorization of [undefined, "Bearer", "Bearer wrong", `Basic ${TOKEN}`, `Bearer ${TOKEN}x`]) {
    const headers = new Headers(authorization === undefined ? [] : [["authorization", authorization]])
    expect((await fetch(`${gateway.url}/metrics`, { headers })).status).toBe(404)
  }
})

test("metrics count requests, charges, pending orders and undelivered webhooks", async () => {
  await order()
  const text = await metrics()
  expect(text).toMatch(/^payhub_requests_total\{route="\/api\/cashier\/qrcode-pay",status="200"\} [1-9]/m)
  expect(text).toMatch(/^payhub_charges_total\{provider="sandbox",outcome="accepted"\} [1-9]/m)
  expect(text).toMatch(/^payhub_orders_pending [1-9]/m)
  expect(text).toMatch(/^payhub_webhook_undelivered_oldest_seconds 0$/m)
})

test("a collector receives spans of the request, under its id, and of the channel's call", async () => {
  const answer = await order()
  const requestId = answer.headers.get("x-request-id") ?? "none"
  expect((await traced(requestId)).body).toContain("POST /api/cashier/qrcode-pay")
  await traced("channel.act")
})

test("the order's timeline names the request that charged it", async () => {
  const answer = await order()
  const requestId = answer.headers.get("x-request-id") ?? "none"
  const shown = await until("the charge in the timeline", async () => {
    const text = JSON.stringify(await gateway.command(["order", "show", textOf(answer, "order_no")]))
    return text.includes("charge.accepted") && text
  })
  expect(shown).toContain(requestId)
})

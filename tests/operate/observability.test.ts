import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { type Gateway, startGateway } from "../harness/gateway.ts"

setDefaultTimeout(60_000)

/** A collector that keeps what it is sent. */
const collected: Array<{ readonly path: string; readonly body: string }> = []
let waiting: () => void = () => undefined
let collector: Server
let gateway: Gateway
const TOKEN = "metrics-token-of-this-test"

beforeAll(async () => {
  collector = createServer((request, response) => {
    let body = ""
    request.on("data", (chunk) => {
      body += chunk
    })
    request.on("end", () => {
      collected.push({ path: request.url ?? "", body })
      response.end("{}")
      waiting()
    })
  })
  await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve))
  const { port } = collector.address() as AddressInfo
  gateway = await startGateway({
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`, PAYHUB_METRICS_TOKEN: TOKEN }
  })
})
afterAll(async () => {
  await gateway?.stop()
  collector?.close()
})

const arrives = async (path: string, text: string): Promise<void> => {
  while (!collected.some((sent) => sent.path === path && sent.body.includes(text))) {
    await new Promise<void>((resolve) => {
      waiting = resolve
    })
  }
}

const metrics = async (): Promise<string> => {
  const response = await fetch(`${gateway.url}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } })
  expect(response.status).toBe(200)
  return response.text()
}

const order = async () => {
  const merchant = await gateway.merchant()
  return merchant.qrcodePay({
    merchant_order_no: `obs${Date.now()}`,
    amount: 1000,
    notify_url: "https://merchant.example/notify"
  })
}

test("a supervisor learns that the process lives and that it can take orders", async () => {
  for (const path of ["/healthz", "/readyz"]) {
    expect((await fetch(gateway.url + path)).status).toBe(200)
  }
})

test("metrics are not there without their token", async () => {
  for (const authorization of [undefined, "Bearer", "Bearer wrong", `Basic ${TOKEN}`, `Bearer ${TOKEN}x`]) {
    const headers = new Headers(authorization === undefined ? [] : [["authorization", authorization]])
    expect((await fetch(`${gateway.url}/metrics`, { headers })).status).toBe(404)
  }
})

test("metrics count requests, charges and what waits", async () => {
  await order()
  const text = await metrics()
  expect(text).toMatch(/^payhub_requests_total\{route="\/api\/cashier\/qrcode-pay",status="200"\} [1-9]/m)
  expect(text).toMatch(/^payhub_charges_total\{provider="sandbox",outcome="accepted"\} [1-9]/m)
  expect(text).toMatch(/^payhub_orders_pending [1-9]/m)
  expect(text).toMatch(/^payhub_webhook_undelivered_oldest_seconds 0$/m)
})

test("a collector gets a trace from the request to the channel's call, under the request's id", async () => {
  const answer = await order()
  const requestId = answer.headers.get("x-request-id") ?? "none"
  await arrives("/v1/traces", requestId)
  await arrives("/v1/traces", "channel.act")
  const trace = collected.find(({ path, body }) => path === "/v1/traces" && body.includes(requestId))
  expect(trace?.body).toContain("POST /api/cashier/qrcode-pay")
})

test("the order's timeline names the request that charged it", async () => {
  const answer = await order()
  const requestId = answer.headers.get("x-request-id") ?? "none"
  const orderNo = String((answer.data as { readonly order_no: string }).order_no)
  for (;;) {
    const shown = JSON.stringify(await gateway.command(["order", "show", orderNo]))
    if (shown.includes("charge.accepted")) {
      expect(shown).toContain(requestId)
      return
    }
  }
})

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Browser } from "playwright-core"
import { DESKTOP, launchChromium, requireChromium } from "../harness/chromium.ts"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import { type MerchantClient, textOf } from "../harness/merchant-client.ts"

/* A provider's form reaches it by POST, with every field as the channel gave it: never as a link. */

setDefaultTimeout(120_000)

interface Posted {
  readonly method: string
  readonly url: string
  readonly fields: Readonly<Record<string, string>>
}

let gateway: Gateway
let provider: Server
let browser: Browser
let shop: MerchantClient
const posted: Array<Posted> = []

/** A provider of which a GET is 405, as UnionPay's is. */
const startProvider = (): Promise<Server> =>
  new Promise((resolve) => {
    const server = createServer((request, response) => {
      let text = ""
      request.on("data", (chunk: Buffer) => {
        text += chunk.toString("utf8")
      })
      request.on("end", () => {
        if (request.url === "/favicon.ico") return response.writeHead(404).end()
        const { method = "", url = "" } = request
        posted.push({ method, url, fields: Object.fromEntries(new URLSearchParams(text)) })
        response
          .writeHead(method === "POST" ? 200 : 405, { "content-type": "text/html; charset=utf-8" })
          .end(method === "POST" ? "<h1>银联收银台</h1>" : "")
      })
    })
    server.listen(0, "127.0.0.1", () => resolve(server))
  })

describe.skipIf(!requireChromium("the page that posts a form"))("The page that posts a provider's form", () => {
  beforeAll(async () => {
    ;[provider, browser] = await Promise.all([startProvider(), launchChromium()])
    gateway = await startGateway({ env: { PAYHUB_CHANNELS: join(import.meta.dirname, "channels/posted-form") } })
    const folder = mkdtempSync(join(tmpdir(), "payhub-account-"))
    const file = join(folder, "account.json")
    const { port } = provider.address() as AddressInfo
    writeFileSync(file, JSON.stringify({ action: `http://127.0.0.1:${port}/gateway/front` }))
    const { id } = await gateway.command(["channel", "add", "posted-form", "--name", "union", "--account", file])
    rmSync(folder, { recursive: true })
    shop = await gateway.merchant({ test: false, accounts: [String(id)] })
  })

  afterAll(async () => {
    await browser?.close()
    await gateway?.stop()
    provider?.close()
  })

  const order = () => shop.qrcodePay({ channel_code: "unionpay_h5" })

  test("is what the merchant gets, as a link and as a QR code's picture", async () => {
    const answer = await order()
    expect(answer.code).toBe(200)
    const link = textOf(answer, "sourceQrCodeUrl")
    expect(link).toStartWith(`${gateway.url}/pay/form/${textOf(answer, "order_no")}.`)
    const picture = await fetch(textOf(answer, "qrCodeUrl"))
    expect([picture.status, picture.headers.get("content-type")]).toEqual([200, "image/png"])
  })

  test("posts every field by itself where scripts run, and by its button elsewhere", async () => {
    for (const javaScriptEnabled of [true, false]) {
      posted.length = 0
      const answer = await order()
      const context = await browser.newContext({ ...DESKTOP, javaScriptEnabled })
      const page = await context.newPage()
      await page.goto(textOf(answer, "sourceQrCodeUrl"))
      if (!javaScriptEnabled) await page.click("button")
      await page.waitForURL(/\/gateway\/front/)
      expect(await page.locator("h1").textContent()).toBe("银联收银台")
      const fields = { orderId: textOf(answer, "order_no"), txnAmt: "1000", note: `"quoted" <b>&amp; 中文` }
      expect(posted).toEqual([{ method: "POST", url: "/gateway/front?from=payhub", fields }])
      await context.close()
    }
  })

  test("is not there for a link that the gateway did not make, or for another order's seal", async () => {
    const link = textOf(await order(), "sourceQrCodeUrl")
    const other = textOf(await order(), "sourceQrCodeUrl")
    const strangers = [link.replace(/\.[0-9a-f]+$/, `.${"0".repeat(32)}`), `${link.split(".").slice(0, -1).join(".")}`]
    strangers.push(link.replace(/\.[0-9a-f]+$/, other.slice(other.lastIndexOf("."))))
    for (const stranger of strangers) {
      const answer = await fetch(stranger)
      expect(answer.status).toBe(400)
      expect(await answer.text()).not.toContain("orderId")
    }
    expect((await fetch(link)).status).toBe(200)
  })
})

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { inflateSync } from "node:zlib"
import type { Browser, BrowserContextOptions, Page } from "playwright-core"
import { DESKTOP, launchChromium, requireChromium } from "../harness/chromium.ts"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import type { MerchantClient } from "../harness/merchant-client.ts"
import { onQuietPage } from "../harness/quiet-page.ts"

/* `/swagger` in a browser that can reach nothing but the gateway: it must draw, and sign, all by itself. */

setDefaultTimeout(120_000)

const PHONE: BrowserContextOptions = {
  viewport: { width: 390, height: 844 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true,
  locale: "zh-CN"
}

const ENDPOINTS = [
  "/api/cashier/qrcode-pay",
  "/api/cashier/wechat-js-pay",
  "/api/cashier/order-query",
  "/api/cashier/channels",
  "/api/cashier/jsapi-pay-info",
  "/api/cashier/pay-state"
]

let gateway: Gateway
let browser: Browser
let shop: MerchantClient

describe.skipIf(!requireChromium("the API reference"))("The API reference", () => {
  beforeAll(async () => {
    ;[gateway, browser] = await Promise.all([startGateway(), launchChromium()])
    shop = await gateway.merchant({ name: "A shop" })
  })

  afterAll(async () => {
    await browser?.close()
    await gateway?.stop()
  })

  test.each([
    ["zh", "扫码下单", "签名"],
    ["en", "Order with a QR code", "Signing"]
  ] as const)(
    "draws in %s with every other host out of reach, and names every endpoint",
    async (language, summary, heading) => {
      await onPage(DESKTOP, async (page) => {
        await open(page, language)
        const text = await page.locator("#swagger-ui").textContent()
        for (const path of ENDPOINTS) expect(text).toContain(path)
        for (const words of [summary, heading, "4c9f9a10f9ab6c0a7b3e12e811cf3ac456cc3be7344e442d4e591d4d70c74dc9"]) {
          expect(text).toContain(words)
        }
        expect(await page.locator(".opblock").count()).toBe(ENDPOINTS.length + 1)
        expect(await page.locator("html").getAttribute("lang")).toBe(language === "zh" ? "zh-CN" : "en")
        expect(distinctColours(await page.screenshot())).toBeGreaterThan(20)
      })
    }
  )

  test("speaks the browser's language until it is asked for the other", async () => {
    await onPage({ ...DESKTOP, locale: "zh-CN" }, async (page) => {
      await open(page)
      expect(await page.locator(".info .title").textContent()).toContain("商户接口")
      await page.locator(".bar nav a[hreflang=en]").click()
      await page.waitForURL(/lang=en/)
      await page.waitForSelector(".opblock")
      expect(await page.locator(".info .title").textContent()).toContain("merchant API")
    })
  })

  test("fits a phone without scrolling sideways, closed and opened", async () => {
    await onPage(PHONE, async (page) => {
      await open(page, "zh")
      expect(await sideways(page)).toBe(0)
      await page.locator(".opblock-summary-control").first().click()
      await page.waitForSelector(".opblock-body")
      expect(await sideways(page)).toBe(0)
    })
  })

  test("is sent with the strict policy", async () => {
    for (const path of ["/swagger", "/swagger/errors"]) {
      const { headers } = await fetch(gateway.url + path)
      expect(headers.get("content-security-policy")).toContain(
        "default-src 'none'; script-src 'self'; style-src 'self'"
      )
      expect(headers.get("content-security-policy")).not.toContain("unsafe")
    }
  })

  test("Try it places a real order that the page has signed, and keeps the secret to itself", async () => {
    await onPage(DESKTOP, async (page) => {
      const sent: string[] = []
      page.on("request", (request) =>
        sent.push(`${request.url()} ${JSON.stringify(request.headers())} ${request.postData() ?? ""}`)
      )
      await open(page, "en")
      await enter(page, shop.appId, shop.secret)
      expect(await page.locator("#try-state").textContent()).toContain("Ready")
      const first = await execute(page, "/api/cashier/qrcode-pay")
      expect(first).toMatchObject({ code: 200, message: "Order placed", data: { amount: 1000 } })
      const second = await execute(page, "/api/cashier/qrcode-pay")
      expect(second.code).toBe(200)
      const orderNo = String(first.data?.order_no)
      const { data } = await shop.orderQuery({ order_no: orderNo })
      expect(data).toMatchObject({ order_no: orderNo, status_name: "PENDING", amount: "10.00" })
      expect(sent.filter((request) => request.includes(shop.secret))).toEqual([])
      const stored = await page.evaluate(() =>
        JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href])
      )
      expect(stored).not.toContain(shop.secret)
    })
  })

  test("Try it sends what was typed, to the digit: 1000.0 is refused as it would be from a merchant's code", async () => {
    await onPage(DESKTOP, async (page) => {
      await open(page, "zh")
      await enter(page, shop.appId, shop.secret)
      const answer = await execute(page, "/api/cashier/qrcode-pay", (text) =>
        text.replace(/"amount": 1000/, '"amount": 1000.0')
      )
      expect(answer).toMatchObject({ code: 422, message: "金额必须为整数" })
    })
  })

  test("Try it signs Chinese, empty, null, false and undocumented parameters as the gateway does", async () => {
    await onPage(DESKTOP, async (page) => {
      await open(page, "zh")
      await enter(page, shop.appId, shop.secret)
      const more =
        '"note": "一杯 拿铁 & 😀=100%", "extra": "", "body": null, "Zone": false, "zero": 0, "word": "null", "a\\"b": "\\u4e2d\\\\",'
      const answer = await execute(page, "/api/cashier/qrcode-pay", (text) => text.replace(/"note": "[^"]*",/, more))
      expect(answer).toMatchObject({ code: 200, data: { extra: "" } })
    })
  })

  test("Try it asks unsigned endpoints without adding anything, and refuses a live app_id", async () => {
    await onPage(DESKTOP, async (page) => {
      await open(page, "en")
      await enter(page, "pk_live_51H8xK2eZvKYlo2C", "sk_live_secret")
      expect(await page.locator("#try-state").textContent()).toContain("Test merchants only")
      let body = ""
      page.on("request", (request) => {
        if (request.method() === "POST") body = request.postData() ?? ""
      })
      expect(await execute(page, "/api/cashier/order-query")).toMatchObject({ code: 401 })
      expect(body).not.toContain('pk_live_51H8xK2eZvKYlo2C",')
      expect((await execute(page, "/api/cashier/channels")).data).toHaveProperty("channels")
      await enter(page, shop.appId, shop.secret)
      expect(await execute(page, "/api/cashier/jsapi-pay-info")).toMatchObject({ code: 400 })
      expect(Object.keys(JSON.parse(body)).sort()).toEqual(["openid", "pay_token"])
    })
  })

  test("every error has its place in the error list, on a phone too", async () => {
    await onPage(PHONE, async (page) => {
      await page.goto(`${gateway.url}/swagger/errors?lang=zh`)
      expect(await page.locator("tr[data-error=SignatureInvalid]").textContent()).toContain("/tools/sign")
      expect(await page.locator("tr[data-error]").count()).toBeGreaterThan(60)
      expect(await sideways(page)).toBe(0)
      expect(distinctColours(await page.screenshot())).toBeGreaterThan(20)
    })
  })
})

const onPage = (options: BrowserContextOptions, act: (page: Page) => Promise<void>) =>
  onQuietPage(browser, gateway.url, options, act)

async function open(page: Page, language?: "zh" | "en"): Promise<void> {
  await page.goto(`${gateway.url}/swagger${language === undefined ? "" : `?lang=${language}`}`)
  await page.waitForSelector(".opblock")
  await page.waitForSelector("#try:not([hidden])")
}

async function enter(page: Page, appId: string, secret: string): Promise<void> {
  await page.locator("#try-app-id").fill(appId)
  await page.locator("#try-secret").fill(secret)
}

interface Answer {
  readonly code: number
  readonly message: string
  readonly data: Readonly<Record<string, unknown>> | null
}

/** Opens an endpoint, presses "Try it out" and "Execute", and answers what the gateway said. */
async function execute(page: Page, path: string, edit?: (body: string) => string): Promise<Answer> {
  const block = page.locator(".opblock").filter({ has: page.locator(`[data-path="${path}"]`) })
  if ((await block.locator(".opblock-body").count()) === 0) await block.locator(".opblock-summary-control").click()
  await block.locator(".try-out__btn").first().waitFor()
  const tryOut = block.locator(".try-out__btn:not(.cancel)")
  if ((await tryOut.count()) > 0) await tryOut.first().click()
  if (edit !== undefined) {
    const editor = block.locator("textarea.body-param__text")
    await editor.fill(edit(await editor.inputValue()))
  }
  const answered = page.waitForResponse((response) => new URL(response.url()).pathname === path)
  await block.locator(".execute").click()
  const response = await answered
  await block.locator(".live-responses-table").waitFor()
  return (await response.json()) as Answer
}

const sideways = (page: Page): Promise<number> =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)

/** How many colours a PNG screenshot (8 bits, no interlace) shows: a blank page has one. */
function distinctColours(png: Buffer): number {
  const data: Buffer[] = []
  let [width, channels] = [0, 0]
  for (let at = 8; at < png.length; ) {
    const size = png.readUInt32BE(at)
    const type = png.toString("latin1", at + 4, at + 8)
    const chunk = png.subarray(at + 8, at + 8 + size)
    if (type === "IHDR") [width, channels] = [chunk.readUInt32BE(0), chunk[9] === 6 ? 4 : 3]
    if (type === "IDAT") data.push(chunk)
    at += size + 12
  }
  // Filtered bytes of different pixels differ; it is enough to tell a drawn page from an empty one.
  const rows = inflateSync(Buffer.concat(data))
  const stride = width * channels + 1
  const seen = new Set<number>()
  for (let row = 0; row + stride <= rows.length; row += stride) {
    for (let x = row + 1; x + 2 < row + stride; x += channels) seen.add(rows.readUIntBE(x, 3))
  }
  return seen.size
}

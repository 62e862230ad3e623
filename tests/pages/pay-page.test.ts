import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import type { Browser, BrowserContext, Page, Response } from "playwright-core"
import { DESKTOP, launchChromium, requireChromium, WECHAT_PHONE } from "../harness/chromium.ts"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import { type MerchantClient, textOf } from "../harness/merchant-client.ts"
import { type Inbox, startWebhookReceiver, type WebhookReceiver } from "../harness/webhook-receiver.ts"

/*
 * pay_url as a payer lives it (contract section 6): the real gateway, the sandbox's stand-ins for WeChat's login and
 * its bridge, and Chromium that says it is WeChat.
 */

setDefaultTimeout(120_000)

let gateway: Gateway
let receiver: WebhookReceiver
let shop: MerchantClient
let browser: Browser
let phone: BrowserContext
const complaints: string[] = []

describe.skipIf(!requireChromium("the pay page"))("The pay page", () => {
  beforeAll(async () => {
    ;[gateway, receiver, browser] = await Promise.all([startGateway(), startWebhookReceiver(), launchChromium()])
    shop = await gateway.merchant({ name: "晨光书店" })
  })

  afterAll(async () => {
    await browser?.close()
    await gateway?.stop()
    await receiver?.close()
  })

  beforeEach(async () => {
    complaints.length = 0
    phone = await browser.newContext(WECHAT_PHONE)
  })

  afterEach(async () => {
    await phone.close()
    expect(complaints).toEqual([])
  })

  test("in WeChat the payer is logged in silently, pays, and sees the result; the merchant hears of it once", async () => {
    const order = await placeOrder()
    const page = await tab(phone)
    const shown = await page.goto(order.payUrl)
    expect(shown?.status()).toBe(200)
    expect(shown?.request().redirectedFrom()).not.toBeNull()
    const text = await page.locator("#pay").textContent()
    for (const fact of ["晨光书店", "12.80", "一本书", order.orderNo]) expect(text).toContain(fact)
    await choose(page, "pay")
    await phase(page, "paid")
    expect(await page.locator("#paid").textContent()).toContain("支付成功")
    expect(await statusOf(order)).toBe("PAID")
    await order.inbox.waitFor(1, 20_000)
    expect((await page.reload())?.status()).toBe(200)
    expect(await page.locator("h1").textContent()).toBe("支付成功")
    const result = await page.locator("#paid").textContent()
    expect(result).toMatch(/支付时间\s*\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/)
    expect(result).toContain("晨光书店")
    expect(await page.locator(".test-mark").textContent()).toContain("测试订单")
    expect(await page.locator("#pay-button").count()).toBe(0)
    expect(order.inbox.pushes).toHaveLength(1)
  })

  test("a payer who cancels finds the order unpaid and the button again, and can pay", async () => {
    const order = await placeOrder()
    const page = await tab(phone)
    await page.goto(order.payUrl)
    await choose(page, "cancel")
    await phase(page, "ready")
    expect(await page.locator("#status").textContent()).toContain("取消")
    expect(await statusOf(order)).toBe("PENDING")
    await page.locator("#pay-button").click()
    await choose(page, "pay")
    await phase(page, "paid")
    expect(await statusOf(order)).toBe("PAID")
  })

  test("a payment that fails never looks like one that worked", async () => {
    const order = await placeOrder()
    const page = await tab(phone)
    await page.goto(order.payUrl)
    await choose(page, "fail")
    await page.waitForSelector(`body[data-phase="ready"], body[data-phase="expired"]`)
    expect(await page.locator("#paid").isVisible()).toBe(false)
    expect(await statusOf(order)).not.toBe("PAID")
  })

  test("a reload in the middle shows the same order and its same payment", async () => {
    const order = await placeOrder()
    const page = await tab(phone)
    await page.goto(order.payUrl)
    await sheet(page)
    const before = await jsapiOf(page)
    await page.reload()
    await sheet(page)
    expect(await page.locator("#pay").textContent()).toContain(order.orderNo)
    expect(await jsapiOf(page)).toEqual(before)
    await choose(page, "pay")
    await phase(page, "paid")
  })

  test("of two tabs one pays, and the other shows the result without a second payment", async () => {
    const order = await placeOrder()
    const [first, second] = [await tab(phone), await tab(phone)]
    await first.goto(order.payUrl)
    await second.goto(order.payUrl)
    await sheet(first)
    await sheet(second)
    expect(await jsapiOf(second)).toEqual(await jsapiOf(first))
    await choose(first, "pay")
    await phase(first, "paid")
    await phase(second, "paid")
    const third = await tab(phone)
    await third.goto(order.payUrl)
    expect(await third.locator("h1").textContent()).toBe("支付成功")
    expect(await order.inbox.waitFor(1, 20_000)).toHaveLength(1)
  })

  test("a callback that WeChat sends twice comes to the same order", async () => {
    const order = await placeOrder()
    const page = await tab(phone)
    const callback = await callbackOf(page, order.payUrl)
    expect(callback).toContain("code=")
    await sheet(page)
    const once = await jsapiOf(page)
    const again = await tab(phone)
    expect((await again.goto(callback))?.status()).toBe(200)
    await sheet(again)
    expect(await jsapiOf(again)).toEqual(once)
    await choose(again, "pay")
    await phase(again, "paid")
    await phase(page, "paid")
  })

  test("two callbacks at the same time come to the same order too", async () => {
    const order = await placeOrder()
    // By hand, so that the code is still fresh when it comes twice at once.
    const login = await redirectOf(order.payUrl)
    const callback = await redirectOf(login)
    expect(callback).toContain("code=")
    const [one, two] = [await tab(phone), await tab(phone)]
    const answers = await Promise.all([one.goto(callback), two.goto(callback)])
    expect(answers.map((answer) => answer?.status())).toEqual([200, 200])
    await sheet(one)
    await sheet(two)
    expect(await jsapiOf(two)).toEqual(await jsapiOf(one))
  })

  test("the back button after paying shows the result, not the button", async () => {
    const order = await placeOrder()
    const page = await tab(phone)
    await page.goto(order.payUrl)
    await choose(page, "pay")
    await phase(page, "paid")
    await page.goto(`${gateway.url}/assets/payhub.svg`)
    await page.goBack()
    await page.waitForSelector("main.paid:not([hidden])")
    expect(await page.locator("#pay-button").count()).toBe(0)
  })

  test.each([
    ["unknown", "?token=pt_00000000000000000000000000000000"],
    ["empty", "?token="],
    ["missing", ""]
  ])(
    "a pay_url whose token is %s gets the page that says the link has expired, in either language",
    async (_which, query) => {
      const page = await tab(phone)
      const answer = await page.goto(`${gateway.url}/wechat-pay-invoke.html${query}`)
      expect(answer?.status()).toBe(400)
      expect(await page.locator("h1").textContent()).toBe("支付链接已过期,请重新生成")
      const english = await browser.newContext({ ...WECHAT_PHONE, locale: "en-US" })
      const other = await tab(english)
      await other.goto(`${gateway.url}/wechat-pay-invoke.html${query}`)
      expect(await other.locator("h1").textContent()).toContain("expired")
      await english.close()
    }
  )

  test("outside WeChat the page asks to be opened there, shows its QR code, and lets a test order be paid in the sandbox", async () => {
    const order = await placeOrder()
    const desktop = await browser.newContext({ ...DESKTOP, locale: "zh-CN" })
    const page = await tab(desktop)
    expect((await page.goto(order.payUrl))?.status()).toBe(200)
    expect(await page.locator("h1").textContent()).toBe("请在微信中打开")
    expect(await page.locator("img.qr").evaluate((image) => (image as HTMLImageElement).naturalWidth)).toBeGreaterThan(
      0
    )
    await page.locator(".sandbox a").click()
    await choose(page, "pay")
    await phase(page, "paid")
    expect(await statusOf(order)).toBe("PAID")
    await desktop.close()
  })

  test("the language that a payer chooses goes along through the login, to the sandbox and to the result", async () => {
    const order = await placeOrder()
    const page = await tab(phone)
    await page.goto(`${order.payUrl}&lang=en`)
    expect(page.url()).toContain("code=")
    expect(await page.locator("html").getAttribute("lang")).toBe("en")
    await sheet(page)
    expect(await page.locator("[data-sandbox=pay]").textContent()).toBe("Pay")
    await choose(page, "cancel")
    await page.locator("a.language").click()
    await page.waitForURL(/lang=zh/)
    await choose(page, "pay")
    await phase(page, "paid")
    await page.goto(`${page.url()}&lang=zh`)
    await page.locator("a.language").click()
    await page.waitForURL(/lang=en/)
    expect(await page.locator("h1").textContent()).toBe("Payment successful")
    const desktop = await browser.newContext({ ...DESKTOP, locale: "zh-CN" })
    const outside = await tab(desktop)
    await outside.goto(`${(await placeOrder()).payUrl}&lang=en`)
    await outside.locator(".sandbox a").click()
    await sheet(outside)
    expect(await outside.locator("html").getAttribute("lang")).toBe("en")
    await desktop.close()
  })

  test("on a phone outside WeChat the page shows no code of its own but says what to do", async () => {
    const order = await placeOrder()
    const safari = String(WECHAT_PHONE.userAgent).replace(/MicroMessenger.*/, "Safari/604.1")
    for (const javaScriptEnabled of [true, false]) {
      const context = await browser.newContext({ ...WECHAT_PHONE, userAgent: safari, javaScriptEnabled })
      const page = await tab(context)
      await page.goto(order.payUrl)
      expect(await page.locator("img.qr").count()).toBe(0)
      const text = await page.locator("main").textContent()
      expect(text).toContain("复制支付链接，在微信中")
      expect(await page.locator("#time-left").textContent()).toMatch(
        javaScriptEnabled ? /剩余支付时间 (10:00|09:)/ : /请在 .* 前完成支付/
      )
      expect(await page.locator(".scan noscript p").isVisible()).toBe(!javaScriptEnabled)
      expect(text).not.toMatch(/扫一扫|openid|JSAPI|Bridge/)
      expect(await page.locator("#copy-button").isVisible()).toBe(javaScriptEnabled)
      await context.close()
    }
  })

  test("every page is sent with the strict policy and is never kept or framed", async () => {
    const order = await placeOrder()
    const page = await tab(phone)
    for (const url of [order.payUrl, `${gateway.url}/wechat-pay-invoke.html?token=none`]) {
      const headers = (await (page.goto(url) as Promise<Response>)).headers()
      expect(headers["content-security-policy"]).toContain("default-src 'none'; script-src 'self'; style-src 'self'")
      expect(headers["content-security-policy"]).not.toContain("unsafe")
      expect(headers["cache-control"]).toBe("no-store")
      expect(headers["referrer-policy"]).toBe("no-referrer")
    }
  })
})

interface PlacedOrder {
  readonly orderNo: string
  readonly payUrl: string
  /** Where the shop hears of it. */
  readonly inbox: Inbox
}

async function placeOrder(): Promise<PlacedOrder> {
  const inbox = receiver.inbox()
  const answer = await shop.wechatJsPay({ amount: 1280, note: "一本书", notify_url: inbox.url })
  return { orderNo: textOf(answer, "order_no"), payUrl: textOf(answer, "pay_url"), inbox }
}

/** A tab whose errors fail the test: a script that threw, or one that the policy stopped. */
async function tab(context: BrowserContext): Promise<Page> {
  const page = await context.newPage()
  page.on("pageerror", (error) => complaints.push(error.message))
  page.on("console", (message) => {
    // A page of status 400 is an error to the browser's network log, but not to the payer.
    if (message.type() === "error" && !message.text().includes("Failed to load resource"))
      complaints.push(message.text())
  })
  return page
}

async function phase(page: Page, name: string): Promise<void> {
  await page.waitForSelector(`body[data-phase="${name}"]`, { timeout: 20_000 })
}

/** Waits for the stand-in of WeChat's payment window. */
async function sheet(page: Page): Promise<void> {
  await page.waitForSelector("[data-sandbox=pay]", { timeout: 20_000 })
}

async function choose(page: Page, action: "pay" | "fail" | "cancel"): Promise<void> {
  await sheet(page)
  await page.locator(`[data-sandbox=${action}]`).click()
}

/** What the page hands to the bridge. */
async function jsapiOf(page: Page): Promise<unknown> {
  const text = await page.locator("#view").textContent()
  return (JSON.parse(text ?? "null") as { jsapi: unknown }).jsapi
}

/** Opens a pay_url and answers the address that the login sent the browser back to. */
async function callbackOf(page: Page, payUrl: string): Promise<string> {
  const answer = await page.goto(payUrl)
  return answer?.url() ?? ""
}

async function statusOf(order: PlacedOrder): Promise<unknown> {
  return (await shop.orderQuery({ order_no: order.orderNo })).data?.status_name
}

/** Where a page sends a WeChat browser. */
async function redirectOf(url: string): Promise<string> {
  const headers = { "user-agent": String(WECHAT_PHONE.userAgent) }
  const answer = await fetch(url, { headers, redirect: "manual" })
  expect(answer.status).toBe(302)
  return answer.headers.get("location") ?? ""
}

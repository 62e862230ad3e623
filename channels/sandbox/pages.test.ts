import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { existsSync } from "node:fs"
import { type Browser, chromium, type Page } from "playwright-core"
import { type Harness, newOrder, payUrlOf, startHarness } from "./site.fixture.ts"

setDefaultTimeout(60_000)

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium"

describe.skipIf(!existsSync(CHROMIUM))("in a browser", () => {
  let harness: Harness
  let browser: Browser
  beforeAll(async () => {
    harness = await startHarness()
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    })
  })
  afterAll(async () => {
    await browser.close()
    await harness.stop()
  })

  /** A page whose errors, blocked inline code among them, fail the test. */
  const open = async (javaScriptEnabled = true) => {
    const context = await browser.newContext({
      viewport: { width: 390, height: 844 },
      locale: "zh-CN",
      javaScriptEnabled
    })
    const page = await context.newPage()
    const errors: Array<string> = []
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()))
    page.on("pageerror", (error) => errors.push(String(error)))
    return { page, errors, done: () => context.close() }
  }
  const payUrl = async () => payUrlOf(await harness.run(harness.channel.charge(newOrder(harness))))

  test.each([true, false])("the payer pays on a phone (scripts: %p)", async (scripts) => {
    const { page, errors, done } = await open(scripts)
    await page.goto(await payUrl())
    const before = harness.notices.length
    await page.dblclick("button[value=pay]")
    await page.waitForSelector("[data-view=paid]")
    expect(harness.notices.length - before).toBe(1)
    if (scripts) expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390)
    expect(errors).toEqual([])
    await done()
  })

  test("the page hears by itself that the order was closed", async () => {
    const { page, errors, done } = await open()
    const order = newOrder(harness)
    await page.goto(payUrlOf(await harness.run(harness.channel.charge(order))))
    if (harness.channel.close !== undefined) await harness.run(harness.channel.close(order))
    await page.waitForSelector("[data-view=closed]")
    expect(await page.locator("button").count()).toBe(0)
    expect(errors).toEqual([])
    await done()
  })

  /** A merchant's pay page: nothing inline, nothing from elsewhere. */
  const openBridge = async (page: Page) => {
    const url = `${harness.gateway.publicUrl}/page`
    const headers = {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'"
    }
    const body = `<!doctype html><html lang="zh"><body><script src="/sandbox/wechat/bridge.js"></script></body></html>`
    await page.route(url, (route) => route.fulfill({ headers, body }))
    await page.goto(url)
  }
  const invoke = (page: Page, params: object): Promise<string> =>
    page.evaluate(
      `new Promise(done => WeixinJSBridge.invoke("getBrandWCPayRequest", ${JSON.stringify(params)}, (r) => done(r.err_msg)))`
    )
  const jsapi = async () => {
    const order = newOrder(harness, { code: "wxpay_js", jsapi: { appId: null, openid: "o1", miniProgram: false } })
    const shown = await harness.run(harness.channel.charge(order))
    if (shown.kind !== "jsapi") throw new Error(shown.kind)
    return { order, params: shown.params }
  }

  test.each([
    ["pay", "ok", "paid"],
    ["fail", "fail", "failed"],
    ["cancel", "cancel", "pending"]
  ])("the payment sheet's %s ends as %s and leaves the trade %s", async (press, ends, state) => {
    const { page, errors, done } = await open()
    const { order, params } = await jsapi()
    await openBridge(page)
    const ended = invoke(page, params)
    await page.click(`[data-sandbox=${press}]`)
    expect(await ended).toBe(`get_brand_wcpay_request:${ends}`)
    expect(await page.locator("[role=dialog]").count()).toBe(0)
    expect((await harness.run(harness.channel.query(order))).state).toBe(state as "paid")
    expect(errors).toEqual([])
    await done()
  })

  test("the payment sheet is used from the keyboard: Tab stays in it, Escape cancels", async () => {
    const { page, errors, done } = await open()
    const { params } = await jsapi()
    await openBridge(page)
    const ended = invoke(page, params)
    await page.waitForSelector("[role=dialog]")
    const focused = async (key: string) => {
      await page.keyboard.press(key)
      return page.evaluate("document.activeElement.dataset.sandbox")
    }
    for (const action of ["pay", "fail", "cancel", "pay"]) expect(await focused("Tab")).toBe(action)
    for (const action of ["cancel", "fail"]) expect(await focused("Shift+Tab")).toBe(action)
    await page.keyboard.press("Escape")
    expect(await ended).toBe("get_brand_wcpay_request:cancel")
    expect(await page.locator("[role=dialog]").count()).toBe(0)
    expect(errors).toEqual([])
    await done()
  })

  test("the payment sheet fails on parameters that were not signed so, and never opens twice", async () => {
    const { page, done } = await open()
    const { params } = await jsapi()
    await openBridge(page)
    expect(await invoke(page, { ...params, nonceStr: "x" })).toBe("get_brand_wcpay_request:fail")
    const first = invoke(page, params)
    await page.waitForSelector("[role=dialog]")
    expect(await invoke(page, params)).toBe("get_brand_wcpay_request:fail")
    expect(await page.locator("[role=dialog]").count()).toBe(1)
    await page.click("[data-sandbox=cancel]")
    expect(await first).toBe("get_brand_wcpay_request:cancel")
    await done()
  })
})

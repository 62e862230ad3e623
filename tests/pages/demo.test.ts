import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { execFile, spawnSync } from "node:child_process"
import { promisify } from "node:util"
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core"
import { DESKTOP, launchChromium, requireChromium, WECHAT_PHONE } from "../harness/chromium.ts"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import { hmac, isSignedWith } from "../harness/merchant-client.ts"
import { requireTool } from "../harness/require-tool.ts"
import { until } from "../harness/until.ts"

/* `/demo` as an operator meets it after the first start: clicked through in Chromium to the verified webhook. */

setDefaultTimeout(120_000)

const run = promisify(execFile)

let gateway: Gateway
let browser: Browser
let context: BrowserContext
const complaints: string[] = []

const shell = requireTool({
  name: "bash, curl and openssl",
  found: ["bash", "curl", "openssl"].every((tool) => spawnSync(tool, ["--version"]).error === undefined),
  suite: "the demo's shell snippets against a gateway",
  how: "apt install bash curl openssl"
})

describe.skipIf(!requireChromium("the demo page"))("The demo page", () => {
  beforeAll(async () => {
    ;[gateway, browser] = await Promise.all([startGateway(), launchChromium()])
  })

  afterAll(async () => {
    await browser?.close()
    await gateway?.stop()
  })

  beforeEach(() => {
    complaints.length = 0
  })

  afterEach(async () => {
    await context?.close()
    expect(complaints).toEqual([])
  })

  test("leads from a click to a payment and to the verified webhook, and shows what travelled", async () => {
    const page = await open(DESKTOP, "zh")
    await page.locator("#amount").fill("12.5")
    await page.locator("#note").fill("一本书 </script>")
    await place(page)
    await step(page, "stored", "done")
    await step(page, "paying", "active")
    expect(await page.locator("#total").textContent()).toBe("12.50")
    const orderNo = (await page.locator("#order-no").textContent()) ?? ""
    expect(orderNo).toMatch(/^QR\d{14}[0-9A-Z]{8}$/)
    await page.waitForFunction(() => (document.getElementById("qr") as HTMLImageElement).naturalWidth > 0)

    await payInSandbox(page)
    await step(page, "settled", "done")
    await step(page, "delivered", "done")
    expect(await page.locator("#step-settled .detail").textContent()).toMatch(/12\.4\d/)
    expect(await page.locator("#stamp").textContent()).toBe("已支付")
    expect(await page.locator("#pay-link").isVisible()).toBe(false)

    const secret = secretOf(gateway)
    const request = (await page.locator("#request-body").textContent()) ?? ""
    expect(isSignedWith(secret, request)).toBe(true)
    expect(JSON.parse(request)).toMatchObject({ amount: 1250, note: "一本书 </script>" })
    expect(hmac(secret, await signedString(page, "request"))).toBe((JSON.parse(request) as { sign: string }).sign)

    await page.locator("#wire-webhook-tab").click()
    expect(await page.locator("#webhook-wire .badge").textContent()).toContain("签名验证通过")
    const webhook = (await page.locator("#webhook-body").textContent()) ?? ""
    expect(isSignedWith(secret, webhook)).toBe(true)
    expect(JSON.parse(webhook)).toMatchObject({ order_no: orderNo, amount: "12.50", status: 1 })
    expect(hmac(secret, await signedString(page, "webhook"))).toBe((JSON.parse(webhook) as { sign: string }).sign)
    expect(await page.locator("#webhook-wire .json").textContent()).toContain('"amount": "12.50"')
    expect(await page.locator("#timeline").isVisible()).toBe(true)
    expect(await page.locator("#timeline-entries").textContent()).toContain("charge.accepted 渠道已受理")
  })

  test("pays a WeChat JSAPI order too, on a phone and in English", async () => {
    const page = await open({ ...WECHAT_PHONE, userAgent: undefined, locale: "en-US" }, "en")
    expect(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth)).toBe(true)
    await page.locator(".way").nth(1).click()
    await place(page)
    expect(await page.locator("#order-no").textContent()).toMatch(/^WX/)
    const [sandbox] = await Promise.all([context.waitForEvent("page"), page.locator("#pay-link").click()])
    await sandbox.locator(".sandbox a").click()
    await sandbox.locator("[data-sandbox=pay]").click()
    await sandbox.waitForSelector("body[data-phase=paid]")
    await step(page, "delivered", "done")
    expect(await page.locator("#step-delivered .detail").textContent()).toContain("Signature verified")
    await page.locator("#wire-response-tab").click()
    expect(await page.locator("#response-wire").textContent()).toContain("Order placed")
  })

  test("shows a phone no code of its own screen but the link, and the stamp once it is paid", async () => {
    const page = await open({ ...WECHAT_PHONE, userAgent: undefined }, "zh")
    await place(page)
    expect(await page.locator("#qr").isVisible()).toBe(false)
    expect(await page.locator("#scan-hint").isVisible()).toBe(false)
    await payInSandbox(page)
    await page.locator("#stamp").waitFor()
    expect(await page.locator("#stamp").textContent()).toBe("已支付")
  })

  test("takes its language along to the sandbox, from there to the page behind it, and to the documentation", async () => {
    const page = await open({ ...DESKTOP, locale: "zh-CN" }, "en")
    const languageOf = (at: Page) => at.locator("html").getAttribute("lang")
    await place(page)
    const [sandbox] = await Promise.all([context.waitForEvent("page"), page.locator("#pay-link").click()])
    await sandbox.locator("button[value=pay]").click()
    await sandbox.locator("main[data-view^=paid]").waitFor()
    expect(await languageOf(sandbox)).toBe("en")
    await sandbox.locator("a.back").click()
    await sandbox.locator("#paid").waitFor()
    expect(await languageOf(sandbox)).toBe("en")
    await page.locator(".bar-link[href^='/swagger']").click()
    await page.waitForURL(/swagger/)
    expect(await languageOf(page)).toBe("en")
  })

  test("goes on with the same order after a reload and in the other language, until another one is wanted", async () => {
    const page = await open(DESKTOP, "zh")
    await place(page)
    const orderNo = await page.locator("#order-no").textContent()
    await page.locator(".language").click()
    await page.waitForURL(/lang=en/)
    await step(page, "paying", "active")
    expect(await page.locator("#order-no").textContent()).toBe(orderNo)
    expect(await page.locator("#pay-link").textContent()).toContain("Pay in the sandbox")
    await page.locator("#another-button").click()
    expect(await page.locator("#order-form").isVisible()).toBe(true)
    await page.reload()
    expect(await page.locator("#order-form").isVisible()).toBe(true)
    await step(page, "signed", "idle")
  })

  test("says when an order came too soon, counts down, and takes the next one", async () => {
    const page = await open(DESKTOP, "en")
    const appId = /app_id\s+(pk_test_\S+)/.exec(gateway.logs())?.[1] ?? ""
    await gateway.command(["merchant", "update", appId, "--throttle", "1/3s"])
    await place(page)
    await page.locator("#another-button").click()
    await page.locator("#order-button").click()
    await page.waitForSelector("#order-error:not([hidden])")
    expect(await page.locator("#order-error").textContent()).toContain("Too many orders")
    expect(await page.locator("#order-button").isDisabled()).toBe(true)
    await page.waitForSelector("#order-button:not([disabled])")
    expect(await page.locator("#order-error").isVisible()).toBe(false)
    await place(page)
    await gateway.command(["merchant", "update", appId, "--throttle", "20/1s"])
  })

  test.each(["", "0", "0.001", "-1", "1e3", "100000000.01", "十元"])(
    "does not send the amount %p, and says what it takes",
    async (amount) => {
      const page = await open(DESKTOP, "zh")
      await page.locator("#amount").fill(amount)
      await page.locator("#order-button").click()
      expect(await page.locator("#order-error").textContent()).toContain("0.01")
      expect(await page.locator("#amount").getAttribute("aria-invalid")).toBe("true")
      expect(await page.locator("#checkout").isVisible()).toBe(false)
    }
  )

  test("can be used from the keyboard", async () => {
    const page = await open(DESKTOP, "en")
    await page.locator("#wire-request-tab").focus()
    await page.keyboard.press("ArrowRight")
    expect(await page.locator("#wire-response").isVisible()).toBe(true)
    expect(await page.locator("#wire-request").isVisible()).toBe(false)
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("wire-response-tab")
    await page.locator("#amount").focus()
    await page.keyboard.press("Enter")
    await step(page, "stored", "done")
  })

  test("copies a snippet as it stands", async () => {
    const page = await open(DESKTOP, "en")
    await context.grantPermissions(["clipboard-read", "clipboard-write"])
    await page.locator("[data-copy=snippet-order-code]").click()
    await page.waitForFunction(() => document.querySelector("[data-copy=snippet-order-code]")?.textContent === "Copied")
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(
      (await page.locator("#snippet-order-code").textContent()) ?? "none"
    )
  })

  test.skipIf(!shell)("its shell snippets place an order and query it at this gateway", async () => {
    const page = await open(DESKTOP, "en")
    const snippet = async (id: string) => {
      const code = (await page.locator(`#snippet-${id}-code`).textContent()) ?? ""
      return code.replace(/^APP_SECRET=.*$/m, `APP_SECRET='${secretOf(gateway)}'`)
    }
    const order = await untilTaken(async () => JSON.parse((await run("bash", ["-c", await snippet("order")])).stdout))
    expect(order).toMatchObject({ code: 200, data: { amount: 1000 } })
    const query = (await snippet("query")).replace(/^ORDER_NO=.*$/m, `ORDER_NO='${order.data?.order_no}'`)
    const found = await untilTaken(async () => JSON.parse((await run("bash", ["-c", query])).stdout))
    expect(found).toMatchObject({ code: 200, data: { amount: "10.00", status_name: "PENDING" } })
  })
})

interface Envelope {
  readonly code: number
  readonly data: { readonly order_no?: string } | null
}

/** The page's own orders may have used up the throttle's window. */
const untilTaken = (call: () => Promise<Envelope>): Promise<Envelope> =>
  until(
    "the throttle to open",
    async () => {
      const answer = await call()
      return answer.code === 429 ? undefined : answer
    },
    { everyMs: 250 }
  )

/** The page in a window of its own; errors in its scripts or against its policy fail the test. */
async function open(options: BrowserContextOptions, language: "zh" | "en"): Promise<Page> {
  context = await browser.newContext(options)
  context.setDefaultTimeout(20_000)
  const page = await context.newPage()
  page.on("pageerror", (error) => complaints.push(error.message))
  page.on("console", (message) => {
    if (message.type() === "error" && !message.text().includes("Failed to load resource"))
      complaints.push(message.text())
  })
  const answer = await page.goto(`${gateway.url}/demo?lang=${language}`)
  expect(answer?.status()).toBe(200)
  expect(answer?.headers()["content-security-policy"]).toContain("script-src 'self'; style-src 'self'")
  return page
}

/** Places the order, if need be again after the throttle's pause. */
async function place(page: Page): Promise<void> {
  for (let tries = 0; tries < 5; tries += 1) {
    await page.locator("#order-button:not([disabled])").click()
    await page.waitForSelector("#checkout:not([hidden]), #order-error:not([hidden])")
    if (await page.locator("#checkout").isVisible()) return
  }
  throw new Error(`the order was not taken: ${await page.locator("#order-error").textContent()}`)
}

async function payInSandbox(page: Page): Promise<void> {
  const [sandbox] = await Promise.all([context.waitForEvent("page"), page.locator("#pay-link").click()])
  await sandbox.locator("button[value=pay]").click()
}

async function step(page: Page, id: string, state: "idle" | "active" | "done" | "failed"): Promise<void> {
  await page.waitForSelector(`#step-${id}[data-state=${state}]`)
}

async function signedString(page: Page, message: string): Promise<string> {
  return (await page.locator(`#${message}-wire .string`).textContent()) ?? ""
}

/** The demo merchant's secret, which the first start prints once. */
function secretOf({ logs }: Gateway): string {
  return /app_secret\s+(sk_test_\S+)/.exec(logs())?.[1] ?? ""
}

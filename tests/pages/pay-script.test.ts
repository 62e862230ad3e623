import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import type { Browser, BrowserContext, Page } from "playwright-core"
import { renderPayPage } from "../../core/http/payer/page.ts"
import { pageAsset } from "../../core/http/web/assets.ts"
import { PAGE_CSP } from "../../core/http/web/document.ts"
import { launchChromium, requireChromium, WECHAT_PHONE } from "../harness/chromium.ts"

/*
 * The payer's script in a real browser, against a server that says what the test wants to hear: answers that a gateway
 * gives seldom (429, no answer, PAID only at the third question) and a WeChat bridge in each of its moods.
 */

setDefaultTimeout(30_000)

const ORDER_NO = "WX202603151030007K2M9QXB"
const JSAPI = {
  appId: "wx8888888888888888",
  timeStamp: "1710489862",
  nonceStr: "5K8264ILTKCH16CQ",
  package: "prepay_id=wx201410272009395522657a690389285100",
  signType: "RSA",
  paySign: "oR9d8Puhn=="
}

/** One answer of pay-state: a status name, or an HTTP status. */
type Said = "PENDING" | "PAID" | "REFUNDED" | "CLOSED" | "FAILED" | 400 | 429 | 500

/** What the server says next; the last one stays. */
let script: Said[] = []
const asked: Said[] = []
/** When each question arrived, in Unix milliseconds. */
const askedAt: number[] = []
let server: Server
let browser: Browser
let context: BrowserContext
const complaints: string[] = []

const url = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}/wechat-pay-invoke.html?token=tok`

describe.skipIf(!requireChromium("the pay page's script"))("The pay page's script", () => {
  beforeAll(async () => {
    server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost")
      if (pathname === "/api/cashier/pay-state") {
        const said = (script.length > 1 ? script.shift() : script[0]) ?? "PENDING"
        asked.push(said)
        askedAt.push(Date.now())
        expect(searchParams.get("token")).toBe("tok")
        const code = typeof said === "number" ? said : 200
        response.writeHead(code, {
          "Content-Type": "application/json",
          "Cache-Control": "no-store",
          "Retry-After": "1"
        })
        response.end(JSON.stringify({ code, message: "ok", data: code === 200 ? { status_name: said } : null }))
        return
      }
      const asset = pathname.startsWith("/assets/") ? pageAsset(pathname.slice("/assets/".length)) : undefined
      if (asset !== undefined) {
        response.writeHead(200, { "Content-Type": asset.contentType }).end(asset.body)
        return
      }
      const view = {
        kind: "invoke",
        orderNo: ORDER_NO,
        amountFen: 12_880,
        note: "一本书",
        payee: "晨光书店",
        testMode: false,
        leftMs: 600_000,
        payBefore: "2026-03-15 10:40:00",
        jsapi: JSAPI,
        token: "tok",
        bridgeScript: null
      } as const
      response.writeHead(200, {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": PAGE_CSP,
        "Cache-Control": "no-store"
      })
      response.end(
        pathname === "/elsewhere"
          ? "elsewhere"
          : renderPayPage(view, { language: "zh", address: "/wechat-pay-invoke.html?token=tok" })
      )
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    browser = await launchChromium()
  })

  afterAll(async () => {
    await browser?.close()
    server?.closeAllConnections()
    server?.close()
  })

  beforeEach(async () => {
    script = ["PENDING"]
    asked.length = 0
    askedAt.length = 0
    complaints.length = 0
    context = await browser.newContext(WECHAT_PHONE)
  })

  afterEach(async () => {
    await context.close()
    expect(complaints).toEqual([])
  })

  test("asks the server, opens WeChat with exactly the channel's parameters, and shows PAID when the server says so", async () => {
    script = ["PENDING", "PENDING", "PENDING", "PAID"]
    const page = await open("ok", { clock: true })
    await forward(page, "paid")
    expect(await invocations(page)).toEqual([["getBrandWCPayRequest", JSAPI]])
    expect(await page.locator("#paid").textContent()).toContain("支付成功")
    expect(await page.locator("#pay-button").count()).toBe(0)
    expect(asked).toEqual(["PENDING", "PENDING", "PENDING", "PAID"])
  })

  test("does not take WeChat's ok for a payment", async () => {
    const page = await open("ok")
    await phase(page, "confirming")
    await questions(3)
    expect(await page.locator("#paid").isVisible()).toBe(false)
    expect(await page.locator("#pay-button").isVisible()).toBe(false)
    expect(await page.locator("#status").textContent()).toContain("正在确认")
  })

  test("never gives the pay button back after an ok, but a button that asks again", async () => {
    const page = await open("ok", { clock: true })
    await phase(page, "confirming")
    await forward(page, "unsure")
    expect(await page.locator("#pay-button").isVisible()).toBe(false)
    script = ["PAID"]
    await page.locator("#ask-button").click()
    await forward(page, "paid")
    expect(await invocations(page)).toHaveLength(1)
  })

  test("a payer who cancels can try again and pay", async () => {
    const page = await open("cancel")
    await phase(page, "ready")
    expect(await page.locator("#status").textContent()).toContain("取消")
    await page.evaluate(() => Object.assign(window, { mood: "ok" }))
    script = ["PENDING", "PAID"]
    await page.locator("#pay-button").click()
    await phase(page, "paid")
    expect(await invocations(page)).toHaveLength(2)
  })

  test("a payment that failed says so without the bridge's words, and can be tried again", async () => {
    const page = await open("fail")
    await phase(page, "ready")
    expect(await page.locator("#status").textContent()).toContain("支付未完成")
    expect(await page.locator("#pay").textContent()).not.toMatch(/appId|get_brand_wcpay_request|JSAPI|openid|Bridge/)
    expect(await page.locator("#pay-button").isEnabled()).toBe(true)
  })

  test("counts down to the end of the time to pay, and opens WeChat no more after it", async () => {
    const page = await open("cancel", { clock: true })
    await forward(page, "ready")
    expect(await page.locator("#time-left").textContent()).toMatch(/^剩余支付时间 (10:00|09:5\d)$/)
    await page.clock.runFor(590_000)
    await forward(page, "expired")
    expect(await page.locator("#expired").textContent()).toContain("支付链接已过期,请重新生成")
    expect(await invocations(page)).toHaveLength(1)
  })

  test("leads back to where the payer came from, whatever language was chosen on the way", async () => {
    const page = await context.newPage()
    await page.goto(url().replace(/\/wechat.*/, "/elsewhere"))
    await page.goto(url())
    await page.locator("a.language").click()
    await page.waitForURL(/lang=en/)
    await page.locator("#pay .back-button").click()
    await page.waitForURL(/elsewhere/)
  })

  test.each([
    ["PAID", "PAID", "paid", "支付成功"],
    ["REFUNDED", "REFUNDED", "refunded", "已退款"],
    ["CLOSED", "CLOSED", "expired", "支付链接已过期,请重新生成"],
    ["FAILED", "FAILED", "expired", "支付链接已过期,请重新生成"],
    ["unknown by now", 400, "expired", "支付链接已过期,请重新生成"]
  ] as const)("never opens WeChat for an order that the server calls %s", async (_called, said, result, text) => {
    script = [said]
    const page = await open("ok")
    await phase(page, result)
    expect(await page.locator(`#${result}`).textContent()).toContain(text)
    expect(await invocations(page)).toEqual([])
  })

  test("waits when it is told that it asks too often, and does not open WeChat before it knows", async () => {
    script = [429, 429, "PENDING", "PAID"]
    const page = await open("hang", { clock: true })
    await page.waitForFunction(() => document.getElementById("status")?.textContent?.includes("频繁"))
    expect(await invocations(page)).toEqual([])
    // It asks on while WeChat's window is open: PAID ends that.
    await forward(page, "paid")
    expect(asked).toEqual([429, 429, "PENDING", "PAID"])
    expect(await invocations(page)).toHaveLength(1)
  })

  test("when the server cannot be asked WeChat stays shut, and the payer gets a button", async () => {
    script = [500]
    const page = await open("ok", { clock: true })
    await forward(page, "ready")
    expect(await invocations(page)).toEqual([])
    expect(await page.locator("#status").textContent()).toContain("网络不通畅")
    script = ["PENDING", "PAID"]
    await page.locator("#pay-button").click()
    await forward(page, "paid")
  })

  test("keeps asking through server errors and 429 after an ok", async () => {
    script = ["PENDING", 500, 429, "PAID"]
    const page = await open("ok", { clock: true })
    await forward(page, "paid")
    expect(asked).toEqual(["PENDING", 500, 429, "PAID"])
  })

  test("shows PAID even when the bridge never answers", async () => {
    script = ["PENDING", "PENDING", "PAID"]
    const page = await open("hang", { clock: true })
    await phase(page, "paying")
    await forward(page, "paid")
  })

  test("waits for a bridge that is not there yet", async () => {
    const page = await open("hang", { late: true })
    await phase(page, "opening")
    expect(await invocations(page)).toEqual([])
    await page.evaluate(() => {
      const late = window as unknown as { makeBridge: () => void }
      late.makeBridge()
      document.dispatchEvent(new Event("WeixinJSBridgeReady"))
    })
    await phase(page, "paying")
    expect(await invocations(page)).toHaveLength(1)
  })

  test("says what to do when no bridge appears in 8 seconds", async () => {
    const page = await open("hang", { late: true, clock: true })
    await phase(page, "opening")
    await page.clock.runFor(7_500)
    expect(await page.locator("body").getAttribute("data-phase")).toBe("opening")
    await page.clock.runFor(1_000)
    await phase(page, "ready")
    expect(await page.locator("#status").textContent()).toContain("没有检测到微信支付")
  })

  test("a reload after an ok does not open WeChat again", async () => {
    const page = await open("ok")
    await phase(page, "confirming")
    await page.reload()
    await phase(page, "confirming")
    expect(await invocations(page)).toEqual([])
    script = ["PAID"]
    await phase(page, "paid")
  })

  test("a second tab does not open WeChat once the first one heard an ok, and both show the result", async () => {
    const first = await open("hang")
    await phase(first, "paying")
    const second = await open("hang")
    await phase(second, "paying")
    await answer(first, "ok")
    await phase(first, "confirming")
    await phase(second, "confirming")
    const third = await open("ok")
    await phase(third, "confirming")
    expect(await invocations(third)).toEqual([])
    script = ["PAID"]
    for (const page of [first, second, third]) await phase(page, "paid")
  })

  test("a payer who comes back to the page, by the back button too, sees what the server says by then", async () => {
    const page = await open("cancel")
    await phase(page, "ready")
    await page.goto(url().replace("/wechat-pay-invoke.html", "/elsewhere"))
    script = ["PAID"]
    await page.goBack()
    await phase(page, "paid")
    expect(await page.locator("#pay-button").count()).toBe(0)
  })

  test("a page that becomes visible again asks at once", async () => {
    const page = await open("cancel")
    await phase(page, "ready")
    await questions(2)
    script = ["PAID"]
    await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")))
    await phase(page, "paid")
  })

  test("gives the button back when the window closed without a word", async () => {
    const page = await open("hang", { clock: true })
    await phase(page, "paying")
    const before = asked.length
    await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")))
    await questions(before + 1)
    await forward(page, "ready")
    expect(await page.locator("#pay-button").isEnabled()).toBe(true)
  })

  test("the cancel of a window that was given up does not disturb the next one", async () => {
    const page = await open("hang", { clock: true })
    await phase(page, "paying")
    await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")))
    await forward(page, "ready")
    await page.locator("#pay-button").click()
    await phase(page, "paying")
    await answer(page, "cancel", 0)
    expect(await page.locator("body").getAttribute("data-phase")).toBe("paying")
    await answer(page, "cancel", 1)
    await phase(page, "ready")
  })

  test("asks no more than 10 times in 10 seconds, a reload in the middle included", async () => {
    const page = await open("ok")
    await phase(page, "confirming")
    await questions(3)
    await page.reload()
    await questions(6)
    const [third = 0, , , sixth = 0] = askedAt.slice(2)
    expect(sixth - third).toBeGreaterThanOrEqual(3_000)
  })

  test("closes WeChat's window from the result page", async () => {
    script = ["PAID"]
    const page = await open("ok")
    await phase(page, "paid")
    await page.locator("#paid .close-button").click()
    expect(await page.evaluate(() => (window as unknown as { called: string[] }).called)).toEqual(["closeWindow"])
  })
})

type Mood = "ok" | "cancel" | "fail" | "hang"

/** A tab with the pay page and a WeChat bridge of that mood: what it answers to each payment window. */
async function open(mood: Mood, options: { readonly late?: boolean; readonly clock?: boolean } = {}): Promise<Page> {
  const page = await context.newPage()
  page.on("pageerror", (error) => complaints.push(error.message))
  page.on("console", (message) => {
    // A refused fetch is what some tests are about; a refused script or style is not.
    if (message.type() === "error" && !message.text().includes("Failed to load resource"))
      complaints.push(message.text())
  })
  if (options.clock === true) await page.clock.install()
  await page.addInitScript(
    ({ mood, late }) => {
      const state = window as unknown as {
        mood: string
        invoked: unknown[]
        answers: Array<(answer: unknown) => void>
        called: string[]
        makeBridge: () => void
        WeixinJSBridge: unknown
      }
      state.mood = mood
      state.invoked = []
      state.answers = []
      state.called = []
      state.makeBridge = () => {
        state.WeixinJSBridge = {
          invoke: (name: string, parameters: unknown, answer: (answer: unknown) => void) => {
            state.invoked.push([name, parameters])
            state.answers.push(answer)
            if (state.mood === "hang") return
            const words = state.mood === "fail" ? { err_desc: "缺少参数:appId" } : {}
            queueMicrotask(() => answer({ err_msg: `get_brand_wcpay_request:${state.mood}`, ...words }))
          },
          call: (name: string) => state.called.push(name)
        }
      }
      if (!late) state.makeBridge()
    },
    { mood, late: options.late === true }
  )
  await page.goto(url())
  return page
}

async function phase(page: Page, name: string): Promise<void> {
  await page.waitForSelector(`body[data-phase="${name}"]`, { timeout: 15_000 })
}

/** Lets the page's clock run until it is in that phase. */
async function forward(page: Page, name: string): Promise<void> {
  for (let second = 0; second < 400; second += 1) {
    if ((await page.locator("body").getAttribute("data-phase")) === name) return
    const answered = asked.length
    await page.clock.runFor(1_000)
    // Answers come in real time: wait until one that is under way has been read.
    if (asked.length > answered) await page.waitForLoadState("networkidle")
  }
  throw new Error(`the page never became ${name}`)
}

/** What WeChat was asked for. */
function invocations(page: Page): Promise<unknown[]> {
  return page.evaluate(() => (window as unknown as { invoked: unknown[] }).invoked)
}

/** The bridge's late answer to a payment window. */
async function answer(page: Page, word: string, which = 0): Promise<void> {
  await page.evaluate(
    ({ word, which }) => {
      const { answers } = window as unknown as { answers: Array<(answer: unknown) => void> }
      answers[which]?.({ err_msg: `get_brand_wcpay_request:${word}` })
    },
    { word, which }
  )
}

/** Waits until the server has been asked that often. */
async function questions(count: number): Promise<void> {
  const deadline = Date.now() + 15_000
  while (asked.length < count) {
    if (Date.now() > deadline) throw new Error(`asked ${asked.length} times, expected ${count}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

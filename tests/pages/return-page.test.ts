import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import type { Browser, BrowserContextOptions, Page } from "playwright-core"
import { DESKTOP, launchChromium, requireChromium } from "../harness/chromium.ts"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import { type Answer, type MerchantClient, textOf } from "../harness/merchant-client.ts"
import { actAsPayer, becomes } from "../harness/payer.ts"

/*
 * The page that providers send the payer's browser back to (contract section 12), reached as a payer reaches it: by the
 * sandbox's link back to the shop.
 */

setDefaultTimeout(120_000)

let gateway: Gateway
let shop: MerchantClient
const hasChromium = requireChromium("the page that payers come back to")

beforeAll(async () => {
  gateway = await startGateway()
  shop = await gateway.merchant({ name: "晨光书店" })
})

afterAll(async () => {
  await gateway?.stop()
})

/** The address that the sandbox's page of an order links as the way back. */
const wayBack = async (order: Answer): Promise<string> => {
  const page = await (await fetch(`${textOf(order, "sourceQrCodeUrl")}?lang=zh`)).text()
  const href = /<a class="button quiet back" href="([^"]*)"/.exec(page)?.[1]
  if (href === undefined) throw new Error(`the sandbox links no way back: ${page}`)
  return href.replaceAll("&amp;", "&")
}

/** The same without the language. */
const ownReturn = async (order: Answer): Promise<string> => (await wayBack(order)).replace("?lang=zh", "")

const textAt = async (url: string) => {
  const response = await fetch(url)
  return { status: response.status, text: await response.text() }
}

describe("The page that payers come back to", () => {
  test("shows a paid order's result, in the language that the payer chose", async () => {
    const order = await shop.qrcodePay({ amount: 1280 })
    await actAsPayer(order)
    await becomes(shop, order, "PAID")
    const back = await wayBack(order)
    expect(back).toStartWith(`${gateway.url}/pay/return/${textOf(order, "order_no")}.`)
    expect(new URL(back).searchParams.get("lang")).toBe("zh")
    const { status, text } = await textAt(back)
    expect(status).toBe(200)
    for (const fact of ["支付成功", "晨光书店", "12.80", textOf(order, "order_no"), "支付时间"]) {
      expect(text).toContain(fact)
    }
    expect((await textAt(back.replace("lang=zh", "lang=en"))).text).toContain("Payment successful")
  })

  test("asks the server and never what the provider sent: an order that nobody paid is not paid", async () => {
    const order = await shop.qrcodePay({})
    const back = await ownReturn(order)
    for (const sent of ["?trade_status=TRADE_SUCCESS", "?status=PAID&out_trade_no=1", ""]) {
      const { status, text } = await textAt(back + sent)
      expect(status).toBe(200)
      expect(text).not.toContain("支付成功")
      expect(text).toContain("正在确认支付结果")
      expect(text).toContain(`<noscript><meta http-equiv="refresh"`)
    }
  })

  test("says that a payment failed", async () => {
    const order = await shop.qrcodePay({})
    await actAsPayer(order, "decline")
    await becomes(shop, order, "FAILED")
    const { status, text } = await textAt(await ownReturn(order))
    expect([status, text.includes("支付失败"), text.includes("支付成功")]).toEqual([200, true, false])
  })

  test("takes a provider's POST, whose body it does not read, and sends the browser on by 303", async () => {
    const order = await shop.qrcodePay({})
    await actAsPayer(order)
    const back = await ownReturn(order)
    const secret = "card=6222020200112233&respCode=00"
    const headers = { "content-type": "application/x-www-form-urlencoded" }
    const answer = await fetch(back, { method: "POST", headers, body: secret, redirect: "manual" })
    expect(answer.status).toBe(303)
    const location = new URL(answer.headers.get("location") ?? "", back)
    expect(location.origin + location.pathname).toBe(back)
    expect((await textAt(location.href)).text).toContain("支付成功")
    expect(gateway.logs()).not.toContain("6222020200112233")
  })

  test("is not there for a token that the gateway did not make, or for another order's seal", async () => {
    const [one, other] = [await ownReturn(await shop.qrcodePay({})), await ownReturn(await shop.qrcodePay({}))]
    const [token = "", seal = ""] = [one, other.slice(other.lastIndexOf(".") + 1)]
    for (const forged of [
      token.replace(/\.[0-9a-f]+$/, `.${"0".repeat(32)}`),
      token.replace(/\.[0-9a-f]+$/, `.${seal}`),
      token.replace(/\.[0-9a-f]+$/, ""),
      `${gateway.url}/pay/return/x`
    ]) {
      const page = await textAt(forged)
      expect(page.status).toBe(400)
      expect(page.text).toContain("支付链接已过期,请重新生成")
      const state = await textAt(`${forged}/state`)
      expect([state.status, JSON.parse(state.text).data]).toEqual([400, null])
    }
    expect((await textAt(one)).status).toBe(200)
  })

  test("changes nothing, whatever is sent to it: its token can only read", async () => {
    const order = await shop.qrcodePay({})
    const back = await ownReturn(order)
    for (const method of ["GET", "HEAD", "POST"]) await fetch(back, { method, redirect: "manual" })
    expect((await fetch(back, { method: "PUT" })).status).toBe(405)
    const [, token = ""] = back.split("/pay/return/")
    const payInfo = await fetch(`${gateway.url}/api/cashier/jsapi-pay-info`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ pay_token: token, openid: "o1" })
    })
    expect(payInfo.status).toBe(400)
    await becomes(shop, order, "PENDING")
  })
})

describe.skipIf(!hasChromium)("In a browser, the page that payers come back to", () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(async () => {
    await browser?.close()
  })

  const open = async (url: string, options: BrowserContextOptions): Promise<Page> => {
    const page = await browser.newPage({ ...DESKTOP, ...options })
    await page.goto(url)
    return page
  }

  test.each([true, false])("waits until the server knows, and shows the result then (scripts: %p)", async (scripts) => {
    const order = await shop.qrcodePay({})
    const page = await open(`${await ownReturn(order)}?lang=en`, { javaScriptEnabled: scripts })
    expect(await page.locator("h1").textContent()).toBe("Confirming your payment")
    await actAsPayer(order)
    await page.locator("#paid").waitFor({ timeout: 20_000 })
    expect(await page.locator("h1").textContent()).toBe("Payment successful")
    await page.close()
  })

  test("is where the sandbox's way back to the shop leads", async () => {
    const order = await shop.qrcodePay({})
    const page = await open(`${textOf(order, "sourceQrCodeUrl")}?lang=en`, {})
    await page.locator("button[value=pay]").click()
    const [answer] = await Promise.all([page.waitForResponse(/\/pay\/return\//), page.locator("a.back").click()])
    expect(answer.status()).toBe(200)
    await page.locator("#paid").waitFor()
    expect(await page.locator("html").getAttribute("lang")).toBe("en")
    // The page before this one is the provider's: going back there would not be going back to the shop.
    expect(await page.locator(".back-button").count()).toBe(0)
    await page.close()
  })
})

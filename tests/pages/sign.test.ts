import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import type { Browser, Page } from "playwright-core"
import { DESKTOP, launchChromium, requireChromium } from "../harness/chromium.ts"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import { type Answer, canonicalText, hmac, type MerchantClient, readAnswer } from "../harness/merchant-client.ts"

/* The signature debugger: what it answers, what it never tells, and its page. */

setDefaultTimeout(120_000)

let gateway: Gateway
let shop: MerchantClient
let liveShop: MerchantClient
const hasChromium = requireChromium("the signature debugger's page")

beforeAll(async () => {
  gateway = await startGateway({ env: { PAYHUB_TRUSTED_PROXIES: "127.0.0.1" } })
  shop = await gateway.merchant({ name: "A shop" })
  liveShop = await gateway.merchant({ name: "A live shop", test: false })
})

afterAll(async () => {
  await gateway?.stop()
})

/** Each call says that it comes from another address, so that no test uses up another's calls. */
let caller = 0

async function ask(
  fields: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {}
): Promise<Answer> {
  const response = await fetch(`${gateway.url}/api/tools/sign-check`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-forwarded-for": `203.0.113.${++caller}`, ...headers },
    body: JSON.stringify(fields)
  })
  return readAnswer(response)
}

const unsigned = (client: MerchantClient): string =>
  `{"app_id":"${client.appId}","amount":1000,"nonce":"n1","merchant_order_no":"A 1","timestamp":1773561600}`

const signedWith = (text: string, sign: string): string => text.replace("}", `,"sign":"${sign}"}`)

describe("The signature debugger", () => {
  test("says that a right signature is right", async () => {
    const text = unsigned(shop)
    const right = canonicalText(text)
    const answer = await ask({
      app_id: shop.appId,
      request: signedWith(text, hmac(shop.secret, right)),
      canonical: right
    })
    expect(answer).toMatchObject({ code: 200, message: "ok" })
    expect(answer.data).toEqual({ verified: true, canonical: right, difference: null, findings: [] })
  })

  test("finds the first byte that differs and says why, in either language", async () => {
    const text = unsigned(shop)
    const built = canonicalText(text).replace("A 1", "A%201")
    const fields = { app_id: shop.appId, request: signedWith(text, hmac(shop.secret, built)), canonical: built }
    const { data } = await ask(fields)
    expect(data).toMatchObject({
      verified: false,
      difference: { byte: built.indexOf("%"), parameter: "merchant_order_no" },
      findings: [{ code: "url-encoded", parameter: "merchant_order_no" }, { code: "secret-right" }]
    })
    expect(JSON.stringify(data?.findings)).toContain("URL 编码")
    expect(JSON.stringify((await ask(fields, { "accept-language": "en" })).data?.findings)).toContain("URL-encoded")
  })

  test("never answers the secret or a signature that would verify", async () => {
    const text = unsigned(shop)
    const right = hmac(shop.secret, canonicalText(text))
    const wrong = [right.toUpperCase(), right.slice(0, 63), "", hmac("sk_test_other", canonicalText(text))]
    for (const sign of wrong) {
      const built = `${canonicalText(text)}&key=${shop.secret}`
      for (const canonical of ["", canonicalText(text), built]) {
        const answer = await ask({ app_id: shop.appId, request: signedWith(text, sign), canonical })
        expect(answer.text).not.toContain(shop.secret)
        expect(answer.text).not.toContain(right)
      }
    }
  })

  test("tells live merchants, and whoever tries their app_ids, that it is for test mode only", async () => {
    const said = async (appId: string) => {
      const { code, message, data } = await ask({ app_id: appId, request: unsigned(liveShop) })
      return { code, message, data }
    }
    const only = { code: 400, message: "仅支持测试模式商户", data: null }
    expect(await said(liveShop.appId)).toEqual(only)
    expect(await said("pk_live_00000000000000000000")).toEqual(only)
  })

  test("tells an app_id that is nobody's from one of live mode", async () => {
    const unknown = { code: 401, message: "商户不存在", data: null }
    for (const app_id of ["nobody", "pk_test_00000000000000000000", "pk_test_", `${shop.appId} `]) {
      expect(await ask({ app_id, request: unsigned(shop) })).toMatchObject(unknown)
    }
  })

  test("says of a request that is no JSON just that, whatever the app_id", async () => {
    for (const app_id of ["", "nobody", liveShop.appId, shop.appId]) {
      for (const request of ["", "amount=1&app_id=pk_test_1", '{"amount":1'] as const) {
        const answer = await ask({ app_id, request })
        expect(answer).toMatchObject({ code: 422, message: "粘贴的请求不是 JSON，请原样粘贴您的代码发送的请求体" })
      }
      const nested = await ask({ app_id, request: '{"a":{"b":1}}' }, { "accept-language": "en" })
      expect(nested.message).toContain("one flat JSON object")
    }
  })

  test("takes the app_id from the request if none is given", async () => {
    const text = unsigned(shop)
    const request = signedWith(text, hmac(shop.secret, canonicalText(text)))
    expect((await ask({ request })).data).toMatchObject({ verified: true })
    expect(await ask({ request: unsigned(liveShop) })).toMatchObject({ code: 400, message: "仅支持测试模式商户" })
  })

  test("refuses what is no request, in the envelope", async () => {
    expect(await ask({ request: "{}" })).toMatchObject({ code: 401, message: "缺少 app_id 参数" })
    for (const request of ["", "amount=1", "[]", '{"a":{"b":1}}', '{"a":1,"a":2}']) {
      const answer = await ask({ app_id: shop.appId, request })
      expect(answer.code).toBe(422)
      expect(answer.data).toEqual({ errors: { request: [answer.message] } })
    }
    expect(await ask({}, { "content-type": "text/plain" })).toMatchObject({ code: 415 })
    const get = await readAnswer(await fetch(`${gateway.url}/api/tools/sign-check`))
    expect(get).toMatchObject({ code: 405 })
  })

  test("lets one address ask 20 times a minute, and says how long it has to wait then", async () => {
    const post = (address: string) =>
      ask({ app_id: shop.appId, request: unsigned(shop) }, { "x-forwarded-for": address })
    for (let i = 0; i < 20; i++) expect((await post("198.51.100.1")).code).toBe(200)
    const refused = await post("198.51.100.1")
    expect(refused.code).toBe(429)
    const seconds = Number(refused.headers.get("retry-after"))
    expect(seconds).toBeGreaterThan(0)
    expect(refused.message).toBe(`请求过于频繁,请${seconds}秒后重试`)
    expect((await post("198.51.100.2")).code).toBe(200)
  })

  test("a test merchant's failed signature is shown the way here; a live merchant's answer says no more than before", async () => {
    const [test, live] = [
      await shop.qrcodePay({}, { secret: "sk_wrong" }),
      await liveShop.qrcodePay({}, { secret: "sk_wrong" })
    ]
    for (const answer of [test, live]) {
      expect(JSON.parse(answer.text)).toEqual({ code: 401, message: "签名验证失败", data: null })
    }
    expect(test.headers.get("link")).toBe('</tools/sign>; rel="help"')
    expect(live.headers.get("link")).toBeNull()
    expect((await fetch(`${gateway.url}/tools/sign`)).status).toBe(200)
  })
})

describe.skipIf(!hasChromium)("The signature debugger's page", () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(async () => {
    await browser?.close()
  })

  test.each([
    ["zh", DESKTOP, "签名验证不通过", "排序"],
    ["en", { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }, "does not verify", "Sort"]
  ] as const)(
    "in %s shows where the string differs and why, then that it is mended",
    async (language, options, verdict, remedy) => {
      const complaints: string[] = []
      const context = await browser.newContext(options)
      await context.route(
        (url) => url.origin !== gateway.url,
        (route) => route.abort()
      )
      const page = await context.newPage()
      page.on("pageerror", (error) => complaints.push(error.message))
      page.on("console", (message) => complaints.push(message.text()))
      await page.goto(`${gateway.url}/tools/sign?lang=${language}`)

      const text = unsigned(shop)
      const unsorted = `app_id=${shop.appId}&amount=1000&merchant_order_no=A 1&nonce=n1&timestamp=1773561600`
      await check(page, signedWith(text, hmac(shop.secret, unsorted)), unsorted)
      expect(await page.locator(".verdict").textContent()).toContain(verdict)
      expect(await page.locator("[data-code=unsorted]").textContent()).toContain(remedy)
      expect(await page.locator(".compare .right mark").textContent()).toBe("m")
      expect(await page.locator(".compare .wrong mark").textContent()).toBe("p")
      expect(await page.locator("#canonical-string").textContent()).toBe(canonicalText(text))
      expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)

      const right = canonicalText(text)
      await check(page, signedWith(text, hmac(shop.secret, right)), right)
      await page.waitForSelector(".verdict.good")
      expect(await page.locator(".findings").count()).toBe(0)
      expect(complaints).toEqual([])
      await context.close()
    }
  )

  test("takes the app_id from the request, and says it plainly when it cannot check", async () => {
    const page = await browser.newPage(DESKTOP)
    await page.goto(`${gateway.url}/tools/sign?lang=en`)
    await check(page, signedWith(unsigned(liveShop), "0".repeat(64)), "")
    expect(await page.locator(".verdict").textContent()).toBe("Test-mode merchants only")
    await page.close()
  })
})

async function check(page: Page, request: string, canonical: string): Promise<void> {
  await page.locator("#request").fill(request)
  await page.locator("#canonical").fill(canonical)
  const answered = page.waitForResponse(/sign-check/)
  await page.locator("#check-button").click()
  await answered
  await page.waitForSelector("#check-button:not(:disabled)")
}

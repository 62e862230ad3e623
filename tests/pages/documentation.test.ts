import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import type { Browser, BrowserContextOptions, Page } from "playwright-core"
import { FAULTS } from "../../channels/sandbox/faults.ts"
import { OUTCOMES } from "../../channels/sandbox/outcomes.ts"
import { DESKTOP, launchChromium, requireChromium } from "../harness/chromium.ts"
import { faintTexts } from "../harness/contrast.ts"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import { onQuietPage } from "../harness/quiet-page.ts"
import { until } from "../harness/until.ts"

/* What merchants find in the documentation, and whether they can read it: contents, search, samples, words, colours. */

setDefaultTimeout(120_000)

const PHONE: BrowserContextOptions = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }

let gateway: Gateway
let browser: Browser

const onPage = (options: BrowserContextOptions, act: (page: Page) => Promise<void>) =>
  onQuietPage(browser, gateway.url, options, act)

describe.skipIf(!requireChromium("the documentation"))("The documentation", () => {
  beforeAll(async () => {
    ;[gateway, browser] = await Promise.all([startGateway(), launchChromium()])
  })
  afterAll(async () => {
    await browser?.close()
    await gateway?.stop()
  })

  test.each(["zh", "en"])("has the same contents beside the reference and the error list, in %s", async (language) => {
    await onPage(DESKTOP, async (page) => {
      const contents = async (path: string) => {
        await page.goto(`${gateway.url}${path}?lang=${language}`)
        return page
          .locator("#contents a")
          .evaluateAll((links) => links.map((link) => `${link.textContent} ${link.getAttribute("href")}`))
      }
      const beside = await contents("/swagger")
      expect(await contents("/swagger/errors")).toEqual(beside)
      const text = beside.join("\n")
      for (const place of ["#signing", "#qrcodePay", "#paymentWebhook", "#code-401", "/tools/sign", "/sandbox/"]) {
        expect(text).toContain(place)
      }
    })
  })

  test("every link of the contents leads to a place that exists", async () => {
    await onPage(DESKTOP, async (page) => {
      await open(page, "zh")
      const links = await page
        .locator("#contents a")
        .evaluateAll((all) => all.map((link) => (link as { href: string } & typeof link).href))
      expect(links.length).toBeGreaterThan(25)
      const lost: string[] = []
      for (const link of links) {
        await page.goto(link)
        if (new URL(link).pathname === "/swagger") await page.waitForSelector(".opblock")
        const { hash } = new URL(link)
        const there = `document.getElementById(${JSON.stringify(hash.slice(1))}) ?? document.querySelector(${JSON.stringify(`.opblock.is-open[id$="-${hash.slice(1)}"]`)})`
        if (
          hash !== "" &&
          !(await until(link, () => page.evaluate(`(${there})?.checkVisibility() === true`)).catch(() => false))
        ) {
          lost.push(link)
        }
      }
      expect(lost).toEqual([])
    })
  })

  test("is searched by keyboard alone: / to begin, arrows, Enter to go, Escape to clear", async () => {
    await onPage(DESKTOP, async (page) => {
      await open(page, "en")
      const input = page.locator("#search-input")
      await page.keyboard.press("/")
      expect(await input.evaluate((field) => field === document.activeElement)).toBe(true)
      await page.keyboard.type("subOpenId")
      await page.waitForSelector("[role=option]")
      expect(await page.locator("[role=option]").first().textContent()).toContain("wechat-js-pay")
      await page.keyboard.press("Escape")
      expect(await input.inputValue()).toBe("")
      expect(await page.locator("#search-results").isVisible()).toBe(false)

      await page.keyboard.type("signature verif")
      await page.waitForSelector("[role=option]")
      await page.keyboard.press("ArrowDown")
      expect(await page.locator("[role=option][aria-selected=true]").count()).toBe(1)
      await page.keyboard.press("Enter")
      await page.waitForURL(/\/swagger\/errors\?lang=en#SignatureInvalid$/)
      expect(await page.locator("tr:target").textContent()).toContain("/tools/sign")
    })
  })

  test("finds endpoints, fields of requests and answers, and messages of errors, in the page's language", async () => {
    await onPage(DESKTOP, async (page) => {
      await open(page, "zh")
      const first = async (words: string) => {
        await page.locator("#search-input").fill(words)
        // The script says how many it has found when it shows them.
        await until("results", () => page.evaluate(`document.querySelector("#search-status").textContent !== ""`))
        const found = (await page.locator("#search-results li").first().textContent()) ?? ""
        await page.keyboard.press("Escape")
        return found
      }
      expect(await first("扫码下单")).toContain("qrcode-pay")
      expect(await first("qrCodeUrl")).toContain("data.qrCodeUrl")
      expect(await first("nonce 已使用")).toContain("请求重复,nonce 已使用")
      expect(await first("没有这样的词")).toBe("没有找到")
      await page.locator("#search-input").fill("timeOutExpress")
      await until("the field", async () =>
        ((await page.locator("[role=option]").first().textContent()) ?? "").includes("timeOutExpress")
      )
      await page.locator("[role=option] a").first().click()
      await page.waitForSelector("tr.found")
      expect(await page.locator("tr.found").textContent()).toContain("timeOutExpress")
      expect(await page.locator("tr.found").isVisible()).toBe(true)
    })
  })

  test("opens the endpoint and the field that an address names, in both languages alike", async () => {
    for (const language of ["zh", "en"]) {
      await onPage(DESKTOP, async (page) => {
        await page.goto(`${gateway.url}/swagger?lang=${language}#orderQuery.data.pay_time`)
        await page.waitForSelector("tr.found")
        expect(await page.locator("tr.found").textContent()).toContain("pay_time")
        await page.locator('[data-path="/api/cashier/pay-state"]').click()
        await page.waitForURL(/#payState$/)
      })
    }
  })

  test("has a program for each endpoint in six languages, and remembers the reader's", async () => {
    await onPage({ ...DESKTOP, permissions: ["clipboard-read", "clipboard-write"] }, async (page) => {
      await page.goto(`${gateway.url}/swagger?lang=zh#qrcodePay`)
      await page.waitForSelector(".samples")
      const panel = page.locator(".samples").first()
      expect(await panel.locator("[role=tab]").allTextContents()).toEqual([
        "curl",
        "PHP",
        "Java",
        "Python",
        "Node",
        "Go"
      ])
      await panel.locator("[role=tab]", { hasText: "Python" }).click()
      expect(await panel.locator("pre").textContent()).toContain("hmac.new(")
      await page.locator('[data-path="/api/cashier/order-query"]').click()
      await page.locator(".samples").nth(1).waitFor()
      expect(await page.locator(".samples").nth(1).locator("pre").textContent()).toContain("/api/cashier/order-query")
      expect(await page.locator(".samples").nth(1).locator("pre").textContent()).toContain("hmac.new(")
      await panel.locator(".sample-copy").click()
      await until("the copy", async () => (await panel.locator(".sample-copy").textContent()) === "已复制")
      expect(await page.evaluate("navigator.clipboard.readText()")).toBe(
        (await panel.locator("pre").textContent()) ?? ""
      )
      await page.reload()
      await page.waitForSelector(".samples")
      expect(await page.locator(".samples [aria-selected=true]").first().textContent()).toBe("Python")
      // Drawing a block again must not double its program.
      const again = page.locator('[data-path="/api/cashier/order-query"]')
      await again.click()
      await page.locator(".samples").waitFor({ state: "detached" })
      await again.click()
      await page.locator(".try-out__btn").first().click()
      await page.locator(".try-out__btn.cancel").waitFor()
      expect(await page.locator(".samples").count()).toBe(1)
    })
  })

  test.each([
    ["light", 1280],
    ["dark", 1280],
    ["light", 390],
    ["dark", 390]
  ] as const)(
    "is readable everywhere in a %s scheme at %d px, and no wider than the screen",
    async (colorScheme, width) => {
      const screen = width === 390 ? PHONE : DESKTOP
      await onPage({ ...screen, colorScheme }, async (page) => {
        await page.goto(`${gateway.url}/swagger/errors?lang=zh`)
        expect(await faintTexts(page)).toEqual([])
        expect(await sideways(page)).toBe(0)
        await openAll(page)
        expect(await faintTexts(page)).toEqual([])
        expect(await sideways(page)).toBe(0)
        await page.locator("#search-input").fill("amount")
        await page.waitForSelector("[role=option]")
        expect(await faintTexts(page)).toEqual([])
        expect(await sideways(page)).toBe(0)
      })
    }
  )

  test("has no English word of the interface on its Chinese page", async () => {
    await onPage(DESKTOP, async (page) => {
      await openAll(page)
      const names = new Set(namesIn(await (await fetch(`${gateway.url}/swagger/json?lang=zh`)).json()))
      const texts = (await page.evaluate(VISIBLE_TEXTS)) as ReadonlyArray<string>
      expect(texts.length).toBeGreaterThan(300)
      expect(englishWords(texts, names)).toEqual([])
      await page.goto(`${gateway.url}/swagger/errors?lang=zh`)
      expect(englishWords((await page.evaluate(VISIBLE_TEXTS)) as ReadonlyArray<string>, names)).toEqual([])
    })
    expect(englishWords(["请点 Execute"], new Set())).toEqual(["Execute: 请点 Execute"])
  })

  test("and the demo lead to the sandbox's amounts, each with what the sandbox does and what the merchant sees", async () => {
    await onPage(DESKTOP, async (page) => {
      await page.goto(`${gateway.url}/demo?lang=en`)
      await page.locator(".bar-link", { hasText: "Magic amounts" }).click()
      await page.waitForURL(/\/sandbox\/\?lang=en$/)
      const rows = await page.locator("tbody tr").allTextContents()
      expect(rows.length).toBe(FAULTS.length)
      for (const [i, { amountFen, stage, name, en }] of FAULTS.entries()) {
        const { answer, status, webhooks, en: sees } = OUTCOMES[`${stage}: ${name}` as keyof typeof OUTCOMES]
        for (const words of [amountFen, en, sees, `Answer ${answer}, order ${status}, webhooks: ${webhooks}`]) {
          expect(rows[i]).toContain(String(words))
        }
      }
      await open(page, "en")
      await page.locator("#contents a", { hasText: "magic amounts" }).click()
      await page.waitForURL(/\/sandbox\/\?lang=en$/)
    })
  })

  test("shows and hides its contents on a phone", async () => {
    await onPage({ ...PHONE, locale: "zh-CN" }, async (page) => {
      await open(page, "zh")
      expect(await page.locator("#contents nav").isVisible()).toBe(false)
      await page.locator("#contents summary").click()
      await page.locator('#contents a[href$="#orderQuery"]').click()
      await page.waitForSelector(".opblock.is-open .samples")
      expect(await page.locator("#contents nav").isVisible()).toBe(false)
    })
  })
})

/** Technical words that a Chinese reader reads in English: names of things that have no other. */
const TECHNICAL = new Set(
  `API App APP AppID CDN CIDR Content-Type Accept-Language H5 HMAC-SHA HTTP HTTPS http https s id ID IP JSAPI JSON KiB
  pk_test_ sk_test_ pk_live_ NULL null OAS OpenAPI PNG POST GET PayHub QR SDK TypeScript URL UTF-8 UTF Unicode Unix English
  ASCII Native PC IPv INVALID curl PHP Java Python Node Go sample sh mjs php py java python node run go success
  application text plain string integer number boolean object array true false ms
  PAYHUB_URL PAYHUB_APP_ID PAYHUB_APP_SECRET app_secret HMAC-SHA256 U tools MD5 NTP X-Request-Id
  Allow e3 shop PAYHUB_WEBHOOK_ALLOW
  WebCrypto localhost Content-Encoding charset`.split(/\s+/)
)

/** The words that are neither technical nor words of the API, each with its text. */
const englishWords = (texts: ReadonlyArray<string>, names: ReadonlySet<string>): ReadonlyArray<string> => {
  return texts.flatMap((text) =>
    (text.match(/[A-Za-z][\w-]*/g) ?? [])
      .filter((word) => !TECHNICAL.has(word) && !names.has(word))
      .map((word) => `${word}: ${text}`)
  )
}

/** What the API calls its things: the names of members and schemas, and the values that are named. */
const namesIn = (value: unknown): ReadonlyArray<string> => {
  if (typeof value === "string") return value.match(/[A-Za-z][\w-]*/g) ?? []
  if (typeof value !== "object" || value === null) return []
  return Object.entries(value).flatMap(([key, member]) => {
    if (["description", "summary", "x-codeSamples", "title", "tags"].includes(key)) return []
    const own = /^\d+$/.test(key) ? [] : namesIn(key)
    return [...own, ...namesIn(member)]
  })
}

/** Every text that somebody sees or hears, outside of code. */
const VISIBLE_TEXTS = `(() => {
  const texts = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const { data, parentElement } = walker.currentNode
    if (data.trim() !== "" && parentElement.checkVisibility() && !parentElement.closest("script, pre, code, textarea")) {
      texts.push(data.trim())
    }
  }
  for (const element of document.querySelectorAll("body *")) {
    if (element.closest("pre, code")) continue
    for (const name of ["title", "aria-label", "placeholder", "alt"]) {
      const label = element.getAttribute(name)
      if (label !== null) texts.push(label)
    }
    for (const which of ["::before", "::after"]) {
      const said = /^"(.*)"$/.exec(getComputedStyle(element, which).content)?.[1]
      if (said) texts.push(said)
    }
  }
  return texts
})()`

async function open(page: Page, language: "zh" | "en"): Promise<void> {
  await page.goto(`${gateway.url}/swagger?lang=${language}`)
  await page.waitForSelector(".opblock")
}

/** Opens all that the reference can show: every endpoint, tried out and answered, and the schemas. */
async function openAll(page: Page): Promise<void> {
  await open(page, "zh")
  await clickAll(page, ".opblock-summary-control")
  await until("every endpoint", () =>
    page.evaluate(
      `document.querySelectorAll(".responses-inner").length === document.querySelectorAll(".opblock").length`
    )
  )
  await clickAll(page, ".try-out__btn, section.models > h4 > button")
  await page.locator(".execute").first().click()
  await page.waitForSelector(".live-responses-table")
  await clickAll(page, ".json-schema-2020-12-expand-deep-button")
  await page.waitForSelector(".json-schema-2020-12-property")
  await clickAll(page, ".response .tablinks:not(.active)")
}

const clickAll = (page: Page, selector: string): Promise<void> =>
  page.evaluate(`for (const one of document.querySelectorAll(${JSON.stringify(selector)})) one.click()`)

const sideways = (page: Page): Promise<number> =>
  page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")

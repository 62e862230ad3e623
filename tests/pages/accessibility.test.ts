import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type axe from "axe-core"
import type { Browser, BrowserContextOptions, Page } from "playwright-core"
import type { Language } from "../../core/domain/language.ts"
import { type PayView, renderPayPage } from "../../core/http/payer/page.ts"
import { DESKTOP, launchChromium, requireChromium, WECHAT_PHONE } from "../harness/chromium.ts"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import { type Answer, type MerchantClient, textOf } from "../harness/merchant-client.ts"
import { actAsPayer, becomes } from "../harness/payer.ts"

/*
 * Every page in every state, in both languages, light and dark, on a phone's and on a desk's screen: axe-core finds
 * nothing serious. Each state is opened once per language; the colours and the width change under it.
 */

setDefaultTimeout(240_000)

const AXE = readFileSync(join(import.meta.dirname, "../../node_modules/axe-core/axe.min.js"), "utf8")

/** WCAG 2.2 A and AA; "best practices" are opinions of axe's. In the dark only the colours differ. */
const RULES = {
  light: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
  dark: ["color-contrast", "link-in-text-block"]
}

/** Swagger UI's own markup: each operation is a button with a button in it, and the version has its own colours. */
const NOT_OURS = [".swagger-ui .opblock-summary-control", ".swagger-ui .version"]

const LOOKS = (["light", "dark"] as const).flatMap((colorScheme) =>
  [390, 1280].map((width) => ({ colorScheme, width }))
)

let gateway: Gateway
let shop: MerchantClient
let unionShop: MerchantClient
let browser: Browser

/** A page's state: where it is, and what leads to it there. */
interface State {
  readonly url: () => string | Promise<string>
  readonly act?: (page: Page) => Promise<unknown>
  readonly browser?: BrowserContextOptions
}

const paid = async () => {
  const order = await shop.qrcodePay({})
  await actAsPayer(order)
  return order
}
const declined = async () => {
  const order = await shop.qrcodePay({})
  await actAsPayer(order, "decline")
  await becomes(shop, order, "FAILED")
  return order
}
const sandboxPage = (order: Answer) => textOf(order, "sourceQrCodeUrl")
const returnPage = async (order: Answer): Promise<string> => {
  const page = await (await fetch(sandboxPage(order))).text()
  return /quiet back" href="([^"?]*)/.exec(page)?.[1] ?? ""
}
const payUrl = async () => textOf(await shop.wechatJsPay({ note: "一本书" }), "pay_url")
const press = (page: Page, action: string) => page.locator(`[data-sandbox=${action}]`).click()
const phase = (page: Page, name: string) => page.waitForSelector(`body[data-phase="${name}"]`)

const FACTS = { orderNo: "WX202603151030007K2M9QXB", amountFen: 12_880, payee: "晨光书店", testMode: true }

/** A pay page that a gateway shows seldom, in a gateway's place. */
const rendered = (view: PayView): State => ({
  url: () => `${gateway.url}/rendered`,
  act: async (page) => {
    const language: Language = page.url().includes("lang=en") ? "en" : "zh"
    await page.route("**/rendered*", (route) =>
      route.fulfill({
        contentType: "text/html; charset=utf-8",
        body: renderPayPage(view, { language, address: "/rendered" })
      })
    )
    await page.reload()
  }
})

const placeOnDemo = async (page: Page) => {
  await page.locator("#order-button:not([disabled])").click()
  await page.waitForSelector("#step-paying[data-state=active]")
}

const PAGES: Readonly<Record<string, State>> = {
  "the demo": { url: () => `${gateway.url}/demo` },
  "the demo with a refused amount": {
    url: () => `${gateway.url}/demo`,
    act: async (page) => {
      await page.locator("#amount").fill("x")
      await page.locator("#order-button:not([disabled])").click()
    }
  },
  "the demo with an order": { url: () => `${gateway.url}/demo`, act: placeOnDemo },
  "the demo with its webhook": {
    url: () => `${gateway.url}/demo`,
    act: async (page) => {
      await placeOnDemo(page)
      await fetch((await page.locator("#pay-link").getAttribute("href")) ?? "", {
        method: "POST",
        body: new URLSearchParams({ action: "pay" })
      })
      await page.waitForSelector("#step-delivered[data-state=done]")
      await page.locator("#wire-webhook-tab").click()
      await page.locator("#timeline > summary").click()
    }
  },
  "the pay page with WeChat's sheet": {
    url: payUrl,
    browser: WECHAT_PHONE,
    act: (page) => page.waitForSelector("[role=dialog]")
  },
  "the pay page after a cancel": {
    url: payUrl,
    browser: WECHAT_PHONE,
    act: async (page) => {
      await press(page, "cancel")
      await phase(page, "ready")
    }
  },
  "the pay page after a failure": {
    url: payUrl,
    browser: WECHAT_PHONE,
    act: async (page) => {
      await page.route("**/sandbox/wechat/pay", (route) => route.fulfill({ status: 400 }))
      await press(page, "pay")
      await page.waitForSelector(".status.warn")
    }
  },
  "the pay page of a paid order": {
    url: payUrl,
    browser: WECHAT_PHONE,
    act: async (page) => {
      await press(page, "pay")
      await phase(page, "paid")
    }
  },
  "the pay page outside WeChat": { url: payUrl },
  "the pay page outside WeChat on a phone": {
    url: payUrl,
    browser: { ...WECHAT_PHONE, userAgent: String(WECHAT_PHONE.userAgent).replace(/MicroMessenger.*/, "Safari") }
  },
  "the pay page of no order": { url: () => `${gateway.url}/wechat-pay-invoke.html?token=x` },
  "the pay page of a refunded order": rendered({ ...FACTS, kind: "refunded", paidAt: "2026-03-15 10:31:07" }),
  "the pay page of another payer": rendered({ kind: "other-payer" }),
  "the pay page without a channel": rendered({ kind: "unavailable" }),
  "the form page": {
    url: async () => textOf(await unionShop.qrcodePay({ channel_code: "unionpay_h5" }), "sourceQrCodeUrl")
  },
  "the return page that waits": { url: async () => returnPage(await shop.qrcodePay({})) },
  "the return page of a paid order": { url: async () => returnPage(await paid()) },
  "the return page of a failed order": { url: async () => returnPage(await declined()) },
  "the sandbox's page": { url: async () => sandboxPage(await shop.qrcodePay({ amount: 888_820 })) },
  "the sandbox's page that stalled": {
    url: async () => sandboxPage(await shop.qrcodePay({})),
    act: (page) => page.locator("button[value=stall]").click()
  },
  "the sandbox's page of a paid order": { url: async () => sandboxPage(await paid()) },
  "the sandbox's page of a failed order": { url: async () => sandboxPage(await declined()) },
  "the sandbox's amounts": { url: () => `${gateway.url}/sandbox/` },
  "the sandbox's page of no order": { url: () => `${gateway.url}/sandbox/pay/x` },
  "the sandbox's login that is wrong": { url: () => `${gateway.url}/sandbox/wechat/authorize` },
  "the signature debugger": { url: () => `${gateway.url}/tools/sign` },
  "the signature debugger's findings": {
    url: () => `${gateway.url}/tools/sign`,
    act: async (page) => {
      await page.locator("#request").fill(`{"app_id":"${shop.appId}","amount":1000,"sign":"x"}`)
      await page.locator("#canonical").fill(`app_id=${shop.appId}&amount=1000`)
      await page.locator("#check-button:not([disabled])").click()
      await page.waitForSelector(".findings")
    }
  },
  "the API reference": { url: () => `${gateway.url}/swagger`, act: (page) => page.waitForSelector(".opblock") },
  "the list of errors": { url: () => `${gateway.url}/swagger/errors` }
}

describe.skipIf(!requireChromium("the pages' accessibility"))("Everybody can use", () => {
  beforeAll(async () => {
    ;[gateway, browser] = await Promise.all([
      startGateway({ env: { PAYHUB_CHANNELS: join(import.meta.dirname, "channels/posted-form") } }),
      launchChromium()
    ])
    const folder = mkdtempSync(join(tmpdir(), "payhub-account-"))
    const file = join(folder, "account.json")
    writeFileSync(file, JSON.stringify({ action: "http://127.0.0.1:9/" }))
    const { id } = await gateway.command(["channel", "add", "posted-form", "--name", "union", "--account", file])
    rmSync(folder, { recursive: true })
    shop = await gateway.merchant({ name: "晨光书店" })
    unionShop = await gateway.merchant({ test: false, accounts: [String(id)] })
  })

  afterAll(async () => {
    await browser?.close()
    await gateway?.stop()
  })

  test.each(Object.keys(PAGES))("%s", async (name) => {
    const state = PAGES[name] as State
    const found = await Promise.all((["zh", "en"] as const).map((language) => findings(state, language)))
    expect(found.flat()).toEqual([])
  })
})

const tabs = new Map<string, Promise<Page>>()

/** A tab for a kind of browser and a language: opening one takes longer than all of axe's looks. */
const tabOf = (options: BrowserContextOptions, language: Language): Promise<Page> => {
  const key = `${language} ${options.userAgent}`
  const open = async () => {
    const locale = language === "zh" ? "zh-CN" : "en-US"
    const context = await browser.newContext({ ...options, locale, reducedMotion: "reduce" })
    await context.addInitScript({ content: AXE })
    // The form's page would be gone at once.
    await context.route("**/assets/form.js*", (route) => route.fulfill({ contentType: "text/javascript", body: "" }))
    return context.newPage()
  }
  const tab = tabs.get(key) ?? open()
  tabs.set(key, tab)
  return tab
}

/** What axe finds serious or critical in a state of a page, in any of its looks. */
const findings = async ({ url, act, browser: options = DESKTOP }: State, language: Language) => {
  const page = await tabOf(options, language)
  const address = await url()
  await page.goto(`${address}${address.includes("?") ? "&" : "?"}lang=${language}`)
  await act?.(page)
  await page.mouse.move(0, 0)
  const found: Array<string> = []
  for (const { colorScheme, width } of LOOKS) {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize({ width, height: 844 })
    for (const finding of await page.evaluate(serious, [RULES[colorScheme], NOT_OURS] as const)) {
      found.push(`${language} ${colorScheme} ${width}: ${finding}`)
    }
  }
  // The next state begins without what this one remembers.
  await page.unrouteAll()
  await page.evaluate(() => sessionStorage.clear())
  return found
}

/** Runs in the page. */
const serious = async ([rules, exclude]: readonly [Array<string>, Array<string>]): Promise<Array<string>> => {
  const { run } = (window as unknown as { axe: typeof axe }).axe
  // A colour may be on its way to another one.
  const transitions = document.getAnimations().filter((animation) => animation instanceof CSSTransition)
  await Promise.all(transitions.map(({ finished }) => finished.catch(() => undefined)))
  const { violations } = await run({ exclude }, { runOnly: rules, resultTypes: ["violations"] })
  const { scrollWidth } = document.documentElement
  const tooWide = scrollWidth > innerWidth ? [`reflow: ${scrollWidth} pixels do not fit into ${innerWidth}`] : []
  const found = violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} (${failureSummary?.slice(0, 300)})`)
    )
  return [...tooWide, ...found]
}

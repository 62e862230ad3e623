import { afterAll, describe, expect, test } from "bun:test"
import { execFileSync, spawnSync } from "node:child_process"
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { requireTool } from "../../../tests/harness/require-tool.ts"
import type { Bilingual, Language, Texts } from "../../domain/language.ts"
import { canonicalString, hmacSha256 } from "../../domain/signature.ts"
import { type DemoView, renderDemoPage } from "../demo/page.ts"
import { demoSnippets } from "../demo/snippets.ts"
import { demoTexts } from "../demo/texts.ts"
import { type PayView, renderPayPage } from "../payer/page.ts"
import { payTexts } from "../payer/texts.ts"
import { signTexts } from "../tools/texts.ts"
import { ASSETS_VERSION, assetUrl, pageAsset } from "./assets.ts"
import { html, jsonScript } from "./html.ts"

const LANGUAGES: ReadonlyArray<Language> = ["zh", "en"]

const order = { orderNo: "WX202603151030007K2M9QXB", amountFen: 12_880, payee: "晨光书店", testMode: false }
const paid = { ...order, kind: "paid", paidAt: "2026-03-15 10:31:07" } as const
const timeLeft = { leftMs: 600_000, payBefore: "2026-03-15 10:40:00" }
const jsapi = {
  appId: "wx8888888888888888",
  timeStamp: "1710489862",
  nonceStr: "5K8264ILTKCH16CQ",
  package: "prepay_id=wx201410272009395522657a690389285100",
  signType: "RSA",
  paySign: "oR9d8Puhn=="
}
const invoke: Extract<PayView, { kind: "invoke" }> = {
  kind: "invoke",
  ...order,
  ...timeLeft,
  note: "一本书",
  jsapi,
  token: "tok_en",
  bridgeScript: null
}
const openInWechat: Extract<PayView, { kind: "open-in-wechat" }> = {
  kind: "open-in-wechat",
  browser: "other",
  ...order,
  ...timeLeft,
  qrUrl: "data:image/png;base64,AAAA",
  sandboxUrl: null
}
const payViews: ReadonlyArray<PayView> = [
  invoke,
  { ...invoke, bridgeScript: "/sandbox/bridge.js" },
  paid,
  { kind: "expired" },
  { kind: "other-payer" },
  { kind: "unavailable" },
  { kind: "busy", waitSeconds: 7 },
  openInWechat,
  { ...openInWechat, browser: "wecom" },
  { ...openInWechat, browser: "mini-program" },
  { ...openInWechat, sandboxUrl: "/sandbox/pay", testMode: true },
  { ...openInWechat, qrUrl: null }
]
const demoView: DemoView = {
  appId: "pk_test_51H8xK2eZvKYlo2C9xK2eZvKYlo2C",
  baseUrl: "http://127.0.0.1:8080",
  swaggerUrl: "/swagger"
}

const payPage = (view: PayView, language: Language): string =>
  renderPayPage(view, { language, address: "/wechat-pay-invoke.html?token=tok" })

const everyPage = LANGUAGES.flatMap((language) => [
  ...payViews.map((view) => payPage(view, language)),
  renderDemoPage(demoView, language)
])

/** A page without its data blocks: this must obey the content policy. */
const markup = (page: string) => page.replaceAll(/<script type="application\/json"[^>]*>[^<]*<\/script>/g, "")

/** The data that a page's script reads. */
const dataOf = (page: string): Record<string, unknown> =>
  JSON.parse(/<script type="application\/json" id="view">([^<]*)<\/script>/.exec(page)?.[1] ?? "null")

/** What a reader sees: the text that is not hidden, with entities resolved. */
const visibleText = (page: string) =>
  markup(page)
    .replaceAll(/<main[^>]* hidden>.*?<\/main>/gs, "")
    .replaceAll(/<[^>]*>/g, " ")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&")

describe("Escaping", () => {
  const attack = `</script><img src=x onerror=alert(1)>"'&<!--`

  test("a value in a template is text, in an attribute too", () => {
    expect(html`<p title="${attack}">${[attack, null, false, 1]}</p>`.text).toBe(
      `<p title="&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;&lt;!--">` +
        `&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;&lt;!--1</p>`
    )
  })

  test("markup made by the template is not escaped again", () => {
    expect(html`<ul>${["a", "<"].map((item) => html`<li>${item}</li>`)}</ul>`.text).toBe(
      "<ul><li>a</li><li>&lt;</li></ul>"
    )
  })

  test("data for a script cannot end its block and arrives as it was", () => {
    const value = { attack, separators: "\u2028\u2029" }
    const { text } = jsonScript("view", value)
    expect(text.match(/</g)).toHaveLength(2)
    expect(text).not.toMatch(/[\u2028\u2029]/)
    expect(JSON.parse(text.slice(text.indexOf(">") + 1, text.lastIndexOf("<")))).toEqual(value)
  })

  test("an order's note, the payee and the token stay text on the pay page, whatever they hold", () => {
    for (const language of LANGUAGES) {
      const page = payPage(
        { ...invoke, note: attack, payee: attack, token: attack, jsapi: { ...jsapi, package: attack } },
        language
      )
      expect(page).not.toContain("<img")
      expect(page.match(/<\/script>/g)).toHaveLength(2)
      expect(visibleText(page).split(attack)).toHaveLength(3)
      expect(dataOf(page)).toMatchObject({ token: attack, jsapi: { package: attack } })
    }
  })

  test("the addresses on the other pages stay inside their attributes", () => {
    const page = payPage({ ...openInWechat, qrUrl: `"><b>`, sandboxUrl: `"><b>` }, "en")
    expect(page).not.toContain("<b>")
    expect(renderDemoPage({ appId: attack, baseUrl: attack, swaggerUrl: attack }, "en")).not.toContain("<img src=x")
  })
})

describe("The pay page", () => {
  test.each([
    ["expired", "支付链接已过期,请重新生成", "expired"],
    ["other-payer", "订单已由其他付款人发起支付", "Another payer"],
    ["unavailable", "支付渠道不可用", "not available"]
  ] as const)("says what is wrong when the view is %s", (kind, zh, en) => {
    expect(visibleText(payPage({ kind }, "zh"))).toContain(zh)
    expect(visibleText(payPage({ kind }, "en"))).toContain(en)
  })

  test("says how long to wait when the view is busy", () => {
    const view = { kind: "busy", waitSeconds: 7 } as const
    expect(visibleText(payPage(view, "zh"))).toContain("请求过于频繁,请7秒后重试")
    expect(visibleText(payPage(view, "en"))).toContain("try again in 7 s")
  })

  test.each([
    ["other", "请在微信中打开", "open this page in WeChat"],
    ["wecom", "企业微信中无法支付，请在微信中打开", "WeCom cannot pay"],
    ["mini-program", "小程序内的网页无法支付，请在微信中打开", "inside a mini-program cannot pay"]
  ] as const)("says where to open it when the browser is %s", (browser, zh, en) => {
    expect(visibleText(payPage({ ...openInWechat, browser }, "zh"))).toContain(zh)
    expect(visibleText(payPage({ ...openInWechat, browser }, "en"))).toContain(en)
  })

  test("shows a paid order's result and no button to pay", () => {
    const page = payPage(paid, "zh")
    for (const text of ["支付成功", "128.80", order.orderNo, order.payee]) expect(visibleText(page)).toContain(text)
    expect(page).not.toContain("pay-button")
    expect(visibleText(payPage(paid, "en"))).toContain("Payment successful")
  })

  test("shows who is paid, what for and how much, and hands its script the bridge's parameters", () => {
    const page = payPage(invoke, "zh")
    for (const text of ["晨光书店", "一本书", "128.80", order.orderNo, "立即支付"]) {
      expect(visibleText(page)).toContain(text)
    }
    expect(dataOf(page)).toMatchObject({ kind: "invoke", token: "tok_en", jsapi })
    expect(visibleText(payPage(invoke, "en"))).toContain("Pay now")
  })

  test("does not claim success before the server has said so", () => {
    for (const language of LANGUAGES) {
      const title = payTexts.paid.title[language]
      const page = payPage(invoke, language)
      expect(page).toContain(title)
      expect(visibleText(page)).not.toContain(title)
    }
  })

  test("loads the sandbox's bridge before its own script, and only where there is one", () => {
    const page = payPage({ ...invoke, bridgeScript: "/sandbox/bridge.js" }, "zh")
    expect(page.indexOf("/sandbox/bridge.js")).toBeGreaterThan(0)
    expect(page.indexOf("/sandbox/bridge.js")).toBeLessThan(page.indexOf(assetUrl("pay.js")))
    expect(payPage(invoke, "zh").match(/<script src/g)).toHaveLength(1)
  })

  test("outside WeChat asks to be opened there, with its QR code, and offers the sandbox to test orders only", () => {
    const page = payPage(openInWechat, "zh")
    expect(visibleText(page)).toContain("请在微信中打开")
    expect(page).toContain(`src="data:image/png;base64,AAAA"`)
    expect(visibleText(page)).not.toContain("沙箱")
    expect(visibleText(payPage(openInWechat, "en"))).toContain("open this page in WeChat")
    const test = payPage({ ...openInWechat, sandboxUrl: "/sandbox/pay?x=1&y=2" }, "zh")
    expect(test).toContain(`href="/sandbox/pay?x=1&amp;y=2"`)
    expect(visibleText(test)).toContain("在沙箱中继续")
  })

  test.each([
    [1, "0.01"],
    [10, "0.10"],
    [100, "1.00"],
    [100_000, "1,000.00"],
    [123_456_789, "1,234,567.89"],
    [10_000_000_000, "100,000,000.00"]
  ])("prints %d fen as %s yuan", (amountFen, text) => {
    expect(markup(payPage({ ...paid, amountFen }, "zh"))).toContain(`</span>${text}</p>`)
  })
})

describe("The demo page", () => {
  test("speaks both languages and leads to the other one", () => {
    for (const language of LANGUAGES) {
      const page = renderDemoPage(demoView, language)
      expect(visibleText(page)).toContain(demoTexts.form.submit[language])
      for (const [id, { title }] of Object.entries(demoTexts.journey.steps)) {
        expect(page).toContain(`id="step-${id}"`)
        expect(visibleText(page)).toContain(title[language])
      }
    }
    expect(renderDemoPage(demoView, "zh")).toContain(`href="/demo?lang=en"`)
    expect(renderDemoPage(demoView, "en")).toContain(`href="/demo?lang=zh"`)
    expect(renderDemoPage(demoView, "en")).toContain(`<html lang="en">`)
  })

  test("every text exists in both languages with the same placeholders, the script's too", () => {
    const leaves = leavesOf({ demoTexts, payTexts, signTexts })
    expect(leaves.length).toBeGreaterThan(100)
    for (const { zh, en } of leaves) {
      expect([zh, en]).not.toContain("")
      expect(placeholdersOf(en)).toEqual(placeholdersOf(zh))
    }
  })

  test("its script fills every placeholder of what it says", () => {
    const script = demoScript()
    for (const [name, { en }] of Object.entries(demoTexts.script)) {
      const said = [...script.matchAll(new RegExp(`say\\("${name}"(?:, \\{([^}]*))?`, "g"))]
      for (const [, values = ""] of said)
        for (const placeholder of placeholdersOf(en)) expect(values).toContain(placeholder)
    }
  })

  test("its script finds every text that it says and every element that it names", () => {
    const script = demoScript()
    const page = renderDemoPage(demoView, "zh")
    const said = [...script.matchAll(/\bsay\("(\w+)"/g), ...script.matchAll(/"(step[A-Z]\w+)"/g)]
    expect(said.length).toBeGreaterThan(20)
    for (const [, name = ""] of said) expect(Object.keys(demoTexts.script)).toContain(name)
    // The script makes the webhook's body itself.
    for (const [, id = ""] of script.matchAll(/byId\("([\w-]+)"\)/g)) {
      if (id !== "webhook-body") expect(page).toContain(`id="${id}"`)
    }
    for (const [, id = ""] of page.matchAll(/aria-(?:controls|labelledby|describedby)="([^"]*)"/g)) {
      expect(page).toContain(`id="${id}"`)
    }
  })
})

describe("Every page", () => {
  test("has no inline script, style or event handler, so that the strict policy holds", () => {
    for (const page of everyPage) {
      expect(markup(page)).not.toMatch(/<script(?![^>]*\ssrc=)/)
      expect(markup(page)).not.toMatch(/<style|\sstyle=|<base|<iframe|<object/)
      expect(markup(page)).not.toMatch(/<[^>]*\son[a-z]+=/)
      expect(markup(page)).not.toContain("javascript:")
    }
  })

  test("loads nothing from another host", () => {
    for (const page of everyPage) {
      for (const [, url = ""] of markup(page).matchAll(/\s(?:src|href|action)="([^"]*)"/g)) {
        expect(url).toMatch(/^(\/(?!\/)|data:)/)
      }
    }
    for (const name of assetNames) expect(sourceOf(name)).not.toMatch(/@import|url\(|\bimport\s+.*from\s+"https?:/)
  })

  test("names its language and is laid out for phones", () => {
    for (const page of everyPage) {
      expect(page).toMatch(/^<!doctype html>\n<html lang="(zh-CN|en)">/)
      expect(page).toContain(`name="viewport" content="width=device-width`)
    }
  })

  test("links assets that exist, under the version of their content", () => {
    const links = everyPage.flatMap((page) => [...page.matchAll(/"(\/assets\/[^"]*)"/g)].map(([, url = ""]) => url))
    expect(links.length).toBeGreaterThan(everyPage.length)
    for (const link of links) {
      const url = new URL(link, "http://localhost")
      expect(pageAsset(url.pathname.slice("/assets/".length))).toBeDefined()
      expect(url.searchParams.get("v")).toBe(ASSETS_VERSION)
    }
  })
})

describe("The assets", () => {
  test("are found by their exact names only", () => {
    expect(pageAsset("pay.js")?.contentType).toBe("text/javascript; charset=utf-8")
    expect(pageAsset("pay.css")?.contentType).toBe("text/css; charset=utf-8")
    for (const name of ["", "../assets.ts", "../pay.ts", "pay", "constructor", "%2e%2e/pay.ts"]) {
      expect(pageAsset(name)).toBeUndefined()
    }
    expect(() => assetUrl("absent.js")).toThrow("absent.js")
  })

  test.each(["pay.js", "pay-return.js"])("%s is ES5 with XMLHttpRequest, as an old WeChat WebView needs it", (name) => {
    expect(newerThanEs5(sourceOf(name))).toEqual([])
  })

  test.each([
    ["an arrow", "var a = function () {}; b.map((x) => x)"],
    ["let", "let a = 1"],
    ["const", "const a = 1"],
    ["a template", "var a = `x`"],
    ["a class", "class A {}"],
    ["optional chaining", "a?.b"],
    ["spread", "f(...a)"],
    ["fetch", 'fetch("/x")'],
    ["a promise", "new Promise(f)"],
    ["catch without a name", "try { a() } catch { b() }"],
    ["a trailing comma in a call", "f(a, b,)"],
    ["a method of a newer String", '"a".startsWith("b")']
  ])("the ES5 check sees %s", (_what, source) => {
    expect(newerThanEs5(source)).not.toEqual([])
  })
})

const folder = mkdtempSync(join(tmpdir(), "payhub-snippets-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const shellTools = requireTool({
  name: "bash and openssl",
  found: ["bash", "openssl"].every((tool) => spawnSync(tool, ["--version"]).error === undefined),
  suite: "the demo's shell snippets",
  how: "apt install bash openssl"
})

describe("The demo's snippets", () => {
  const codeOf = (id: string, language: Language) =>
    demoSnippets(demoView, language).find((snippet) => snippet.id === id)?.code ?? ""

  test.skipIf(!shellTools)("the shell ones send a request whose signature is right", () => {
    for (const language of LANGUAGES) {
      for (const id of ["order", "query"]) {
        const code = codeOf(id, language).replace(/^APP_SECRET=.*$/m, "APP_SECRET='sk_test_secret'")
        const sent = execFileSync("bash", ["-c", `curl() { cat; }\n${code}`], { encoding: "utf8" })
        const body = JSON.parse(sent) as Record<string, string | number>
        expect(body.app_id).toBe(demoView.appId)
        const signed = canonicalString(Object.entries(body).map(([key, value]) => [key, String(value)] as const))
        expect(body.sign).toBe(hmacSha256("sk_test_secret", signed))
      }
    }
  })

  test("the webhook's snippet accepts a true signature and refuses every other", async () => {
    for (const language of LANGUAGES) {
      const file = join(folder, `verify-${language}.mjs`)
      writeFileSync(file, codeOf("verify", language))
      const { isFromPayHub } = (await import(file)) as { isFromPayHub: (body: string, secret: string) => boolean }
      const fields = { order_no: "QR1", amount: "10.00", status: 1, extra: "", pay_time: "2026-03-15 10:31:07" }
      const canonical = canonicalString(Object.entries(fields).map(([key, value]) => [key, String(value)] as const))
      const body = { ...fields, sign: hmacSha256("sk_test_secret", canonical) }
      expect(isFromPayHub(JSON.stringify(body), "sk_test_secret")).toBe(true)
      expect(isFromPayHub(JSON.stringify({ ...body, amount: "10.01" }), "sk_test_secret")).toBe(false)
      expect(isFromPayHub(JSON.stringify(body), "sk_test_other")).toBe(false)
      expect(isFromPayHub(JSON.stringify({ ...fields, sign: "zz" }), "sk_test_secret")).toBe(false)
      expect(isFromPayHub(JSON.stringify(fields), "sk_test_secret")).toBe(false)
    }
  })
})

const assetNames = readdirSync(new URL("./assets/", import.meta.url))

/** The demo's script with its modules. */
function demoScript(): string {
  return assetNames
    .filter((name) => /^demo.*\.js$/.test(name))
    .map(sourceOf)
    .join("\n")
}

function sourceOf(name: string): string {
  return new TextDecoder().decode(pageAsset(name)?.body)
}

/** The paths of all texts in a dictionary. */
function leavesOf(texts: Texts): ReadonlyArray<Bilingual> {
  return "zh" in texts && typeof texts.zh === "string"
    ? [texts as Bilingual]
    : Object.values(texts).flatMap((branch: Texts) => leavesOf(branch))
}

function placeholdersOf(text: string): ReadonlyArray<string> {
  return [...text.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name).sort()
}

/** What an ES5 engine or an old WebView does not know of a script; comments and strings do not count. */
function newerThanEs5(source: string): ReadonlyArray<string> {
  const code = source
    .replaceAll(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|\/\*.*?\*\/|\/\/[^\n]*/gs, (part) =>
      part.startsWith("/") ? " " : '""'
    )
    .replaceAll(/\s+/g, " ")
  const newer: ReadonlyArray<readonly [string, RegExp]> = [
    ["arrow", /=>/],
    ["template", /`/],
    ["declaration", /\b(?:let|const|class|async|await|import|export|yield|of)\b/],
    ["operator", /\?\.|\?\?|\*\*|\.\.\.|&&=|\|\|=/],
    ["catch without a name", /\bcatch \{/],
    ["trailing comma in a call", /, ?\)/],
    ["default value", /function ?\w* ?\([^)]*=/],
    ["destructuring", /\b(?:var|function ?\w*) ?\(?[{[]/],
    ["generator", /function ?\*/],
    ["global", /\b(?:fetch|Promise|Symbol|Map|Set|WeakMap|Proxy|Reflect|URL|URLSearchParams|AbortController)\b/],
    ["Object or Array", /\b(?:Object\.(?:assign|entries|values|fromEntries)|Array\.(?:from|of))\b/],
    [
      "method",
      /\.(?:startsWith|endsWith|includes|repeat|padStart|padEnd|find|findIndex|fill|at|append|prepend|remove|replaceWith|replaceChildren|closest|matches)\(/
    ]
  ]
  return newer.filter(([, pattern]) => pattern.test(code)).map(([name]) => name)
}

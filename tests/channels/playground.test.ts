import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync } from "node:fs"
import { join, resolve } from "node:path"
import { launchChromium, requireChromium, WECHAT_PHONE } from "../harness/chromium.ts"
import { faintTexts } from "../harness/contrast.ts"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import { onQuietPage } from "../harness/quiet-page.ts"
import { endsWithUs } from "../harness/reaper.ts"
import { until } from "../harness/until.ts"
import { SUCCESS, startWebhookReceiver, type WebhookReceiver } from "../harness/webhook-receiver.ts"

setDefaultTimeout(60_000)

const root = resolve(import.meta.dirname, "../..")

interface Announced {
  readonly console: string
  readonly accounts: ReadonlyArray<{ readonly provider: string; readonly name: string; readonly file: string }>
}

/** `payhub simulator --json` as a person starts it. */
const simulator = async () => {
  const child = spawn(join(root, "node_modules/.bin/bun"), ["payhub.ts", "simulator", "--json"], { cwd: root })
  endsWithUs(child.pid ?? 0)
  let out = ""
  for await (const chunk of child.stdout) {
    out += chunk
    try {
      return { announced: JSON.parse(out) as Announced, child }
    } catch {
      // Not the whole document yet.
    }
  }
  throw new Error(`the simulator ended: ${out}`)
}

let gateway: Gateway
let receiver: WebhookReceiver
let running: Awaited<ReturnType<typeof simulator>>
beforeAll(async () => {
  ;[gateway, receiver, running] = await Promise.all([
    startGateway({ env: { PAYHUB_RECONCILE_SCHEDULE: "1" } }),
    startWebhookReceiver(),
    simulator()
  ])
  for (const { provider, name, file } of running.announced.accounts) {
    await gateway.command(["channel", "add", provider, "--name", name, "--account", file, "--fee-rate-bp", "60"])
  }
})
afterAll(async () => {
  await gateway?.stop()
  await receiver?.close()
  if (running.child.exitCode === null) running.child.kill("SIGTERM")
})

const press = async (number: string, act: string): Promise<void> => {
  const { console: page } = running.announced
  const response = await fetch(`${page}?number=${number}&act=${act}`, { method: "POST", redirect: "manual" })
  expect(response.status).toBe(303)
}

test("a live order travels Yinsheng's real wire: QR code, payment, notice, webhook", async () => {
  const merchant = await gateway.merchant({ test: false })
  const inbox = receiver.inbox(SUCCESS)
  const placed = await merchant.qrcodePay({ merchant_order_no: "play1", amount: 1234, notify_url: inbox.url })
  expect(placed.message).toBe("下单成功")
  const { order_no: orderNo, sourceQrCodeUrl } = placed.data as { order_no: string; sourceQrCodeUrl: string }
  expect(sourceQrCodeUrl).toMatch(/^(https?|weixin):/)
  // QR20261124093015ABCDEFGH is 20261124QR093015ABCDEFGH to Yinsheng.
  await press(`${orderNo.slice(2, 10)}${orderNo.slice(0, 2)}${orderNo.slice(10)}`, "pay")
  await inbox.waitFor(1)
  const asked = await merchant.orderQuery({ order_no: orderNo })
  expect(asked.data).toMatchObject({ status: 1, amount: "12.34", fee: "0.07", channel_code: "YINSHENG_QRCODE" })
})

test("a live order travels WeChat Pay's: the payer's openid, a signed prepay, a sealed notice, the webhook", async () => {
  const merchant = await gateway.merchant({ test: false })
  const inbox = receiver.inbox(SUCCESS)
  const placed = await merchant.wechatJsPay({
    merchant_order_no: "play2",
    amount: 500,
    notify_url: inbox.url,
    subOpenId: "oPayer"
  })
  expect(placed.data).toMatchObject({ jsapi_pay_info: { signType: "RSA" } })
  const { order_no: orderNo } = placed.data as { order_no: string }
  await press(orderNo, "pay")
  await inbox.waitFor(1)
  expect((await merchant.orderQuery({ order_no: orderNo })).data).toMatchObject({ status: 1, channel_code: "wxpay_js" })
})

test("a payer in WeChat comes to the order by the silent login of the simulated authorize page", async () => {
  const merchant = await gateway.merchant({ test: false })
  const inbox = receiver.inbox(SUCCESS)
  const placed = await merchant.wechatJsPay({ merchant_order_no: "play3", amount: 700, notify_url: inbox.url })
  const { pay_url: payUrl, order_no: orderNo } = placed.data as { pay_url: string; order_no: string }
  const page = await fetch(payUrl, { headers: { "user-agent": "MicroMessenger/8.0.40" } })
  expect(page.status).toBe(200)
  expect(await page.text()).toContain(orderNo)
  await press(orderNo, "payWrongAmount")
  await press(orderNo, "notifyAgain")
  const shown = await gateway.command(["order", "show", orderNo])
  expect(shown).toMatchObject({ status_name: "PENDING", flags: ["amount-mismatch"] })
})

test("its page lists the orders with their buttons in the gateway's theme, which it serves itself", async () => {
  const merchant = await gateway.merchant({ test: false })
  const placed = await merchant.wechatJsPay({
    merchant_order_no: "play4",
    amount: 900,
    notify_url: "https://example.com/notify",
    subOpenId: "oPayer"
  })
  const { order_no: orderNo } = placed.data as { order_no: string }
  const response = await fetch(`${running.announced.console}?lang=en`)
  expect(response.headers.get("content-security-policy")).toContain("default-src 'none'")
  const page = await response.text()
  expect(page).toContain(`<th scope="row">${orderNo}</th><td>WeChat Pay</td><td>9.00</td>`)
  for (const act of ["pay", "payWrongAmount", "notifyAgain"]) {
    expect(page).toContain(`<form method="post" action="/?number=${orderNo}&amp;act=${act}&amp;lang=en">`)
  }
  const theme = /href="(\/assets\/theme\.css[^"]*)"/.exec(page)?.[1] ?? ""
  expect((await fetch(new URL(theme, running.announced.console))).headers.get("content-type")).toStartWith("text/css")
})

describe.skipIf(!requireChromium("the simulator's page"))("Its page", () => {
  test.each(["zh", "en"])("fits a phone, is readable, and takes a payment, in %s", async (language) => {
    const merchant = await gateway.merchant({ test: false })
    const placed = await merchant.qrcodePay({ amount: 100, notify_url: receiver.inbox(SUCCESS).url })
    const browser = await launchChromium()
    try {
      const { origin } = new URL(running.announced.console)
      for (const colorScheme of ["light", "dark"] as const) {
        await onQuietPage(browser, origin, { ...WECHAT_PHONE, colorScheme }, async (page) => {
          await page.goto(`${origin}/?lang=${language}`)
          expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390)
          expect(await faintTexts(page)).toEqual([])
          await page
            .locator("button", { hasText: language === "zh" ? "支付" : "Pay" })
            .last()
            .scrollIntoViewIfNeeded()
        })
      }
      await onQuietPage(browser, origin, WECHAT_PHONE, async (page) => {
        await page.goto(`${origin}/?lang=${language}`)
        const orderNo = String(placed.data?.order_no)
        const row = page.locator("tr").filter({ hasText: orderNo.slice(10) })
        await row.locator("button").first().click()
        await page.waitForURL(new RegExp(`lang=${language}$`))
        await until("PAID", async () => (await merchant.orderQuery({ order_no: orderNo })).data?.status === 1)
      })
    } finally {
      await browser.close()
    }
  })
})

test("stopping it takes its files along", async () => {
  const files = running.announced.accounts.map(({ file }) => file)
  expect(files.every((file) => existsSync(file))).toBe(true)
  const ended = once(running.child, "exit")
  running.child.kill("SIGTERM")
  expect((await ended)[0]).toBe(0)
  expect(files.some((file) => existsSync(file))).toBe(false)
})

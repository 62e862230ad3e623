import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { FRESH_MS, newNonce, signatureHeaders } from "./sign.ts"
import { type Harness, newOrder, payUrlOf, startHarness } from "./site.fixture.ts"

let harness: Harness
beforeAll(async () => {
  harness = await startHarness()
})
afterAll(() => harness.stop())

const charged = async (given: Parameters<typeof newOrder>[1] = {}) => {
  const order = newOrder(harness, given)
  const shown = await harness.run(harness.channel.charge(order))
  return { order, url: payUrlOf(shown) }
}

describe("the payer's page", () => {
  test("shows amount, note and order number, in Chinese or English as the browser likes", async () => {
    const { order, url } = await charged({ amountFen: 123_456_789, description: "年费 <b>&</b>" })
    const chinese = await (await fetch(url)).text()
    expect(chinese).toContain("1,234,567.89")
    expect(chinese).toContain("年费 &lt;b&gt;&amp;&lt;/b&gt;")
    expect(chinese).toContain(order.orderNo)
    expect(chinese).toContain("不会产生真实扣款")
    const english = await (await fetch(url, { headers: { "accept-language": "fr, en;q=0.8, zh;q=0.5" } })).text()
    expect(english).toContain('<html lang="en">')
    expect(english).toContain("no real money")
    const asked = await (await fetch(`${url}?lang=zh`, { headers: { "accept-language": "en" } })).text()
    expect(asked).toContain('<html lang="zh-CN">')
  })

  test("has no inline script or style, names no other host and is kept by no cache", async () => {
    const { url } = await charged()
    const answer = await fetch(url)
    const page = await answer.text()
    expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'")
    expect(answer.headers.get("content-security-policy")).not.toContain("unsafe")
    expect(answer.headers.get("referrer-policy")).toBe("no-referrer")
    expect(answer.headers.get("cache-control")).toBe("no-store")
    expect(page).not.toMatch(/<script(?! src="\/sandbox\/)/)
    expect(page).not.toMatch(/<style|\sstyle=|\son\w+=/)
    // The way back is the gateway's own page.
    expect(page.replaceAll(harness.gateway.publicUrl, "")).not.toMatch(/(?:src|href)="(?:https?:)?\/\//)
  })

  test("is opened by its own ticket only", async () => {
    const { url } = await charged()
    const other = await charged()
    const ticket = url.slice(url.lastIndexOf("/") + 1)
    const [orderNo = "", mac = ""] = ticket.split("-")
    const otherOrderNo = other.order.orderNo
    for (const forged of [
      orderNo,
      `${orderNo}-`,
      `${orderNo}-${"0".repeat(32)}`,
      `${orderNo}-${mac.slice(0, 31)}`,
      `${orderNo}-${mac.toUpperCase()}`,
      `${otherOrderNo}-${mac}`,
      `${newOrder(harness).orderNo}-${mac}`,
      "code:1-1",
      "-",
      ""
    ]) {
      const path = `/sandbox/pay/${forged}`
      expect((await harness.get(path)).status).toBe(404)
      expect((await harness.press(harness.gateway.publicUrl + path, "pay")).status).toBe(404)
    }
    expect(await harness.run(harness.channel.query(other.order))).toEqual({ state: "pending" })
  })

  test("takes a double click as one payment with one trade number and one notice", async () => {
    const { order, url } = await charged()
    const before = harness.notices.length
    const answers = await Promise.all([1, 2, 3, 4].map(() => harness.press(url, "pay")))
    expect(answers.map((answer) => answer.status)).toEqual([303, 303, 303, 303])
    expect(harness.notices.length - before).toBe(1)
    const state = await harness.run(harness.channel.query(order))
    const payment = harness.notices.at(-1)?.read
    expect(payment).toMatchObject({
      payment: { channelTradeNo: state.state === "paid" ? state.payment.channelTradeNo : "" }
    })
  })

  test("says that the payment is through once the gateway has answered success", async () => {
    const { url } = await charged()
    const answer = await harness.press(url, "pay")
    const page = await harness.get(answer.headers.get("location") ?? "")
    expect(await page.text()).toContain('data-view="paid"')
    expect(await (await fetch(`${url}/state`)).json()).toEqual({ view: "paid" })
  })

  test.each([
    [500, "success"],
    [200, "SUCCESS"],
    [200, "success\n"],
    [200, ""],
    [302, "success"]
  ])(
    "says that the gateway has not confirmed when it answers %d %j, and asks a few times more",
    async (status, body) => {
      const { url } = await charged()
      const before = harness.notices.length
      harness.replyWith = { status, body }
      try {
        await harness.press(url, "pay")
        expect(await (await fetch(url)).text()).toContain('data-view="paid-unconfirmed"')
        await harness.noticed(before + 3)
      } finally {
        harness.replyWith = null
      }
      expect(new Set(harness.notices.slice(before).map((notice) => notice.body)).size).toBe(1)
    }
  )

  test("says that it is confirmed as soon as a later notice is taken", async () => {
    const { url } = await charged()
    harness.replyWith = { status: 503, body: "" }
    await harness.press(url, "pay")
    harness.replyWith = null
    await harness.noticed(harness.notices.length + 1)
    let view = ""
    for (let tries = 0; view !== "paid" && tries < 100; tries++) {
      view = ((await (await fetch(`${url}/state`)).json()) as { view: string }).view
    }
    expect(view).toBe("paid")
  })

  test("declined tells the gateway without a payment and can never be paid", async () => {
    const { order, url } = await charged()
    const before = harness.notices.length
    await harness.press(url, "decline")
    await harness.noticed(before + 1)
    expect(harness.notices.at(-1)?.read).toEqual({ kind: "news", orderNo: order.orderNo })
    await harness.press(url, "pay")
    expect(await (await fetch(url)).text()).toContain('data-view="failed"')
    expect(await harness.run(harness.channel.query(order))).toMatchObject({ state: "failed" })
  })

  test("stalled sends nothing and says so, and can still be paid", async () => {
    const { order, url } = await charged()
    const before = harness.notices.length
    const answer = await harness.press(url, "stall")
    expect(await (await harness.get(answer.headers.get("location") ?? "")).text()).toContain("没有发送任何应答")
    expect(harness.notices.length).toBe(before)
    await harness.press(url, "pay")
    expect(await harness.run(harness.channel.query(order))).toMatchObject({ state: "paid" })
  })

  test("can no longer be paid once the order has expired", async () => {
    const { order, url } = await charged()
    harness.clockOffsetMs = 1_800_000
    try {
      await harness.press(url, "pay")
      expect(await (await fetch(url)).text()).toContain('data-view="closed"')
    } finally {
      harness.clockOffsetMs = 0
    }
    await harness.press(url, "pay")
    expect(await harness.run(harness.channel.query(order))).toEqual({ state: "closed" })
  })

  test("links back to the shop only over http(s)", async () => {
    const script = await charged({ returnUrl: "javascript:alert(1)" })
    await harness.press(script.url, "pay")
    expect(await (await fetch(script.url)).text()).not.toContain("javascript:")
  })

  test("refuses a button that it does not have", async () => {
    const { order, url } = await charged()
    expect((await harness.press(url, "refund")).status).toBe(400)
    expect(await harness.run(harness.channel.query(order))).toEqual({ state: "pending" })
  })
})

describe("the sandbox's site", () => {
  test.each([
    ["GET", "/sandbox/", 200],
    ["HEAD", "/sandbox/pay.css", 200],
    ["GET", "/sandbox/pay.js", 200],
    ["GET", "/sandbox/wechat/bridge.js", 200],
    ["POST", "/sandbox/pay.js", 405],
    ["GET", "/sandbox/api/charge", 405],
    ["GET", "/sandbox/wechat/pay", 405],
    ["GET", "/sandbox/nothing", 404],
    ["GET", "/sandbox/constructor", 404],
    ["GET", "/sandbox/pay/a/b", 404]
  ])("answers %s %s with %d", async (method, path, status) => {
    const answer = await fetch(harness.gateway.publicUrl + path, { method })
    expect(answer.status).toBe(status)
    if (status === 405) expect(answer.headers.get("allow")).toBeString()
  })

  test("writes its scripts in ES5, for old WebViews", async () => {
    for (const path of ["/sandbox/pay.js", "/sandbox/wechat/bridge.js"]) {
      const script = await (await harness.get(path)).text()
      expect(script).not.toMatch(/=>|`|\b(?:const|let|class|async|await|fetch)\b(?!')|\?\.|\?\?/)
      expect(script).not.toContain("https:")
    }
  })
})

describe("the provider's interface", () => {
  const ask = (path: string, body: string, headers: Record<string, string>) =>
    fetch(harness.gateway.localUrl + path, { method: "POST", headers, body })
  const sign = (path: string, body: string, nowMs = Date.now()) =>
    signatureHeaders(harness.account.signingKey, `request ${path}`, body, nowMs)
  const path = "/sandbox/api/query"
  const body = JSON.stringify({ order_no: "QR1" })

  test("answers a signed request with the request's nonce", async () => {
    const headers = sign(path, body)
    const answer = await ask(path, body, headers)
    expect(answer.status).toBe(200)
    expect(answer.headers.get("sandbox-nonce")).toBe(headers["sandbox-nonce"])
  })

  test("refuses what is not signed, signed for another path, changed or too old", async () => {
    const good = sign(path, body)
    expect((await ask(path, body, {})).status).toBe(401)
    expect((await ask("/sandbox/api/close", body, good)).status).toBe(401)
    expect((await ask(path, `${body} `, good)).status).toBe(401)
    expect((await ask(path, body, { ...good, "sandbox-nonce": newNonce() })).status).toBe(401)
    expect((await ask(path, body, { ...good, "sandbox-signature": newNonce() + newNonce() })).status).toBe(401)
    for (const skew of [-FRESH_MS - 2_000, FRESH_MS + 2_000]) {
      expect((await ask(path, body, sign(path, body, Date.now() + skew))).status).toBe(401)
    }
  })

  test("refuses an unknown operation and a body of another shape", async () => {
    expect((await ask("/sandbox/api/mint", body, sign("/sandbox/api/mint", body))).status).toBe(404)
    expect((await ask("/sandbox/api/toString", body, sign("/sandbox/api/toString", body))).status).toBe(404)
    for (const wrong of ["", "[]", '{"order_no":1}']) {
      expect((await ask(path, wrong, sign(path, wrong))).status).toBe(400)
    }
    const charge = JSON.stringify({ order_no: "Q", amount_fen: 0 })
    expect((await ask("/sandbox/api/charge", charge, sign("/sandbox/api/charge", charge))).status).toBe(400)
  })
})

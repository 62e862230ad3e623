import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import { type Answer, type MerchantClient, readAnswer, textOf, unique } from "../harness/merchant-client.ts"

/* Section 6 of the contract. tests/pages tests the pages in a browser. */

const EXPIRED = "支付链接已过期,请重新生成"
const OTHER_PAYER = "订单已由其他付款人发起支付"
const PAY_INFO = "/api/cashier/jsapi-pay-info"
const PAY_STATE = "/api/cashier/pay-state"
const WECHAT =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.47(0x18002f2f) NetType/WIFI Language/zh_CN"
const BROWSER = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.0 Safari/605.1.15"

setDefaultTimeout(60_000)

let gateway: Gateway
let shop: MerchantClient
beforeAll(async () => {
  gateway = await startGateway()
  shop = await gateway.merchant()
})
afterAll(() => gateway?.stop())

const payInfo = async (body: Readonly<Record<string, unknown>>, headers: Record<string, string> = {}) =>
  readAnswer(
    await fetch(gateway.url + PAY_INFO, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(body)
    })
  )
const payState = async (token: string, headers: Record<string, string> = {}) =>
  readAnswer(await fetch(`${gateway.url}${PAY_STATE}?token=${encodeURIComponent(token)}`, { headers }))
const open = (url: string, userAgent: string) =>
  fetch(url, { redirect: "manual", headers: { "User-Agent": userAgent } })

const tokenOf = (answer: Answer) => textOf(answer, "pay_token")
const pay = (order: Answer) => gateway.command(["sandbox", "pay", textOf(order, "order_no")])
const wrongField = (answer: Answer, field: string) =>
  expect([answer.code, ...Object.keys((answer.data?.errors ?? {}) as object)]).toEqual([422, field])
const said = (answer: Answer) => [answer.code, answer.message]

const isPayInfo = (info: unknown) => {
  const fields = info as Record<string, unknown>
  expect(Object.keys(fields).sort()).toEqual(["appId", "nonceStr", "package", "paySign", "signType", "timeStamp"])
  for (const value of Object.values(fields)) expect(value).toEqual(expect.stringMatching(/./))
}

/** Gets a login code as a payer's WeChat does: the pay page leads to the authorize page, which leads back with it. */
const loginCode = async (payUrl: string): Promise<string> => {
  const page = await open(payUrl, WECHAT)
  const location = page.headers.get("location")
  const html = await page.text()
  const authorize =
    location ??
    /https?:\/\/[^"'\s<>]+authorize[^"'\s<>]+/.exec(html.replaceAll("&amp;", "&").replaceAll("\\/", "/"))?.[0]
  if (authorize === undefined) throw new Error(`the pay page leads to no authorize page: HTTP ${page.status} ${html}`)
  const back = (await open(new URL(authorize, payUrl).href, WECHAT)).headers.get("location")
  const code = new URL(back ?? "", payUrl).searchParams.get("code")
  if (code === null) throw new Error(`the authorize page gave no code: ${back}`)
  return code
}

describe("an order", () => {
  test("is answered with every field of section 6, the amount as a number of yuan", async () => {
    const merchant_order_no = unique("ORD")
    const answer = await shop.wechatJsPay({ merchant_order_no, amount: 100, extra: "member=7" })
    expect(said(answer)).toEqual([200, "下单成功"])
    expect(answer.data).toMatchObject({ merchant_order_no, amount: 1, extra: "member=7" })
    expect(textOf(answer, "order_no")).toMatch(/^WX\d{14}[0-9A-Z]{8}$/)
    const url = new URL(textOf(answer, "pay_url"))
    expect(url.origin + url.pathname).toBe(`${gateway.url}/wechat-pay-invoke.html`)
    expect(url.searchParams.get("token")).toBe(tokenOf(answer))
    expect(answer.data?.jsapi_pay_info ?? null).toBeNull()
  })

  test.each([
    [1, 0.01],
    [10, 0.1],
    [1234, 12.34],
    [101, 1.01],
    [1_234_567_890, 12_345_678.9],
    [10_000_000_000, 100_000_000]
  ])("of %d fen answers the number %d yuan", async (amount, yuan) => {
    expect((await shop.wechatJsPay({ amount })).data?.amount).toBe(yuan)
  })

  test("has jsapi_pay_info when subOpenId came with it", async () => {
    const answer = await shop.wechatJsPay({ subOpenId: "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o" })
    expect(answer.code).toBe(200)
    isPayInfo(answer.data?.jsapi_pay_info)
  })

  test("has a random pay_token of at least 128 bits", async () => {
    const tokens = new Set<string>()
    for (let at = 0; at < 10; at += 1) tokens.add(tokenOf(await shop.wechatJsPay()))
    expect(tokens.size).toBe(10)
    for (const token of tokens) {
      // 22 characters of Base64 or 32 of hex carry 128 bits.
      expect(token.length).toBeGreaterThanOrEqual(/^[0-9a-f]+$/i.test(token) ? 32 : 22)
      expect(new Set(token).size).toBeGreaterThan(8)
    }
    const common = [...tokens].reduce((a, b) => {
      let length = 0
      while (length < a.length && a[length] === b[length]) length += 1
      return a.slice(0, length)
    })
    expect(common.length).toBeLessThan(8)
  })

  test("shares its number with qrcode-pay: a number is used once", async () => {
    const merchant_order_no = unique("ORD")
    expect((await shop.wechatJsPay({ merchant_order_no })).code).toBe(200)
    for (const again of [await shop.wechatJsPay({ merchant_order_no }), await shop.qrcodePay({ merchant_order_no })]) {
      expect([again.code, again.message, again.data]).toEqual([400, "商户订单号已存在,请勿重复提交", null])
    }
  })
})

describe("the parameters", () => {
  test("subOpenId is up to 128 characters", async () => {
    expect((await shop.wechatJsPay({ subOpenId: "o".repeat(128) })).code).toBe(200)
    wrongField(await shop.wechatJsPay({ subOpenId: "o".repeat(129) }), "subOpenId")
  })

  test('isMiniPg is "1" or "2"', async () => {
    for (const isMiniPg of ["1", "2", undefined, null, ""])
      expect((await shop.wechatJsPay({ isMiniPg })).code).toBe(200)
    for (const isMiniPg of ["0", "3", "12", "01", "true", " 1", "１"]) {
      wrongField(await shop.wechatJsPay({ isMiniPg }), "isMiniPg")
    }
  })

  test("timeOutExpress is 1 to 1440 minutes", async () => {
    for (const timeOutExpress of ["1", "30", "1440", undefined, null, ""]) {
      expect((await shop.wechatJsPay({ timeOutExpress })).code).toBe(200)
    }
    for (const timeOutExpress of ["0", "1441", "-1", "30m", "1.5", "1e2", "030", " 30", "三十"]) {
      wrongField(await shop.wechatJsPay({ timeOutExpress }), "timeOutExpress")
    }
  })

  test("note is up to 125 characters", async () => {
    expect((await shop.wechatJsPay({ note: "😀".repeat(125) })).code).toBe(200)
    wrongField(await shop.wechatJsPay({ note: "x".repeat(126) }), "note")
  })

  test("merchant_order_no, amount, notify_url and extra follow section 5", async () => {
    for (const [field, message] of [
      ["merchant_order_no", "商户订单号不能为空"],
      ["amount", "金额不能为空"],
      ["notify_url", "回调地址不能为空"]
    ] as const) {
      const answer = await shop.wechatJsPay({ [field]: undefined })
      expect(said(answer)).toEqual([422, message])
      wrongField(answer, field)
    }
    wrongField(await shop.wechatJsPay({ merchant_order_no: "x".repeat(65) }), "merchant_order_no")
    wrongField(await shop.wechatJsPay({ notify_url: "ftp://shop.example.com/" }), "notify_url")
    wrongField(await shop.wechatJsPay({ extra: "茶".repeat(1366) }), "extra")
    expect((await shop.wechatJsPay({ amount: 0 })).message).toBe("金额必须大于 0")
    expect((await shop.wechatJsPay({ extra: "茶".repeat(1365) })).data?.extra).toBe("茶".repeat(1365))
    expect((await shop.wechatJsPay()).data?.extra).toBe("")
  })

  test("callback_url stands in for notify_url", async () => {
    const steady = await gateway.merchant({ callbackUrl: "https://shop.example.com/callback" })
    expect((await steady.wechatJsPay({ notify_url: undefined })).code).toBe(200)
  })
})

describe("when it fails", () => {
  test("because no channel takes the order, it is 400 without an order, and the number is still free", async () => {
    const live = await gateway.merchant({ test: false })
    const merchant_order_no = unique("ORD")
    for (let time = 0; time < 2; time += 1) {
      const answer = await live.wechatJsPay({ merchant_order_no })
      expect([answer.code, answer.message, answer.data]).toEqual([400, "支付渠道不可用", null])
    }
  })

  test("because a channel refuses the payer of subOpenId, it is 400 with the number of an order that is FAILED", async () => {
    const answer = await shop.wechatJsPay({ amount: 888_801, subOpenId: "oPayer" })
    expect(said(answer)).toEqual([400, "支付渠道不可用"])
    const query = await shop.orderQuery({ order_no: textOf(answer, "order_no") })
    expect(query.data).toMatchObject({ status: 2, status_name: "FAILED", channel_code: "wxpay_js" })
  })

  test("because the outcome is unknown, it is 500 with the order's number and a request id, and the order can be queried", async () => {
    const merchant_order_no = unique("ORD")
    const answer = await shop.wechatJsPay({ merchant_order_no, amount: 888_805, subOpenId: "oPayer" })
    expect(said(answer)).toEqual([500, "服务异常"])
    expect(answer.headers.get("x-request-id")).toBe(textOf(answer, "request_id"))
    const query = await shop.orderQuery({ merchant_order_no })
    expect(query.data).toMatchObject({ order_no: textOf(answer, "order_no"), status_name: "PENDING" })
  })
})

describe("jsapi-pay-info", () => {
  test("gives an openid its payment, and the same one when asked again", async () => {
    const made = await shop.wechatJsPay()
    const first = await payInfo({ pay_token: tokenOf(made), openid: "oPayer1" })
    expect(said(first)).toEqual([200, "ok"])
    expect(first.data?.order_no).toBe(textOf(made, "order_no"))
    isPayInfo(first.data?.jsapi_pay_info)
    const again = await payInfo({ pay_token: tokenOf(made), openid: "oPayer1" })
    expect(again.data).toEqual(first.data)
  })

  test("gives the payer of subOpenId what the order's answer gave", async () => {
    const made = await shop.wechatJsPay({ subOpenId: "oPayer2" })
    const info = await payInfo({ pay_token: tokenOf(made), openid: "oPayer2" })
    expect(info.data?.jsapi_pay_info).toEqual(made.data?.jsapi_pay_info)
    expect(said(await payInfo({ pay_token: tokenOf(made), openid: "oPayer3" }))).toEqual([400, OTHER_PAYER])
  })

  test("takes a login code in place of an openid", async () => {
    const made = await shop.wechatJsPay()
    const code = await loginCode(textOf(made, "pay_url"))
    const info = await payInfo({ pay_token: tokenOf(made), code })
    expect(said(info)).toEqual([200, "ok"])
    isPayInfo(info.data?.jsapi_pay_info)
    expect(said(await payInfo({ pay_token: tokenOf(made), openid: "oSomeoneElse" }))).toEqual([400, OTHER_PAYER])
  })

  test("refuses another payer, and the first one can still pay", async () => {
    const made = await shop.wechatJsPay()
    const first = await payInfo({ pay_token: tokenOf(made), openid: "oFirst" })
    const other = await payInfo({ pay_token: tokenOf(made), openid: "oOther" })
    expect([other.code, other.message, other.data]).toEqual([400, OTHER_PAYER, null])
    expect((await payInfo({ pay_token: tokenOf(made), openid: "oFirst" })).data).toEqual(first.data)
  })

  test("gives ten payers at once exactly one payment", async () => {
    const made = await shop.wechatJsPay()
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, at) => payInfo({ pay_token: tokenOf(made), openid: `oRace${at}` }))
    )
    expect(answers.filter(({ code }) => code === 200).length).toBe(1)
    expect(answers.filter(({ message }) => message === OTHER_PAYER).length).toBe(9)
  })

  test("with an openid that the channel does not know is 400, and the right payer can still pay", async () => {
    const made = await shop.wechatJsPay()
    for (const openid of ["x", "nobody"]) {
      const refused = await payInfo({ pay_token: tokenOf(made), openid })
      expect([refused.code, refused.message, refused.data]).toEqual([400, "支付渠道不可用", null])
    }
    expect((await payState(tokenOf(made))).data?.status_name).toBe("PENDING")
    const right = await payInfo({ pay_token: tokenOf(made), openid: "oRight" })
    expect(said(right)).toEqual([200, "ok"])
    isPayInfo(right.data?.jsapi_pay_info)
    await pay(made)
    expect((await payState(tokenOf(made))).data?.status_name).toBe("PAID")
  })

  test("of a disabled merchant charges nobody, nor does the page, and the order stays PENDING", async () => {
    const other = await gateway.merchant()
    const made = await other.wechatJsPay()
    const code = await loginCode(textOf(made, "pay_url"))
    const shown = await other.wechatJsPay({ subOpenId: "oPayer" })
    await gateway.command(["merchant", "disable", other.appId])
    for (const proof of [{ openid: "oPayer" }, { code }]) {
      const answer = await payInfo({ pay_token: tokenOf(made), ...proof })
      expect([answer.code, answer.message, answer.data]).toEqual([400, "支付渠道不可用", null])
    }
    const page = await open(textOf(made, "pay_url"), WECHAT)
    expect([page.status, (await page.text()).includes("支付渠道不可用")]).toEqual([400, true])
    expect((await payState(tokenOf(made))).data?.status_name).toBe("PENDING")
    // What was charged before is shown again: nothing new begins.
    expect((await payInfo({ pay_token: tokenOf(shown), openid: "oPayer" })).data?.jsapi_pay_info).toEqual(
      shown.data?.jsapi_pay_info
    )
    await gateway.command(["merchant", "enable", other.appId])
    expect((await payInfo({ pay_token: tokenOf(made), openid: "oPayer" })).code).toBe(200)
  })

  test("wants exactly one of openid and code", async () => {
    const pay_token = tokenOf(await shop.wechatJsPay())
    for (const body of [
      { pay_token },
      { pay_token, openid: "" },
      { pay_token, openid: null, code: "" },
      { pay_token, openid: "oPayer", code: "011xyz" }
    ]) {
      expect((await payInfo(body)).code).toBe(422)
    }
    expect((await payInfo({ pay_token, openid: "oPayer", code: "" })).code).toBe(200)
  })

  test("is 400 for an unknown token", async () => {
    for (const pay_token of ["x", "0".repeat(64), unique()]) {
      const answer = await payInfo({ pay_token, openid: "oPayer" })
      expect([answer.code, answer.message, answer.data]).toEqual([400, EXPIRED, null])
    }
  })

  test("is 400 once the order is paid or failed", async () => {
    const paid = await shop.wechatJsPay({ subOpenId: "oPayer" })
    await pay(paid)
    expect(said(await payInfo({ pay_token: tokenOf(paid), openid: "oPayer" }))).toEqual([400, EXPIRED])
    const refused = await shop.wechatJsPay({ amount: 888_801 })
    const first = await payInfo({ pay_token: tokenOf(refused), openid: "oPayer" })
    expect(first.code).toBe(400)
    expect(said(await payInfo({ pay_token: tokenOf(refused), openid: "oPayer" }))).toEqual([400, EXPIRED])
    expect((await payState(tokenOf(refused))).data?.status_name).toBe("FAILED")
  })
})

describe("pay-state", () => {
  test("has every field of section 6, whatever the status", async () => {
    const made = await shop.wechatJsPay({ amount: 100, subOpenId: "oPayer" })
    const before = await payState(tokenOf(made))
    expect(said(before)).toEqual([200, "ok"])
    const order_no = textOf(made, "order_no")
    expect(before.data).toMatchObject({
      order_no,
      amount: "1.00",
      status: 0,
      status_name: "PENDING",
      status_text: "待支付"
    })
    await pay(made)
    const after = await payState(tokenOf(made))
    expect(after.data).toMatchObject({ order_no, status: 1, status_name: "PAID", status_text: "支付成功" })
  })

  test("says nothing that is for the merchant only", async () => {
    const made = await shop.wechatJsPay({ extra: "secret-extra", notify_url: "https://secret.example.com/" })
    expect((await payState(tokenOf(made))).text).not.toMatch(/secret|app_id|fee/)
  })

  test("is 400 for an unknown token", async () => {
    for (const token of ["x", "", unique(), "%00", "😀"]) {
      const answer = await payState(token)
      expect([answer.code, answer.message, answer.data]).toEqual([400, EXPIRED, null])
    }
  })
})

describe("a merchant's own page", () => {
  const origin = { Origin: "https://shop.example.com" }

  test("may call both from any origin, and read the refusals too", async () => {
    const made = await shop.wechatJsPay()
    for (const answer of [
      await payInfo({ pay_token: tokenOf(made), openid: "oPayer" }, origin),
      await payInfo({ pay_token: "x", openid: "oPayer" }, origin),
      await payInfo({}, origin),
      await payState(tokenOf(made), origin),
      await payState("x", origin)
    ]) {
      expect(answer.headers.get("access-control-allow-origin")).toBe("*")
      expect(answer.headers.get("access-control-allow-credentials")).toBeNull()
    }
  })

  test.each([
    [PAY_INFO, "POST"],
    [PAY_STATE, "GET"]
  ])("has its preflight of %s answered", async (path, method) => {
    const response = await fetch(gateway.url + path, {
      method: "OPTIONS",
      headers: {
        ...origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "content-type"
      }
    })
    expect(response.ok).toBe(true)
    expect(response.headers.get("access-control-allow-origin")).toBe("*")
    expect(response.headers.get("access-control-allow-methods") ?? "").toContain(method)
    if (method === "POST") {
      expect((response.headers.get("access-control-allow-headers") ?? "").toLowerCase()).toMatch(/content-type|\*/)
    }
  })

  test.each(["/api/cashier/qrcode-pay", "/api/cashier/wechat-js-pay", "/api/cashier/order-query"])(
    "may not call %s from another origin",
    async (path) => {
      const called = await shop.post(path, { order_no: "x" }, { headers: origin })
      expect(called.headers.get("access-control-allow-origin")).toBeNull()
      const preflight = await fetch(gateway.url + path, {
        method: "OPTIONS",
        headers: { ...origin, "Access-Control-Request-Method": "POST" }
      })
      expect(preflight.headers.get("access-control-allow-origin")).toBeNull()
    }
  )

  test("may call both together ten times in 10 s with one token, then is told how long to wait", async () => {
    const [made, other] = [await shop.wechatJsPay(), await shop.wechatJsPay()]
    const codes = []
    for (let at = 0; at < 5; at += 1) {
      codes.push((await payState(tokenOf(made))).code)
      codes.push((await payInfo({ pay_token: tokenOf(made), openid: "oPayer" })).code)
    }
    expect(codes).toEqual(Array(10).fill(200))
    for (const answer of [
      await payState(tokenOf(made), origin),
      await payInfo({ pay_token: tokenOf(made), openid: "oPayer" }, origin)
    ]) {
      expect(answer.code).toBe(429)
      expect(answer.message).toMatch(/^请求过于频繁,请([1-9]|10)秒后重试$/)
      expect(answer.headers.get("retry-after")).toMatch(/^([1-9]|10)$/)
      expect(answer.headers.get("access-control-allow-origin")).toBe("*")
    }
    expect((await payState(tokenOf(other))).code).toBe(200)
  })
})

describe("pay_url", () => {
  const html = async (response: Response) => {
    expect(response.headers.get("content-type")).toMatch(/^text\/html/)
    return response.text()
  }

  test("opened outside WeChat asks to open it in WeChat", async () => {
    const page = await open(textOf(await shop.wechatJsPay(), "pay_url"), BROWSER)
    const text = await html(page)
    expect(text).toContain("微信")
    expect(text).not.toContain("paySign")
  })

  test("with an unknown token is a page that says 支付链接已过期,请重新生成", async () => {
    for (const query of ["?token=unknown", "?token=", ""]) {
      const page = await open(`${gateway.url}/wechat-pay-invoke.html${query}`, WECHAT)
      expect(page.status).toBe(400)
      expect(await html(page)).toContain(EXPIRED)
    }
  })

  test("of a paid order shows the result, so that nobody pays twice", async () => {
    const made = await shop.wechatJsPay({ subOpenId: "oPayer" })
    await pay(made)
    const page = await open(textOf(made, "pay_url"), WECHAT)
    expect(page.status).toBe(200)
    const text = await html(page)
    expect(text).toContain("支付成功")
    expect(text).not.toContain("paySign")
  })

  test("of a failed order says 支付链接已过期,请重新生成", async () => {
    const made = await shop.wechatJsPay({ amount: 888_801 })
    await payInfo({ pay_token: tokenOf(made), openid: "oPayer" })
    const page = await open(textOf(made, "pay_url"), WECHAT)
    expect(page.status).toBe(400)
    expect(await html(page)).toContain(EXPIRED)
  })

  test("draws logins on the token's ten calls in 10 s, then is a page that says how long to wait", async () => {
    const made = await shop.wechatJsPay()
    const login = (await open(textOf(made, "pay_url"), WECHAT)).headers.get("location") ?? ""
    const state = new URL(login).searchParams.get("state")
    const callback = `${textOf(made, "pay_url")}&state=${state}&again=1`
    const statuses = []
    for (let at = 0; at < 10; at += 1) statuses.push((await open(`${callback}&code=bogus${at}`, WECHAT)).status)
    expect(statuses).toEqual(Array(10).fill(400))
    const busy = await open(`${callback}&code=bogus`, WECHAT)
    expect(busy.status).toBe(429)
    expect(busy.headers.get("retry-after")).toMatch(/^([1-9]|10)$/)
    expect(await html(busy)).toMatch(/请求过于频繁,请([1-9]|10)秒后重试/)
    expect((await payInfo({ pay_token: tokenOf(made), openid: "oPayer" })).code).toBe(429)
    // Opening the page again is no login.
    expect((await open(textOf(made, "pay_url"), WECHAT)).status).toBe(302)
    const order = await gateway.command(["order", "show", textOf(made, "order_no")])
    const lines = order.timeline as ReadonlyArray<{ kind: string; detail: unknown }>
    const logins = lines.filter(({ kind }) => kind === "login.rejected")
    expect(logins.length).toBe(10)
    expect(JSON.stringify(logins)).toContain("40029")
    expect(JSON.stringify(logins)).not.toContain("bogus")
    const line = gateway
      .logs()
      .split("\n")
      .find((text) => text.includes("a payer could not be identified"))
    for (const fact of [textOf(made, "order_no"), "40029"]) expect(line).toContain(fact)
    expect(line).not.toContain("bogus")
  })

  test("opened inside WeCom or a mini-program says to open it in WeChat", async () => {
    const made = await shop.wechatJsPay()
    for (const [word, said] of [
      ["wxwork/4.1.9", "企业微信"],
      ["miniProgram/wx123", "小程序"]
    ] as const) {
      const page = await open(textOf(made, "pay_url"), `${WECHAT} ${word}`)
      expect(page.status).toBe(200)
      expect(await html(page)).toContain(said)
    }
  })

  test("opened inside WeChat leads through the silent login to the payment of that payer", async () => {
    const made = await shop.wechatJsPay()
    const cookies = new Map<string, string>()
    let url = textOf(made, "pay_url")
    let page: Response | undefined
    for (let hop = 0; hop < 6; hop += 1) {
      page = await fetch(url, {
        redirect: "manual",
        headers: { "User-Agent": WECHAT, Cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") }
      })
      for (const line of page.headers.getSetCookie()) {
        const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? []
        if (name !== undefined && value !== undefined) cookies.set(name, value)
      }
      const location = page.headers.get("location")
      if (location === null) break
      url = new URL(location, url).href
    }
    expect(page?.status).toBe(200)
    const text = (await page?.text()) ?? ""
    expect(text).toContain("paySign")
    const scripts = [...text.matchAll(/<script[^>]+src="([^"]+)"/g)].map(([, src]) => new URL(src ?? "", url).href)
    const code = await Promise.all(scripts.map(async (src) => (await fetch(src)).text()))
    expect([text, ...code].join("\n")).toContain("getBrandWCPayRequest")
  })
})

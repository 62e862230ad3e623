import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { type Harness, newOrder, startHarness } from "./site.fixture.ts"

let harness: Harness
beforeAll(async () => {
  harness = await startHarness()
})
afterAll(() => harness.stop())

const payer = () => {
  if (harness.channel.payer === undefined) throw new Error("the sandbox identifies payers")
  return harness.channel.payer
}

const APP_ID = "wx1234567890abcdef"
const authorizeUrl = (redirectUrl = `${harness.gateway.publicUrl}/wechat-pay-invoke.html?token=abc`, appId = APP_ID) =>
  payer().authorizeUrl({ redirectUrl, state: "State1", appId })

/** Opens the authorize page as a browser does, with or without its cookie. */
const authorized = async (cookie?: string, url = authorizeUrl()) => {
  const answer = await fetch(url, { redirect: "manual", headers: cookie === undefined ? {} : { cookie } })
  const location = new URL(answer.headers.get("location") ?? "about:blank")
  return {
    status: answer.status,
    location,
    code: location.searchParams.get("code") ?? "",
    cookie: (answer.headers.get("set-cookie") ?? "").split(";")[0] ?? ""
  }
}

const identify = (code: string, appId: string | null = APP_ID) => payer().identify({ code, miniProgram: false, appId })

describe("the stand-in for WeChat's authorize page", () => {
  test("has the parameters of WeChat's own page", () => {
    const url = payer().authorizeUrl({ redirectUrl: "http://shop.test/p?a=1&b=2", state: "S", appId: null })
    expect(url).toBe(
      `${harness.gateway.publicUrl}/sandbox/wechat/authorize?appid=wxsandbox000000000` +
        "&redirect_uri=http%3A%2F%2Fshop.test%2Fp%3Fa%3D1%26b%3D2&response_type=code&scope=snsapi_base&state=S#wechat_redirect"
    )
  })

  test("sends the payer silently back with a code and the state", async () => {
    const back = await authorized()
    expect(back.status).toBe(302)
    expect(back.location.origin).toBe(harness.gateway.publicUrl)
    expect(back.location.searchParams.get("token")).toBe("abc")
    expect(back.location.searchParams.get("state")).toBe("State1")
    expect(back.code).toMatch(/^[0-9A-Za-z]{20,128}$/)
  })

  test("knows a browser again: one openid for each browser and AppID", async () => {
    const first = await authorized()
    const again = await authorized(`theme=dark; ${first.cookie}`)
    const stranger = await authorized()
    const elsewhere = await authorized(first.cookie, authorizeUrl(undefined, "wxother"))
    const openids = [
      await harness.run(identify(first.code)),
      await harness.run(identify(again.code)),
      await harness.run(identify(stranger.code)),
      await harness.run(identify(elsewhere.code, "wxother"))
    ].map((one) => one.openid)
    expect(openids[0]).toMatch(/^o[0-9a-f]{27}$/)
    expect(openids[1]).toBe(openids[0] ?? "")
    expect(new Set(openids).size).toBe(3)
  })

  test.each([
    "https://evil.test/",
    "http://127.0.0.1:1/",
    "//evil.test/",
    "javascript:alert(1)",
    "HOST@evil.test/",
    "http://payer@OWN/",
    "HOST.evil.test/",
    "/relative",
    ""
  ])("never sends the payer to %s", async (to) => {
    const redirectUrl = to
      .replace("HOST", harness.gateway.publicUrl)
      .replace("OWN", new URL(harness.gateway.publicUrl).host)
    const back = await authorized(undefined, authorizeUrl(redirectUrl))
    expect(back.status).toBe(400)
    expect(back.location.href).toBe("about:blank")
  })

  test("refuses a request that WeChat would refuse", async () => {
    for (const [wrong, right] of [
      ["scope=other", "scope=snsapi_base"],
      ["state=", "state=State1"],
      ["state=a-b", "state=State1"],
      ["response_type=token", "response_type=code"],
      ["appid=", `appid=${APP_ID}`]
    ] as const) {
      expect((await authorized(undefined, authorizeUrl().replace(right, wrong))).status).toBe(400)
    }
  })
})

describe("a login code", () => {
  test("works once", async () => {
    const { code } = await authorized()
    const answers = await Promise.allSettled([1, 2, 3].map(() => harness.run(identify(code))))
    expect(answers.filter((answer) => answer.status === "fulfilled")).toHaveLength(1)
    expect(await harness.fail(identify(code))).toMatchObject({ _tag: "ChannelRejected" })
  })

  test("works for five minutes", async () => {
    const early = await authorized()
    const late = await authorized()
    try {
      harness.clockOffsetMs = 295_000
      await harness.run(identify(early.code))
      // Past the provider's time for the code, within its time for a request's signature.
      harness.clockOffsetMs = 0
      const old = await oldCode(-301_000)
      expect(await harness.fail(identify(old))).toMatchObject({ _tag: "ChannelRejected" })
      await harness.run(identify(late.code))
    } finally {
      harness.clockOffsetMs = 0
    }
  })

  test("that was changed, or is for another AppID, is refused", async () => {
    const { code } = await authorized()
    const changed = code.replace(/.$/, (last) => (last === "0" ? "1" : "0"))
    const longer = `${(Number.parseInt(code.slice(0, 8), 36) + 1).toString(36)}${code.slice(8)}`
    for (const wrong of [changed, longer, "", "code", `${code}0`]) {
      expect(await harness.fail(identify(wrong))).toMatchObject({ _tag: "ChannelRejected" })
    }
    expect(await harness.fail(identify(code, "wxother"))).toMatchObject({ _tag: "ChannelRejected" })
    expect((await harness.run(identify(code))).openid).toBeString()
  })
})

const oldCode = async (offsetMs: number): Promise<string> => {
  harness.clockOffsetMs = offsetMs
  const { code } = await authorized()
  harness.clockOffsetMs = 0
  return code
}

describe("the payment sheet", () => {
  const charged = async () => {
    const order = newOrder(harness, { code: "wxpay_js", jsapi: { appId: null, openid: "o1", miniProgram: false } })
    const shown = await harness.run(harness.channel.charge(order))
    if (shown.kind !== "jsapi") throw new Error(shown.kind)
    return { order, params: shown.params }
  }
  const post = async (action: string, params: object) => {
    const answer = await fetch(`${harness.gateway.publicUrl}/sandbox/wechat/${action}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(params)
    })
    return { status: answer.status, body: await answer.json() }
  }

  test("shows the amount due and pays it", async () => {
    const { order, params } = await charged()
    expect((await post("prepay", params)).body).toEqual({ view: "pending", yuan: "10.00", description: "在线支付" })
    expect((await post("pay", params)).body).toMatchObject({ view: "paid-unconfirmed" })
    expect(await harness.run(harness.channel.query(order))).toMatchObject({ state: "paid" })
    expect(harness.notices.at(-1)?.read).toMatchObject({ orderNo: order.orderNo, payment: { amountFen: 1_000 } })
  })

  test("declines it", async () => {
    const { order, params } = await charged()
    expect((await post("decline", params)).body).toMatchObject({ view: "failed" })
    expect(await harness.run(harness.channel.query(order))).toMatchObject({ state: "failed" })
  })

  test("refuses parameters that the provider did not sign", async () => {
    const { order, params } = await charged()
    const other = await charged()
    for (const change of [
      { appId: "wxother" },
      { timeStamp: "1" },
      { nonceStr: "x" },
      { package: other.params.package },
      { signType: "MD5" },
      { paySign: params.paySign.toLowerCase() }
    ]) {
      expect((await post("pay", { ...params, ...change })).status).toBe(400)
    }
    expect(await harness.run(harness.channel.query(order))).toEqual({ state: "pending" })
  })
})

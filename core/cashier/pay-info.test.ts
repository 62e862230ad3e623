import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { staysSilent } from "../../tests/harness/bookkeeper.ts"
import { openInProcessGateway, paymentOf } from "../../tests/harness/in-process-gateway.ts"
import { orderKey } from "../../tests/harness/memory-persistence/tables.ts"
import { perTest } from "../../tests/harness/per-test.ts"
import { aJsapi } from "../../tests/harness/sample-orders.ts"
import { until } from "../../tests/harness/until.ts"
import { ChannelRejected } from "../channel/errors.ts"
import type { Presentation } from "../channel/provider.ts"
import type { Order } from "../domain/order.ts"
import { Accounts } from "../pipeline/persistence/accounts.ts"
import { Merchants } from "../pipeline/persistence/merchants.ts"
import { newPayToken, payTokenHash } from "./pay-token.ts"
import { settlePayment } from "./settle.ts"

/* What happens when a payer comes, through both doors: the pay page and jsapi-pay-info. */

const WECHAT = "Mozilla/5.0 (iPhone) MicroMessenger/8.0.47"
const EXPIRED = "支付链接已过期,请重新生成"
const UNAVAILABLE = "支付渠道不可用"

const gateway = perTest(openInProcessGateway)

interface Waiting {
  readonly order: Order
  readonly token: string
}

/** An order whose payer has not come. */
const waiting = async (): Promise<Waiting> => {
  const { book, order, run } = gateway()
  const token = await run(newPayToken)
  book.onCharge = (request) => Effect.succeed(paramsFor(request.jsapi?.openid))
  const made = await order({ channelCode: "wxpay_js", flow: "jsapi", jsapi: aJsapi(payTokenHash(token)) })
  book.states.delete(made.orderNo)
  return { order: made, token }
}

const paramsFor = (openid: string | undefined): Presentation => {
  const params = { appId: "wx1", timeStamp: "1", nonceStr: "n", package: `prepay_id=${openid}`, signType: "RSA" }
  return { kind: "jsapi", params: { ...params, paySign: "s" } }
}

interface Seen {
  readonly status: number
  readonly text: string
  readonly headers: Headers
}

const seen = async (answer: Response): Promise<Seen> => ({
  status: answer.status,
  text: await answer.text(),
  headers: answer.headers
})

const payInfo = async ({ token }: Waiting, proof: { readonly openid: string } | { readonly code: string }) => {
  const body = JSON.stringify({ pay_token: token, ...proof })
  return seen(
    await gateway().fetch("/api/cashier/jsapi-pay-info", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body
    })
  )
}

const page = async ({ token }: Waiting, query = "", userAgent = WECHAT, language = "zh-CN") =>
  seen(
    await gateway().fetch(`/wechat-pay-invoke.html?token=${token}${query}`, {
      headers: { "user-agent": userAgent, "accept-language": language }
    })
  )

/** What the login page sends the payer's browser back with. */
const loginOf = async (made: Waiting): Promise<(code: string) => string> => {
  const opened = await page(made)
  expect(opened.status).toBe(302)
  const state = new URL(opened.headers.get("location") ?? "").searchParams.get("state")
  return (code) => `&code=${code}&state=${state}`
}

const packageOf = ({ text }: Seen) => /prepay_id=\w+/.exec(text)?.[0]

/** The doors that a payer may come through, with an openid or a code. */
const DOORS = ["jsapi-pay-info with an openid", "jsapi-pay-info with a code", "the page with a code"] as const
const come = async (made: Waiting, door: (typeof DOORS)[number], back: (code: string) => string, code: string) => {
  if (door === "jsapi-pay-info with an openid") return payInfo(made, { openid: `o${code}` })
  return door === "jsapi-pay-info with a code" ? payInfo(made, { code }) : page(made, back(code))
}

const untouched = async ({ order }: Waiting) => {
  const { find, book } = gateway()
  const now = await find(order)
  return [now.status, now.jsapi?.openid, book.charges.length, book.logins.length]
}

describe.each([
  ["merchant disabled", "merchant"],
  ["account disabled", "disabled"],
  ["account removed", "removed"]
] as const)("with its %s, whatever the caches say,", (_, stopped) => {
  const stop = async ({ order }: Waiting) => {
    const { run, merchant, tables } = gateway()
    if (stopped === "merchant") {
      await run(Effect.flatMap(Merchants, (merchants) => merchants.update(merchant.appId, { active: false })))
    } else if (stopped === "disabled") {
      await run(Effect.flatMap(Accounts, (accounts) => accounts.change("acc_1", { enabled: false })))
    } else {
      // As if the order had been stored at the moment of the removal.
      const row = tables.orders.get(orderKey(order))
      tables.orders.delete(orderKey(order))
      expect(await run(Effect.flatMap(Accounts, (accounts) => accounts.remove("acc_1")))).toBe("removed")
      if (row !== undefined) tables.orders.set(orderKey(order), row)
    }
  }

  test.each(DOORS)("an order's payer is neither logged in nor charged through %s", async (door) => {
    const made = await waiting()
    const back = await loginOf(made)
    await stop(made)
    const answer = await come(made, door, back, "payer")
    expect([answer.status, answer.text.includes(UNAVAILABLE)]).toEqual([400, true])
    if (door !== "the page with a code") expect(JSON.parse(answer.text).data).toBeNull()
    expect(await untouched(made)).toEqual(["PENDING", null, 0, 0])
  })

  test("the page does not send its payer to the login", async () => {
    const made = await waiting()
    await loginOf(made)
    await stop(made)
    const answer = await page(made)
    expect([answer.status, answer.text.includes(UNAVAILABLE)]).toEqual([400, true])
  })

  test("what was charged before is shown again to the same payer", async () => {
    const made = await waiting()
    const first = await payInfo(made, { openid: "opayer" })
    expect(first.status).toBe(200)
    await stop(made)
    expect(packageOf(await payInfo(made, { openid: "opayer" }))).toBe("prepay_id=opayer")
    expect(packageOf(await page(made))).toBe("prepay_id=opayer")
    expect((await payInfo(made, { openid: "oother" })).status).toBe(400)
    expect(gateway().book.charges.length).toBe(1)
  })
})

test("a payer may come again once the account is enabled", async () => {
  const made = await waiting()
  const { run } = gateway()
  const enable = (enabled: boolean) =>
    run(Effect.flatMap(Accounts, (accounts) => accounts.change("acc_1", { enabled })))
  await enable(false)
  expect((await payInfo(made, { openid: "opayer" })).status).toBe(400)
  await enable(true)
  expect((await payInfo(made, { openid: "oother" })).status).toBe(200)
})

describe("the ten calls in 10 s of a token", () => {
  test.each(DOORS)("are spent by logins and charges through %s, and bind every door", async (door) => {
    const made = await waiting()
    const { book, advance } = gateway()
    const back = await loginOf(made)
    const refused = Effect.fail(new ChannelRejected({ reason: "wrong", concerns: "payer" }))
    book.onIdentify = () => refused
    book.onCharge = () => refused
    for (let i = 0; i < 10; i += 1) expect((await come(made, door, back, `wrong${i}`)).status).not.toBe(429)
    const acts = book.logins.length + book.charges.length
    expect(acts).toBe(10)
    for (const other of DOORS) {
      const answer = await come(made, other, back, "payer")
      expect(answer.status).toBe(429)
      expect(answer.text).toContain("请求过于频繁,请10秒后重试")
      expect(answer.headers.get("retry-after")).toBe("10")
      expect(answer.headers.get("content-type")).toStartWith(
        other === "the page with a code" ? "text/html" : "application/json"
      )
    }
    expect((await page(made, back("payer"), WECHAT, "en")).text).toContain(
      "Too many requests, please try again in 10 s"
    )
    expect(book.logins.length + book.charges.length).toBe(acts)
    await advance(10_000)
    book.onIdentify = (code) => Effect.succeed({ openid: `o${code}` })
    book.onCharge = (request) => Effect.succeed(paramsFor(request.jsapi?.openid))
    expect((await come(made, door, back, "payer")).status).toBe(200)
  })

  test("are not spent by reloads of the page, before the login and after the charge", async () => {
    const made = await waiting()
    for (let i = 0; i < 15; i += 1) expect((await page(made)).status).toBe(302)
    const back = await loginOf(made)
    for (let i = 0; i < 15; i += 1) {
      const shown = await page(made, back("payer"))
      expect([shown.status, packageOf(shown)]).toEqual([200, "prepay_id=opayer"])
    }
    expect(gateway().book.logins).toEqual(["payer"])
    expect(gateway().book.charges.length).toBe(1)
  })
})

describe("a refusal", () => {
  const refusal = (concerns?: "payer" | "everyone") =>
    Effect.fail(new ChannelRejected({ reason: "no", ...(concerns === undefined ? {} : { concerns }) }))
  const refusesOnly = (openid: string, concerns?: "payer" | "everyone") => {
    gateway().book.onCharge = (request) =>
      request.jsapi?.openid === openid ? refusal(concerns) : Effect.succeed(paramsFor(request.jsapi?.openid))
  }

  test.each<["payer" | "everyone" | undefined, (typeof DOORS)[number], "PENDING" | "FAILED"]>([
    ["payer", "jsapi-pay-info with an openid", "PENDING"],
    ["payer", "jsapi-pay-info with a code", "PENDING"],
    ["payer", "the page with a code", "PENDING"],
    // It may be about the payer, and this one has proven nothing.
    [undefined, "jsapi-pay-info with an openid", "PENDING"],
    [undefined, "jsapi-pay-info with a code", "FAILED"],
    [undefined, "the page with a code", "FAILED"],
    ["everyone", "jsapi-pay-info with an openid", "FAILED"],
    ["everyone", "the page with a code", "FAILED"]
  ])("that concerns %p, of a payer who comes through %s, leaves the order %s", async (concerns, door, status) => {
    const made = await waiting()
    const { find, story } = gateway()
    refusesOnly("ox", concerns)
    const back = await loginOf(made)
    const answer = await come(made, door, back, "x")
    expect([answer.status, answer.text.includes(UNAVAILABLE)]).toEqual([400, true])
    expect((await find(made.order)).status).toBe(status)
    if (door !== "the page with a code") {
      expect(JSON.parse(answer.text).data?.order_no).toBe(status === "FAILED" ? made.order.orderNo : undefined)
    }
    const right = await come(made, door, back, "right")
    if (status === "FAILED") {
      expect([right.status, right.text.includes(EXPIRED)]).toEqual([400, true])
      return
    }
    expect([right.status, packageOf(right)]).toEqual([200, "prepay_id=oright"])
    expect((await find(made.order)).jsapi?.openid).toBe("oright")
    expect(await story(made.order)).toEqual([
      "created",
      "charge.rejected",
      "charge.accepted",
      "payer",
      "payer.released",
      "payer"
    ])
  })

  test("for everyone after strangers were refused ends the order: nobody could have paid it", async () => {
    const made = await waiting()
    refusesOnly("ox", "payer")
    for (let i = 0; i < 3; i += 1) expect((await payInfo(made, { openid: "ox" })).status).toBe(400)
    gateway().book.onCharge = () => refusal("everyone")
    expect((await payInfo(made, { openid: "oright" })).status).toBe(400)
    expect((await gateway().find(made.order)).status).toBe("FAILED")
  })

  test("of a payer whose first charge stayed uncertain proves nothing: the order stays theirs", async () => {
    const made = await waiting()
    const { book, find } = gateway()
    book.onCharge = () => staysSilent
    expect((await payInfo(made, { openid: "opayer" })).status).toBe(500)
    book.onCharge = () => refusal("payer")
    expect((await payInfo(made, { openid: "opayer" })).status).toBe(500)
    expect(await find(made.order)).toMatchObject({ status: "PENDING", jsapi: { openid: "opayer" } })
    expect((await payInfo(made, { openid: "oother" })).status).toBe(400)
  })
})

test("two payers at once make one charge, and the other is told of the first", async () => {
  const made = await waiting()
  const answers = await Promise.all(["oa", "ob", "oc"].map((openid) => payInfo(made, { openid })))
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400])
  expect(gateway().book.charges.length).toBe(1)
})

test("a payer whose order is paid and refunded while the login lasts sees the result, not an expired link", async () => {
  const made = await waiting()
  const { run, tables, book } = gateway()
  const back = await loginOf(made)
  book.onIdentify = () =>
    Effect.promise(async () => {
      await run(settlePayment(made.order, paymentOf(made.order), null))
      const row = tables.orders.get(orderKey(made.order))
      if (row !== undefined)
        tables.orders.set(orderKey(made.order), { ...row, order: { ...row.order, status: "REFUNDED" } })
      return { openid: "opayer" }
    })
  const answer = await page(made, back("payer"))
  expect([answer.status, answer.text.includes("订单已退款")]).toEqual([200, true])
})

describe("a login that names nobody", () => {
  test("because the code is used or old gets one new round, and each is in the order's timeline", async () => {
    const made = await waiting()
    const { book, story } = gateway()
    book.onIdentify = () => Effect.fail(new ChannelRejected({ reason: "42003", concerns: "payer" }))
    const back = await loginOf(made)
    const again = await page(made, back("old"))
    expect([again.status, again.headers.get("location")]).toEqual([302, expect.stringContaining("again%3D1")])
    expect((await page(made, `${back("old")}&again=1`)).status).toBe(400)
    await until("both logins are told", async () => (await story(made.order)).length === 3)
    expect(await story(made.order)).toEqual(["created", "login.rejected", "login.rejected"])
    const { status, text } = await payInfo(made, { code: "old" })
    expect([status, Object.keys(JSON.parse(text).data.errors)]).toEqual([422, ["code"]])
  })

  test("because the account's secret is wrong gets no new round: another code would not help", async () => {
    const made = await waiting()
    const { book } = gateway()
    book.onIdentify = () => Effect.fail(new ChannelRejected({ reason: "40125", concerns: "everyone" }))
    const back = await loginOf(made)
    for (const answer of [await page(made, back("c")), await payInfo(made, { code: "c" })]) {
      expect([answer.status, answer.text.includes(UNAVAILABLE)]).toEqual([400, true])
    }
    expect((await gateway().find(made.order)).status).toBe("PENDING")
  })

  test("because nobody answered is uncertain, and in the timeline as such", async () => {
    const made = await waiting()
    const { book, story } = gateway()
    book.onIdentify = () => staysSilent
    expect((await payInfo(made, { code: "c" })).status).toBe(500)
    await until("the login is told", async () => (await story(made.order)).length === 2)
    expect(await story(made.order)).toEqual(["created", "login.uncertain"])
  })
})

test.each([
  ["WeCom", `${WECHAT} wxwork/4.1.9`, "企业微信中无法支付，请在微信中打开"],
  ["a mini-program", `${WECHAT} miniProgram/wx1234567890`, "小程序内的网页无法支付，请在微信中打开"],
  ["another browser", "Mozilla/5.0 Safari/605", "请在微信中打开"]
])("in %s the page says where to open it, and logs nobody in", async (_, userAgent, said) => {
  const made = await waiting()
  const answer = await page(made, "", userAgent)
  expect([answer.status, answer.text.includes(said)]).toEqual([200, true])
  expect(await untouched(made)).toEqual(["PENDING", null, 0, 0])
})

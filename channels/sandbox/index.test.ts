import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { Schema } from "effect"
import {
  CHANNEL_CODES,
  ChannelRejected,
  ChannelUncertain,
  NoticeRefused,
  type RawNotice
} from "../../core/channel/index.ts"
import sandbox, { sandboxPay } from "./index.ts"
import { signatureHeaders } from "./sign.ts"
import { ACCOUNT_ID, type Harness, newOrder, payUrlOf, startHarness } from "./site.fixture.ts"

let harness: Harness
beforeAll(async () => {
  harness = await startHarness()
})
afterAll(() => harness.stop())

const charged = async (given: Parameters<typeof newOrder>[1] = {}) => {
  const order = newOrder(harness, given)
  const shown = await harness.run(harness.channel.charge(order))
  return { order, shown }
}

describe("the sandbox provider", () => {
  test("serves every channel code of the contract and only talks to its own gateway", () => {
    expect(sandbox.products.map((product) => product.code)).toEqual(Object.keys(CHANNEL_CODES))
    expect(sandbox.egress(harness.account, { publicUrl: "https://pay.test", localUrl: "http://127.0.0.1:81" })).toEqual(
      ["127.0.0.1:81"]
    )
  })

  test("makes a new key for each new account and shows it to nobody", () => {
    const keys = [sandbox.testMode?.newAccount(), sandbox.testMode?.newAccount()].map((json) => JSON.stringify(json))
    expect(keys[0]).not.toBe(keys[1])
    expect(sandbox.testMode?.feeRateBp).toBe(60)
    const account = Schema.decodeUnknownSync(sandbox.account)(JSON.parse(keys[0] ?? ""))
    expect(JSON.stringify(account)).toContain("redacted")
    expect(JSON.parse(keys[0] ?? "").signingKey).toHaveLength(43)
    expect(JSON.stringify(account)).not.toContain(JSON.parse(keys[0] ?? "").signingKey)
  })

  test("refuses an account with a short key or a fault that it does not know", () => {
    const decode = Schema.decodeUnknownSync(sandbox.account)
    expect(() => decode({ signingKey: "short" })).toThrow()
    expect(() => decode({ signingKey: "x".repeat(43), faults: { charge: "explode" } })).toThrow()
    expect(decode({ signingKey: "x".repeat(43), faults: { charge: "hang", notice: "twice" } })).toBeDefined()
  })
})

describe("a charge", () => {
  test.each([
    ["YINSHENG_QRCODE", "qrcode"],
    ["wxpay_native", "qrcode"],
    ["alipay_h5", "redirect"],
    ["alipay_pc", "redirect"],
    ["wxpay_h5", "redirect"],
    ["unionpay_h5", "redirect"],
    ["alipay_app", "app"],
    ["wxpay_app", "app"],
    ["wxpay_js", "qrcode"]
  ] as const)("of %s shows the payer a %s of the payer's page", async (code, kind) => {
    const { shown } = await charged({ code })
    expect(shown.kind).toBe(kind)
    expect(payUrlOf(shown)).toStartWith(`${harness.gateway.publicUrl}/sandbox/pay/`)
    expect((await fetch(payUrlOf(shown))).status).toBe(200)
  })

  test("with a payer's openid shows what WeixinJSBridge takes", async () => {
    const { shown } = await charged({ code: "wxpay_js", jsapi: { appId: "wx123", openid: "o1", miniProgram: false } })
    if (shown.kind !== "jsapi") throw new Error(shown.kind)
    expect(shown.params).toMatchObject({ appId: "wx123", signType: "HMAC-SHA256" })
    expect(shown.params.package).toStartWith("prepay_id=sandbox_")
    expect(shown.params.timeStamp).toMatch(/^\d{10}$/)
  })

  test("made again for the same order is the same trade, even once it is paid", async () => {
    const { order, shown } = await charged()
    expect(await harness.run(harness.channel.charge(order))).toEqual(shown)
    await harness.press(payUrlOf(shown), "pay")
    expect(await harness.run(harness.channel.charge(order))).toEqual(shown)
  })

  test("made again with another amount, code or payer is uncertain: the first one can still be paid", async () => {
    const { order } = await charged()
    for (const change of [
      { amountFen: 999 },
      { code: "alipay_h5" },
      { jsapi: { appId: null, openid: "o2", miniProgram: false } }
    ]) {
      const unsure = await harness.fail(harness.channel.charge({ ...order, ...change }))
      expect(unsure).toBeInstanceOf(ChannelUncertain)
    }
  })

  test("of an order that was closed or declined, or has expired, is refused", async () => {
    const first = await charged()
    await harness.run(harness.channel.close?.(first.order) ?? never())
    expect(await harness.fail(harness.channel.charge(first.order))).toBeInstanceOf(ChannelRejected)
    const second = await charged()
    await harness.press(payUrlOf(second.shown), "decline")
    expect(await harness.fail(harness.channel.charge(second.order))).toBeInstanceOf(ChannelRejected)
    const third = newOrder(harness, { expiresAt: new Date(Date.now() - 1) })
    expect(await harness.fail(harness.channel.charge(third))).toBeInstanceOf(ChannelRejected)
  })

  test("that arrives after its close is refused, because the close came first", async () => {
    const order = newOrder(harness)
    expect(await harness.run(harness.channel.close?.(order) ?? never())).toEqual({ state: "closed" })
    expect(await harness.fail(harness.channel.charge(order))).toBeInstanceOf(ChannelRejected)
  })
})

describe("a query", () => {
  test("says absent, pending, paid, failed and closed as the book does", async () => {
    const { channel } = harness
    expect(await harness.run(channel.query(newOrder(harness)))).toEqual({ state: "absent" })
    const one = await charged()
    expect(await harness.run(channel.query(one.order))).toEqual({ state: "pending" })
    await harness.press(payUrlOf(one.shown), "stall")
    expect(await harness.run(channel.query(one.order))).toEqual({ state: "pending" })
    await harness.press(payUrlOf(one.shown), "pay")
    expect(await harness.run(channel.query(one.order))).toMatchObject({
      state: "paid",
      payment: { amountFen: 1_000, currency: "CNY", feeFen: undefined }
    })
    const two = await charged()
    await harness.press(payUrlOf(two.shown), "decline")
    expect(await harness.run(channel.query(two.order))).toEqual({ state: "failed", reason: "the payer declined" })
    const three = await charged()
    await harness.run(channel.close?.(three.order) ?? never())
    expect(await harness.run(channel.query(three.order))).toEqual({ state: "closed" })
  })

  test("says closed once the order has expired", async () => {
    const { order, shown } = await charged()
    harness.clockOffsetMs = 1_800_001
    try {
      // The channel's own clock is 30 minutes behind the provider's now, so ask the book through the page first.
      expect(await (await fetch(payUrlOf(shown))).text()).toContain('data-view="closed"')
    } finally {
      harness.clockOffsetMs = 0
    }
    expect(await harness.run(harness.channel.query(order))).toEqual({ state: "closed" })
  })
})

describe("a close and a payment at the same time", () => {
  test("end the order in one way: the first in the book wins", async () => {
    for (let round = 0; round < 10; round++) {
      const { order, shown } = await charged()
      const close = () => harness.run(harness.channel.close?.(order) ?? never())
      const pay = () => harness.press(payUrlOf(shown), "pay")
      const before = harness.notices.length
      const [first, second] = await Promise.all(round % 2 === 0 ? [close(), pay()] : [pay(), close()])
      const closed = "state" in first ? first : (second as { state: string })
      const found = await harness.run(harness.channel.query(order))
      expect(found.state).toBe(closed.state as "paid" | "closed")
      expect(harness.notices.length - before).toBe(found.state === "paid" ? 1 : 0)
    }
  })

  test("a paid order answers every later close with paid", async () => {
    const { order, shown } = await charged()
    await harness.press(payUrlOf(shown), "pay")
    expect(await harness.run(harness.channel.close?.(order) ?? never())).toEqual({ state: "paid" })
    expect(await harness.run(harness.channel.query(order))).toMatchObject({ state: "paid" })
  })
})

describe("a refund", () => {
  const refund = (order: ReturnType<typeof newOrder>, refundNo: string, refundFen: number) =>
    harness.run(
      harness.channel.refund?.({ charge: order, refundNo, refundFen, reason: "", noticeUrl: order.noticeUrl }) ??
        never()
    )

  test("of a paid order is taken once per number and never beyond what was paid", async () => {
    const { order, shown } = await charged()
    expect(await refund(order, "R1", 1)).toMatchObject({ state: "failed" })
    await harness.press(payUrlOf(shown), "pay")
    const first = await refund(order, "R1", 600)
    expect(first).toMatchObject({ state: "refunded", refundFen: 600 })
    expect(await refund(order, "R1", 600)).toEqual(first)
    expect(await refund(order, "R1", 500)).toMatchObject({ state: "failed" })
    expect(await refund(order, "R2", 401)).toMatchObject({ state: "failed" })
    expect(await refund(order, "R3", 400)).toMatchObject({ state: "refunded", refundFen: 400 })
    const ask = (refundNo: string) => harness.run(harness.channel.queryRefund?.({ charge: order, refundNo }) ?? never())
    expect(await ask("R1")).toEqual(first)
    expect(await ask("R2")).toMatchObject({ state: "failed" })
    expect(await harness.run(harness.channel.query(order))).toMatchObject({ state: "paid" })
  })
})

describe("a notice", () => {
  const raw = (body: string, change: Record<string, string> = {}, nowMs = Date.now()) => ({
    method: "POST",
    headers: { ...signatureHeaders(harness.account.signingKey, "notice", body, nowMs), ...change },
    body: Buffer.from(body),
    receivedAt: new Date()
  })
  const paid = JSON.stringify({
    type: "trade.paid",
    order_no: "QR1",
    payment: { trade_no: "T1", amount_fen: 1_000, currency: "CNY", paid_at_ms: 1_773_542_400_000, fee_fen: null }
  })

  test("is read as it is, even as a replay after a year", async () => {
    for (const nowMs of [Date.now(), Date.now() - 31_536_000_000]) {
      expect(await harness.run(harness.channel.readNotice(raw(paid, {}, nowMs)))).toEqual({
        kind: "payment",
        orderNo: "QR1",
        payment: {
          channelTradeNo: "T1",
          amountFen: 1_000,
          currency: "CNY",
          paidAt: new Date(1_773_542_400_000),
          feeFen: undefined
        }
      })
    }
  })

  test("with any part of its signature changed is refused", async () => {
    const good = raw(paid)
    const nonce = good.headers["sandbox-nonce"] ?? ""
    const signature = good.headers["sandbox-signature"] ?? ""
    const changes: ReadonlyArray<Partial<RawNotice>> = [
      { body: Buffer.from(paid.replace("1000", "1001")) },
      { body: Buffer.from(`${paid} `) },
      { headers: { ...good.headers, "sandbox-timestamp": String(Date.now() + 1) } },
      { headers: { ...good.headers, "sandbox-nonce": nonce.replace(/^./, (c) => (c === "0" ? "1" : "0")) } },
      { headers: { ...good.headers, "sandbox-signature": signature.replace(/.$/, (c) => (c === "0" ? "1" : "0")) } },
      { headers: { ...good.headers, "sandbox-signature": signature.toUpperCase() } },
      { headers: { ...good.headers, "sandbox-signature": "" } },
      { headers: {} },
      { method: "GET" }
    ]
    for (const change of changes) {
      const refused = await harness.fail(harness.channel.readNotice({ ...good, ...change }))
      expect(refused).toEqual(new NoticeRefused({ why: "bad-signature" }))
    }
  })

  test("cannot be made of a signed answer or request of the same bytes", async () => {
    for (const purpose of ["request /sandbox/api/pay", "answer /sandbox/api/query"] as const) {
      const headers = signatureHeaders(harness.account.signingKey, purpose, paid, Date.now())
      const refused = await harness.fail(harness.channel.readNotice({ ...raw(paid), headers }))
      expect(refused.why).toBe("bad-signature")
    }
  })

  test("that is signed but not as documented is unreadable", async () => {
    for (const body of ["", "[]", "{}", paid.replace("1000", '"1000"'), paid.replace("1000", "1.5"), paid.slice(1)]) {
      expect((await harness.fail(harness.channel.readNotice(raw(body)))).why).toBe("unreadable")
    }
  })

  test("of another status, or without its figures, is news and no payment, whatever stands in it", async () => {
    const bare = JSON.stringify({ type: "trade.paid", order_no: "QR1", payment: null })
    for (const body of [paid.replace("trade.paid", "trade.failed"), bare]) {
      expect(await harness.run(harness.channel.readNotice(raw(body)))).toEqual({ kind: "news", orderNo: "QR1" })
    }
  })
})

describe("an answer of the provider", () => {
  test.each([
    ["whose body was changed", (answer: Answer) => (answer.body = Buffer.from(`${Buffer.from(answer.body)} `))],
    ["without a signature", (answer: Answer) => delete answer.headers["sandbox-signature"]],
    ["signed for another request", (answer: Answer) => (answer.headers["sandbox-nonce"] = "0".repeat(32))],
    ["of another status", (answer: Answer) => Object.assign(answer, { status: 401, headers: {} })]
  ])("%s leaves the charge uncertain", async (_what, meddle) => {
    const other = await startHarness({ meddle })
    try {
      const error = await other.fail(other.channel.charge(newOrder(other)))
      expect(error).toMatchObject({ _tag: "ChannelUncertain", why: "bad-signature" })
    } finally {
      await other.stop()
    }
  })

  test("to one request is not taken for the answer to another", async () => {
    let kept: Answer | undefined
    const other = await startHarness({
      meddle: (answer) => {
        if (kept === undefined) kept = { ...answer }
        else Object.assign(answer, kept)
      }
    })
    try {
      await other.run(other.channel.query(newOrder(other)))
      const error = await other.fail(other.channel.query(newOrder(other)))
      expect(error).toEqual(new ChannelUncertain({ why: "bad-signature", detail: "HTTP 200" }))
    } finally {
      await other.stop()
    }
  })
})

describe("the operator's sandbox pay", () => {
  const pay = (payment: Parameters<typeof sandboxPay>[3], accountId = ACCOUNT_ID) =>
    sandboxPay(harness.account, accountId, harness.gateway, payment)

  test("pays the order and shows the notice and what the gateway answered", async () => {
    const { order } = await charged()
    const done = await harness.run(pay({ orderNo: order.orderNo }))
    expect(done.notices).toHaveLength(1)
    const sent = done.notices[0]
    expect(sent).toMatchObject({
      url: `${harness.gateway.localUrl}/api/notice/${ACCOUNT_ID}`,
      status: 200,
      answer: "success"
    })
    const received = harness.notices.at(-1)
    expect(received?.body).toBe(sent?.body ?? "")
    expect(received?.headers["sandbox-signature"]).toBe(sent?.headers["sandbox-signature"] ?? "")
    expect(await harness.run(harness.channel.query(order))).toMatchObject({ state: "paid" })
  })

  test("sends the same payment as often as it is told, also in a second run", async () => {
    const { order } = await charged()
    const first = await harness.run(pay({ orderNo: order.orderNo, times: 3 }))
    const again = await harness.run(pay({ orderNo: order.orderNo }))
    expect(first.notices).toHaveLength(3)
    expect(new Set([...first.notices, ...again.notices].map((sent) => sent.body)).size).toBe(1)
  })

  test.each([
    ["another amount", { amountFen: 999 }, 200, 999],
    ["a forged signature", { forge: true }, 400, 1_000]
  ])("with %s pays nothing at the provider", async (_what, given, status, amountFen) => {
    const { order } = await charged()
    const done = await harness.run(pay({ orderNo: order.orderNo, ...given }))
    expect(done.notices[0]?.status).toBe(status)
    expect(JSON.parse(done.notices[0]?.body ?? "").payment.amount_fen).toBe(amountFen)
    expect(await harness.run(harness.channel.query(order))).toEqual({ state: "pending" })
  })

  test("reports a late payment of an order that is closed", async () => {
    const { order } = await charged()
    await harness.run(harness.channel.close?.(order) ?? never())
    await harness.run(pay({ orderNo: order.orderNo }))
    expect(harness.notices.at(-1)?.read).toMatchObject({ orderNo: order.orderNo, payment: { amountFen: 1_000 } })
    expect(await harness.run(harness.channel.query(order))).toMatchObject({ state: "paid" })
  })

  test("refuses an order that the sandbox never had, and another account", async () => {
    expect(await harness.fail(pay({ orderNo: "QR0" }))).toBeInstanceOf(ChannelRejected)
    const { order } = await charged()
    expect(await harness.fail(pay({ orderNo: order.orderNo }, "acc_other"))).toBeInstanceOf(ChannelRejected)
  })

  test("says that nobody answers when the gateway is not running", async () => {
    const gone = await startHarness()
    await gone.stop()
    const error = await harness.fail(sandboxPay(gone.account, ACCOUNT_ID, gone.gateway, { orderNo: "QR0" }))
    expect(error).toMatchObject({ _tag: "ChannelUncertain", why: "connection" })
  })
})

type Answer = { status: number; headers: Record<string, string>; body: Uint8Array }

const never = (): never => {
  throw new Error("the sandbox can do this")
}

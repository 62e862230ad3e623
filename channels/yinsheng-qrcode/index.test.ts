import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test"
import { createPublicKey } from "node:crypto"
import { Effect, Schema } from "effect"
import type { Channel, ChannelHttp, ChargeRef, ChargeRequest } from "../../core/channel/index.ts"
import { newOrderNo } from "../../core/domain/order-no.ts"
import { openNoticeDoor } from "../../tests/channels/notice-door.ts"
import { fetchChannelHttp } from "../../tests/harness/fetch-channel-http.ts"
import { startSimulatorServer } from "../protocols/simulator/server.ts"
import { baseString } from "../protocols/ysepay/sign.ts"
import { startYsepaySimulator, type YsepaySimulatorOptions } from "../protocols/ysepay/simulator.ts"
import provider from "./index.ts"

const GATEWAY = { publicUrl: "https://pay.example.com", localUrl: "http://127.0.0.1:1" }

const openAccount = (account: unknown): Channel =>
  Effect.runSync(provider.open(Schema.decodeUnknownSync(provider.account)(account), GATEWAY))
const run = <A, E>(effect: Effect.Effect<A, E, ChannelHttp>): Promise<A> =>
  Effect.runPromise(effect.pipe(Effect.provide(fetchChannelHttp)))
const flip = <A, E>(effect: Effect.Effect<A, E, ChannelHttp>): Promise<E> => run(Effect.flip(effect))

const world = async (options: YsepaySimulatorOptions = {}) => {
  const simulator = await startYsepaySimulator({ pushEveryMs: 20, ...options })
  const channel = openAccount(simulator.account())
  const receiver = await openNoticeDoor(channel)
  return {
    simulator,
    channel,
    receiver,
    stop: async () => {
      await receiver.stop()
      await simulator.stop()
    }
  }
}

let serial = 0
const order = (channel: Channel, noticeUrl: string, change: Partial<ChargeRequest> = {}) => {
  const createdAt = new Date()
  const orderNo = newOrderNo("QR", 7, createdAt.getTime(), serial++)
  const reference = channel.reference?.({ orderNo, createdAt }) ?? {}
  const request: ChargeRequest = {
    orderNo,
    code: "YINSHENG_QRCODE",
    amountFen: 1_234,
    description: '在线支付 "A&B" 100%',
    createdAt,
    expiresAt: new Date(createdAt.getTime() + 30 * 60_000),
    remainingMs: 30 * 60_000,
    noticeUrl,
    returnUrl: "https://pay.example.com/return",
    clientIp: "203.0.113.7",
    reference,
    ...change
  }
  const ref: ChargeRef = { ...request, channelTradeNo: null }
  return { request, ref, no: String(reference.out_trade_no) }
}

let here: Awaited<ReturnType<typeof world>>
beforeAll(async () => {
  here = await world()
})
afterEach(() => here.simulator.clearFaults())
afterAll(() => here.stop())
const place = (change: Partial<ChargeRequest> = {}) => order(here.channel, here.receiver.noticeUrl, change)
const required = <T>(method: T | undefined): T => {
  if (method === undefined) throw new Error("the channel lacks a method")
  return method
}

describe("an order", () => {
  test("is shown as the wallet's own code, is paid, and a signed notice hints at the payment that a query reports", async () => {
    const { request, ref, no } = place()
    expect(await run(here.channel.charge(request))).toEqual({
      kind: "qrcode",
      content: `${here.simulator.origin}/pay/${no}`
    })
    expect(await run(here.channel.query(ref))).toEqual({ state: "pending" })
    const trade = await here.simulator.pay(no)
    expect(trade.notices.map(({ acknowledged, answer }) => ({ acknowledged, answer }))).toEqual([
      { acknowledged: true, answer: { status: 200, body: "success" } }
    ])
    const payment = { channelTradeNo: trade.tradeNo, amountFen: 1_234, currency: "CNY" }
    expect(here.receiver.notices.at(-1)).toEqual({ kind: "hint", orderNo: request.orderNo })
    expect(await run(here.channel.query(ref))).toMatchObject({ state: "paid", payment })
    expect(here.simulator.mistakes).toEqual([])
  })

  test("is stored with its key, which stays the same on later days", () => {
    expect(here.channel.reference?.({ orderNo: "QR20261124235959ABCDEFGH", createdAt: new Date(0) })).toEqual({
      out_trade_no: "20261124QR235959ABCDEFGH",
      shopdate: "20261124"
    })
  })

  test("is for the wallet that its code and the account name", async () => {
    const chosen = openAccount({ ...here.simulator.account(), bankType: "9001002" })
    const bankOf = async (channel: Channel, code: string) => {
      const { request, no } = place({ code })
      await run(channel.charge(request))
      return here.simulator.book.get(no)?.bankType
    }
    expect(await bankOf(here.channel, "YINSHENG_QRCODE")).toBe("1903000")
    expect(await bankOf(chosen, "YINSHENG_QRCODE")).toBe("9001002")
    expect(await bankOf(chosen, "wxpay_native")).toBe("1902000")
  })

  test("may have any amount from one fen to a hundred million yuan", async () => {
    for (const amountFen of [1, 10, 99, 100, 10_000_000_000]) {
      const { request, ref, no } = place({ amountFen })
      await run(here.channel.charge(request))
      await here.simulator.pay(no)
      expect(await run(here.channel.query(ref))).toMatchObject({ state: "paid", payment: { amountFen } })
    }
    expect(here.simulator.mistakes).toEqual([])
  })
})

describe("a charge", () => {
  test.each([
    ["processing", "server-error", "pending"],
    ["busy", "server-error", "absent"],
    ["gateway-error", "server-error", "absent"],
    ["cut-answer", "connection", "pending"],
    ["http-500-done", "server-error", "pending"],
    ["half-answer", "unreadable", "pending"],
    ["wrong-signature", "bad-signature", "pending"],
    ["unsigned", "bad-signature", "pending"],
    ["other-order", "unreadable", "pending"],
    ["other-amount", "unreadable", "pending"]
  ] as const)("that is answered with %s is uncertain (%s), and its query says %s", async (fault, why, state) => {
    const { request, ref, no } = place()
    here.simulator.inject({ fault, outTradeNo: no })
    // A runtime may repeat a request whose connection broke. The repetition is refused, which is uncertain as well.
    const whys = fault === "cut-answer" ? [why, "server-error"] : [why]
    const failure = await flip(here.channel.charge(request))
    expect(failure).toMatchObject({ _tag: "ChannelUncertain" })
    expect(whys).toContain(failure._tag === "ChannelUncertain" ? failure.why : "")
    expect(await run(here.channel.query(ref))).toEqual({ state })
  })

  test("that is refused with a signed 40004 was never made", async () => {
    const { request, ref, no } = place()
    here.simulator.inject({ fault: "refused", outTradeNo: no, call: "qrcodepay" })
    expect(await flip(here.channel.charge(request))).toMatchObject({
      _tag: "ChannelRejected",
      reason: "40004 Business Failed 7990 没找到路由"
    })
    expect(await run(here.channel.query(ref))).toEqual({ state: "absent" })
  })

  test("that is sent again after its answer was lost is not taken for refused", async () => {
    const { request, no } = place()
    here.simulator.inject({ fault: "wrong-signature", outTradeNo: no, call: "qrcodepay" })
    await flip(here.channel.charge(request))
    expect(await flip(here.channel.charge(request))).toMatchObject({ _tag: "ChannelUncertain", why: "server-error" })
    await here.simulator.pay(no)
    expect(await flip(here.channel.charge(request))).toMatchObject({ _tag: "ChannelUncertain", why: "server-error" })
    expect(here.simulator.book.get(no)?.creates).toBe(3)
  })

  test("that is refused while nobody can say whether it exists is uncertain", async () => {
    const { request, no } = place()
    here.simulator.inject({ fault: "refused", outTradeNo: no, call: "qrcodepay" })
    here.simulator.inject({ fault: "busy", outTradeNo: no, call: "order.query" })
    expect(await flip(here.channel.charge(request))).toMatchObject({ _tag: "ChannelUncertain" })
  })

  test("to a host that refuses the connection is a definite no", async () => {
    const gone = await startYsepaySimulator()
    const channel = openAccount(gone.account())
    await gone.stop()
    expect(await flip(channel.charge(place().request))).toMatchObject({ _tag: "ChannelRejected" })
  })

  test("signed with another key, or with the wrong host for the method, is never taken for a success or a no", async () => {
    const strict = await startYsepaySimulator()
    const account = strict.account()
    const others = here.simulator.account()
    const misfits = [
      { ...account, privateKey: others.privateKey },
      { ...account, platformCertificate: others.platformCertificate },
      { ...account, gateways: { ...account.gateways, pay: account.gateways.search } },
      { ...account, partnerId: "somebody_else" }
    ]
    for (const misfit of misfits) {
      expect(await flip(openAccount(misfit).charge(place().request))).toMatchObject({ _tag: "ChannelUncertain" })
    }
    expect(strict.mistakes).toEqual([
      "isv.invalid-signature",
      "ysepay.online.qrcodepay on the host of search",
      "unknown partner_id"
    ])
    await strict.stop()
  })
})

describe("a query", () => {
  test.each([
    "processing",
    "busy",
    "gateway-error",
    "cut-answer",
    "http-500-done",
    "half-answer",
    "wrong-signature",
    "other-order",
    "refused"
  ] as const)("that is answered with %s is uncertain, whatever the order's state", async (fault) => {
    const { request, ref, no } = place()
    await run(here.channel.charge(request))
    await here.simulator.pay(no)
    here.simulator.inject({ fault, outTradeNo: no, times: 2 })
    expect(await flip(here.channel.query(ref))).toMatchObject({ _tag: "ChannelUncertain" })
  })

  test("follows a payment that is late to succeed, and one that fails in their spelling", async () => {
    const late = place()
    here.simulator.inject({ fault: "late-success", outTradeNo: late.no })
    await run(here.channel.charge(late.request))
    await here.simulator.pay(late.no)
    const states: Array<string> = []
    for (let i = 0; i < 3; i++) states.push((await run(here.channel.query(late.ref))).state)
    expect(states).toEqual(["pending", "pending", "paid"])

    const failed = place()
    here.simulator.inject({ fault: "payment-fails", outTradeNo: failed.no })
    await run(here.channel.charge(failed.request))
    await here.simulator.pay(failed.no)
    expect(await run(here.channel.query(failed.ref))).toEqual({ state: "failed", reason: "余额不足" })
    expect(here.receiver.notices.at(-1)).toEqual({ kind: "news", orderNo: failed.request.orderNo })
  })

  test("of an order that was never sent says absent", async () => {
    expect(await run(here.channel.query(place().ref))).toEqual({ state: "absent" })
  })

  test.each(["wrong-signature", "unsigned"] as const)(
    "whose answer is %s is asked again by trade.query, whose word counts where it verifies",
    async (fault) => {
      const { request, ref, no } = place()
      await run(here.channel.charge(request))
      here.simulator.inject({ fault, outTradeNo: no, call: "order.query" })
      expect(await run(here.channel.query(ref))).toEqual({ state: "pending" })
      const { tradeNo } = await here.simulator.pay(no)
      here.simulator.inject({ fault, outTradeNo: no, call: "order.query" })
      expect(await run(here.channel.query(ref))).toMatchObject({
        state: "paid",
        payment: { channelTradeNo: tradeNo, amountFen: 1_234, currency: "CNY" }
      })
    }
  )

  test("reports a wrong amount as it was paid, for the core to judge", async () => {
    const { request, ref, no } = place()
    here.simulator.inject({ fault: "wrong-amount", outTradeNo: no })
    await run(here.channel.charge(request))
    await here.simulator.pay(no)
    expect(await run(here.channel.query(ref))).toMatchObject({ payment: { amountFen: 1_235 } })
    expect(here.receiver.notices.at(-1)).toEqual({ kind: "hint", orderNo: request.orderNo })
  })

  test("reads numeric amounts, escaped slashes, and the fee from the settlement amount", async () => {
    const odd = await world({ numericAmounts: true, escapeSlashes: true })
    const channel = openAccount({ ...odd.simulator.account(), feeFrom: "settlement" })
    const { request, ref, no } = order(channel, odd.receiver.noticeUrl, { amountFen: 1_010 })
    expect(await run(channel.charge(request))).toMatchObject({
      kind: "qrcode",
      content: `${odd.simulator.origin}/pay/${no}`
    })
    await odd.simulator.pay(no)
    expect(await run(channel.query(ref))).toMatchObject({ state: "paid", payment: { amountFen: 1_010, feeFen: 4 } })
    await odd.stop()
  })
})

describe("a notice", () => {
  const paidOrder = async () => {
    const placed = place()
    await run(here.channel.charge(placed.request))
    await here.simulator.pay(placed.no, { notify: false })
    return placed
  }
  const read = (body: string) =>
    Effect.runSync(
      Effect.result(
        here.channel.readNotice({ method: "POST", headers: {}, body: Buffer.from(body), receivedAt: new Date(0) })
      )
    )

  test("is pushed again, each time with a new time and signature, until the answer is exactly success", async () => {
    const answers = ["SUCCESS", "fail", "success"]
    const bodies: Array<string> = []
    const done = Promise.withResolvers<void>()
    const door = await startSimulatorServer(({ body }) => {
      bodies.push(body.toString())
      if (bodies.length === answers.length) done.resolve()
      return { status: 200, body: answers[bodies.length - 1] ?? "" }
    })
    let nowMs = Date.now()
    const simulator = await startYsepaySimulator({
      pushEveryMs: 1,
      nowMs: () => {
        nowMs += 1_000 // a second passes whenever the simulator looks at its clock
        return nowMs
      }
    })
    const channel = openAccount(simulator.account())
    const { request, no } = order(channel, `${door.origin}/`)
    await run(channel.charge(request))
    const trade = await simulator.pay(no)
    expect(trade.notices[0]).toMatchObject({ acknowledged: false, answer: { body: "SUCCESS" } })
    await done.promise
    await simulator.stop()
    await door.stop()
    expect(new Set(bodies.map((body) => new URLSearchParams(body).get("sign"))).size).toBe(3)
    const heard = bodies.map((body) => {
      const raw = { method: "POST", headers: {}, body: Buffer.from(body), receivedAt: new Date() }
      return Effect.runSync(channel.readNotice(raw))
    })
    expect(heard).toEqual(Array.from({ length: 3 }, () => ({ kind: "hint", orderNo: request.orderNo })))
  })

  test("that is forged is refused, and the real one after it is accepted", async () => {
    const { request, no } = place()
    here.simulator.inject({ fault: "stranger-notice", outTradeNo: no })
    await run(here.channel.charge(request))
    const before = here.receiver.notices.length
    const trade = await here.simulator.pay(no)
    expect(here.receiver.notices.slice(before)).toMatchObject([
      { _tag: "NoticeRefused", why: "bad-signature" },
      { kind: "hint", orderNo: request.orderNo }
    ])
    expect(trade.notices.map(({ forged, acknowledged }) => [forged, acknowledged])).toEqual([
      [true, false],
      [false, true]
    ])
  })

  test.each(["TRADE_CLOSED", "WAIT_BUYER_PAY", "TRADE_PROCESS", "TRADE_FAILD", "TRADE_ALL_REFUND"])(
    "of %s is news",
    async (trade_status) => {
      const { request, no } = await paidOrder()
      expect(read(here.simulator.notice(no, { trade_status }))).toMatchObject({
        success: { kind: "news", orderNo: request.orderNo }
      })
    }
  )

  test.each([
    ["another seller", { seller_id: "somebody_else" }, "not-ours"],
    ["another partner", { partner_id: "somebody_else" }, "not-ours"],
    ["another seller, as our partner", { seller_id: "somebody_else", partner_id: "shanghu_test" }, "not-ours"],
    ["an order number that is none of ours", { out_trade_no: "JY_2021111912473678220016" }, "not-ours"]
  ])("about %s is refused although it is signed", async (_, change, why) => {
    const { no } = await paidOrder()
    expect(read(here.simulator.notice(no, change))).toMatchObject({ failure: { _tag: "NoticeRefused", why } })
  })

  test.each<[string, Record<string, string>]>([
    ["no receiver", {}],
    ["our seller", { seller_id: "shanghu_test" }],
    ["our seller and partner", { seller_id: "shanghu_test", partner_id: "shanghu_test" }],
    ["no trade number", { trade_no: "" }],
    ["another amount", { total_amount: "99999.99" }]
  ])("that says paid and names %s is a hint, of which only the order number counts", async (_, change) => {
    const { request, no } = await paidOrder()
    expect(read(here.simulator.notice(no, change))).toMatchObject({
      success: { kind: "hint", orderNo: request.orderNo }
    })
  })

  test("into which another merchant has written our seller and order number is a hint at most", async () => {
    const { request, no } = await paidOrder()
    const { sellerId } = here.simulator.account()
    // The other merchant was paid, and chose what is echoed so that the signed text holds a notice of ours.
    const forged = `x&notify_type=directpay.status.sync&out_trade_no=${no}&seller_id=${sellerId}&sign_type=RSA&total_amount=12.34&trade_no=T&trade_status=TRADE_SUCCESS&zz=`
    const theirs = { out_trade_no: "20261124XX000000AAAAAAAA", seller_id: "somebody_else", extra_common_param: forged }
    const form = new URLSearchParams(here.simulator.notice(no, theirs))
    expect(read(form.toString())).toMatchObject({ failure: { why: "not-ours" } })
    // The same signed text, divided so that all that follows theirs is the value of one field that nobody reads.
    const sign = form.get("sign") ?? ""
    const [before = "", after = ""] = baseString(form).split(forged)
    const parts = `${before}${forged.slice(0, -"&zz=".length)}`.split("&").map((part): [string, string] => {
      const equals = part.indexOf("=")
      return [part.slice(0, equals), part.slice(equals + 1)]
    })
    const divided = new URLSearchParams([...parts, ["zz", after], ["sign", sign]])
    expect(read(divided.toString())).toMatchObject({ success: { kind: "hint", orderNo: request.orderNo } })
  })
})

describe("a close", () => {
  const close = required<NonNullable<Channel["close"]>>((ref) => required(here.channel.close)(ref))

  test("closes an unpaid order, and again", async () => {
    const { request, ref, no } = place()
    await run(here.channel.charge(request))
    expect(await run(close(ref))).toEqual({ state: "closed" })
    expect(await run(close(ref))).toEqual({ state: "closed" })
    expect(await run(here.channel.query(ref))).toEqual({ state: "closed" })
    expect(here.simulator.pay(no)).rejects.toThrow("cannot be paid")
  })

  test("says paid when the payment came first, though the close was answered with 10000", async () => {
    const before = place()
    await run(here.channel.charge(before.request))
    await here.simulator.pay(before.no)
    expect(await run(close(before.ref))).toEqual({ state: "paid" })

    const racing = place()
    here.simulator.inject({ fault: "paid-while-closing", outTradeNo: racing.no })
    await run(here.channel.charge(racing.request))
    expect(await run(close(racing.ref))).toEqual({ state: "paid" })
  })

  test("of an order that never reached the provider is closed", async () => {
    expect(await run(close(place().ref))).toEqual({ state: "closed" })
  })

  test("is uncertain when either of its two calls is", async () => {
    const { request, ref, no } = place()
    await run(here.channel.charge(request))
    here.simulator.inject({ fault: "busy", outTradeNo: no, call: "trade.close" })
    expect(await flip(close(ref))).toMatchObject({ _tag: "ChannelUncertain" })
    here.simulator.inject({ fault: "wrong-signature", outTradeNo: no, call: "query", times: 2 })
    expect(await flip(close(ref))).toMatchObject({ _tag: "ChannelUncertain" })
  })

  test("does not stop a late payment, which still reaches the gateway as one", async () => {
    const { request, ref, no } = place()
    here.simulator.inject({ fault: "late-payment", outTradeNo: no })
    await run(here.channel.charge(request))
    expect(await run(close(ref))).toEqual({ state: "closed" })
    await here.simulator.pay(no)
    expect(here.receiver.notices.at(-1)).toEqual({ kind: "hint", orderNo: request.orderNo })
    expect(await run(here.channel.query(ref))).toMatchObject({ state: "paid" })
  })
})

describe("a refund", () => {
  const paid = async () => {
    const placed = place()
    await run(here.channel.charge(placed.request))
    const trade = await here.simulator.pay(placed.no)
    return { ...placed, ref: { ...placed.ref, channelTradeNo: trade.tradeNo } }
  }
  const send = (charge: ChargeRef, refundNo: string, refundFen: number) =>
    required(here.channel.refund)({ charge, refundNo, refundFen, reason: "退货", noticeUrl: here.receiver.noticeUrl })
  const ask = (charge: ChargeRef, refundNo: string) => required(here.channel.queryRefund)({ charge, refundNo })

  test("is accepted, then in process, then done, and its own notice changes nothing", async () => {
    const { ref, request } = await paid()
    const before = here.receiver.notices.length
    expect(await run(send(ref, "RF1", 1_000))).toEqual({ state: "pending" })
    expect(await run(ask(ref, "RF1"))).toEqual({ state: "pending" })
    expect(await run(ask(ref, "RF1"))).toMatchObject({ state: "refunded", refundFen: 1_000, at: null })
    await here.receiver.until(() => here.receiver.notices.length > before)
    expect(here.receiver.notices.slice(before)).toEqual([{ kind: "news", orderNo: request.orderNo }])
    expect(await run(here.channel.query(ref))).toMatchObject({ state: "paid", payment: { amountFen: 1_234 } })
    expect(await run(send(ref, "RF1", 1_000))).toEqual({ state: "pending" })
    expect(here.simulator.book.get(String(ref.reference.out_trade_no))?.refunds.size).toBe(1)
  })

  test("of more than was paid is refused, and one that fails is reported as failed", async () => {
    const { ref } = await paid()
    expect(await flip(send(ref, "RF2", 1_235))).toMatchObject({ _tag: "ChannelRejected" })

    const doomed = place()
    here.simulator.inject({ fault: "refund-fails", outTradeNo: doomed.no })
    await run(here.channel.charge(doomed.request))
    await here.simulator.pay(doomed.no)
    await run(send(doomed.ref, "RF3", 1))
    await run(ask(doomed.ref, "RF3"))
    expect(await run(ask(doomed.ref, "RF3"))).toEqual({ state: "failed", reason: "fail" })
  })

  test("whose answer was lost is uncertain, and pending when its repetition is refused", async () => {
    const { ref, no } = await paid()
    here.simulator.inject({ fault: "half-answer", outTradeNo: no, call: "trade.refund" })
    expect(await flip(send(ref, "RF4", 5))).toMatchObject({ _tag: "ChannelUncertain" })
    here.simulator.inject({ fault: "refused", outTradeNo: no, call: "trade.refund" })
    expect(await run(send(ref, "RF4", 5))).toEqual({ state: "pending" })
  })

  test("that the provider never heard of is uncertain", async () => {
    const { ref } = await paid()
    expect(await flip(ask(ref, "RF5"))).toMatchObject({ _tag: "ChannelUncertain" })
  })
})

test("a bill comes as the bytes that the provider gave", async () => {
  const bill = await run(required(here.channel.downloadBill)({ date: "2026-11-23" }))
  expect(bill.fileName).toBe("yinsheng-2026-11-23-2026-11-23.csv")
  expect(Buffer.from(bill.content).toString("hex")).toStartWith("d2f8caa2")
})

describe("an account", () => {
  const problem = (change: Readonly<Record<string, unknown>>) => {
    const account = Schema.decodeUnknownSync(provider.account)({ ...here.simulator.account(), ...change })
    return Effect.runSync(Effect.flip(provider.open(account, GATEWAY)))
  }

  test("reaches its gateways' hosts and no others; by default they are the production ones", () => {
    const { gateways, ...rest } = here.simulator.account()
    const hosts = (account: unknown) => provider.egress(Schema.decodeUnknownSync(provider.account)(account), GATEWAY)
    expect(hosts({ ...rest, billHosts: ["bill.ysepay.com"] })).toEqual([
      "qrcode.ysepay.com",
      "openapi.ysepay.com",
      "search.ysepay.com",
      "bill.ysepay.com"
    ])
    expect(new Set(hosts({ ...rest, gateways }))).toEqual(new Set([new URL(here.simulator.origin).host]))
  })

  test("says which field cannot work", () => {
    const { platformCertificate } = here.simulator.account()
    expect(problem({ privateKey: platformCertificate })).toMatchObject({ field: "privateKey" })
    expect(problem({ platformCertificate: here.simulator.account().privateKey })).toMatchObject({
      field: "platformCertificate"
    })
    expect(problem({ versions: { "ysepay.online.qrcode": "3.4" } })).toMatchObject({ field: "versions" })
  })

  test.each([
    ["no partnerId", { partnerId: "" }],
    ["a partnerId with a space behind it", { partnerId: "shanghu_test " }],
    ["a gateway over plain http", { gateways: { pay: "http://qrcode.ysepay.com/gateway.do" } }],
    ["a gateway with credentials", { gateways: { pay: "https://me:secret@qrcode.ysepay.com/gateway.do" } }],
    ["a gateway whose port does not exist", { gateways: { pay: "http://localhost:99999/gateway.do" } }],
    ["a gateway that is no URL", { gateways: { search: "https://[::1/gateway.do" } }],
    ["a wallet's name for a bank_type", { bankType: "alipay" }]
  ])("with %s is not taken", (_, change) => {
    expect(() => Schema.decodeUnknownSync(provider.account)({ ...here.simulator.account(), ...change })).toThrow()
  })

  test("sends the version that Yinsheng named for the method", async () => {
    const { request } = place()
    await run(
      openAccount({ ...here.simulator.account(), versions: { "ysepay.online.qrcodepay": "3.4" } }).charge(request)
    )
  })

  test("shows no secret when it is printed", () => {
    const account = here.simulator.account()
    const decoded = Schema.decodeUnknownSync(provider.account)({ ...account, password: "hunter2hunter2" })
    const printed = `${JSON.stringify(decoded)}${String(decoded.privateKey)}${Bun.inspect(decoded)}`
    expect(printed).not.toContain("hunter2")
    expect(printed).not.toContain(account.privateKey.slice(40, 80))
  })
})

test("100 orders through 30 % faults end as the provider's own book says", async () => {
  const rough = await world({ chance: { probability: 0.3, seed: 20261124 } })
  const { channel, simulator, receiver } = rough
  const ends = new Map<string, string>()
  for (let i = 0; i < 100; i++) {
    const { request, ref, no } = order(channel, receiver.noticeUrl, { amountFen: 100 + i })
    // Chance draws them seldom, so some are planned: payments that fail in the provider's spelling.
    if (i % 20 === 7) simulator.inject({ fault: "payment-fails", outTradeNo: no })
    const charged = await run(Effect.result(channel.charge(request)))
    if (charged._tag === "Failure" && charged.failure._tag === "ChannelRejected") {
      ends.set(no, "absent")
      continue
    }
    // Two of three payers pay, if the order exists at all; a payer who saw no code cannot.
    if (charged._tag === "Success" && i % 3 > 0) await simulator.pay(no)
    else if (i % 2 === 0) await run(Effect.result(required(channel.close)(ref)))
    // Reconcile: query until it knows. An unpaid order stays pending, so the number of queries is bounded.
    let end = "unknown"
    for (let tries = 0; tries < 12 && !["paid", "closed", "failed", "absent"].includes(end); tries++) {
      const asked = await run(Effect.result(channel.query(ref)))
      if (asked._tag === "Success") {
        end = asked.success.state
        if (asked.success.state === "paid")
          end = `paid ${asked.success.payment.amountFen} ${asked.success.payment.channelTradeNo}`
        if (end.startsWith("paid")) break
      }
    }
    ends.set(no, end)
  }
  const truth = (no: string) => {
    const trade = simulator.book.get(no)
    switch (trade?.status) {
      case undefined:
        return "absent"
      case "TRADE_SUCCESS":
        return `paid ${trade.paidFen} ${trade.tradeNo}`
      case "TRADE_CLOSED":
        return "closed"
      case "TRADE_FAILD":
        return "failed"
      default:
        return "pending"
    }
  }
  expect(Object.fromEntries(ends)).toEqual(Object.fromEntries([...ends.keys()].map((no) => [no, truth(no)])))
  // The run proves something only if every end occurs.
  expect(new Set([...ends.values()].map((end) => end.split(" ")[0]))).toEqual(
    new Set(["paid", "pending", "closed", "failed", "absent"])
  )
  for (const trade of simulator.book.values()) {
    if (trade.notices.some((notice) => notice.forged)) expect(trade.notices.some((n) => n.acknowledged)).toBe(true)
  }
  expect(simulator.mistakes).toEqual([])
  await rough.stop()
}, 60_000)

test("an account with our own key in the place of Yinsheng's is refused, and the sentence says which file to give", async () => {
  const account = here.simulator.account()
  const platformCertificate = createPublicKey(account.privateKey).export({ type: "spki", format: "pem" }).toString()
  expect(() => openAccount({ ...account, platformCertificate })).toThrow(/our own key.*businessgate\.cer/)
})

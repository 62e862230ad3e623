import { afterEach, describe, expect, test } from "bun:test"
import { Effect } from "effect"
import {
  cleanUp,
  closeOf,
  OPENID,
  outcome,
  paramsOf,
  queryRefundOf,
  refOf,
  refundOf,
  requestOf,
  run,
  type YinshengHouse,
  yinshengHouse
} from "../../tests/channels/wechat-jsapi-house.ts"
import type { YsepayCallFault } from "../protocols/ysepay/simulator-faults.ts"

afterEach(cleanUp)

const tradeNoOf = ({ reference }: { readonly reference: Readonly<Record<string, unknown>> }) =>
  String(reference.out_trade_no)

test("a payer in an official account pays through Yinsheng, and the notice is a hint to ask the query, which says so", async () => {
  const it = await yinshengHouse()
  const request = requestOf(it)
  const params = paramsOf(await run(it.channel.charge(request)))
  expect(Math.abs(Number(params.timeStamp) - Date.now() / 1000)).toBeLessThan(60)
  expect(params).toEqual({
    appId: "wx8888888888888888",
    timeStamp: expect.stringMatching(/^\d{10}$/),
    nonceStr: "n",
    package: "prepay_id=p",
    signType: "RSA",
    paySign: "s"
  })
  expect(await run(it.channel.query(refOf(request)))).toEqual({ state: "pending" })
  const trade = await it.yinsheng.pay(tradeNoOf(request))
  expect(trade.notices).toMatchObject([{ acknowledged: true }])
  expect(it.notices).toEqual([{ kind: "hint", orderNo: request.orderNo }])
  expect(await run(it.channel.query(refOf(request)))).toMatchObject({
    state: "paid",
    payment: { channelTradeNo: trade.tradeNo, amountFen: request.amountFen }
  })
  expect(it.yinsheng.mistakes).toEqual([])
})

test("an out_trade_no begins with the day, and the order keeps its shop date for every later call", async () => {
  const it = await yinshengHouse()
  const { orderNo, reference } = requestOf(it)
  expect(reference).toEqual({
    out_trade_no: `${orderNo.slice(2, 10)}WX${orderNo.slice(10)}`,
    shopdate: orderNo.slice(2, 10)
  })
})

test.each([
  ["a mini-program's payer", { miniProgram: true }, {}, { is_minipg: "1", payer_ip: "203.0.113.1" }],
  ["an official account's payer", { miniProgram: false }, {}, { is_minipg: "2", payer_ip: "203.0.113.1" }],
  ["an older version", { miniProgram: false }, { payerIpField: "submer_ip" }, { submer_ip: "203.0.113.1" }],
  ["no address", { miniProgram: false }, { payerIpField: "none" }, { payer_ip: undefined, submer_ip: undefined }]
])("%s is told to Yinsheng in its own words", async (_who, jsapi, settings, expected) => {
  const sent: Array<Record<string, string>> = []
  const realFetch = globalThis.fetch
  globalThis.fetch = ((url: string, init: RequestInit) => {
    const biz = new URLSearchParams(String(init.body)).get("biz_content")
    if (biz !== null) sent.push(JSON.parse(biz))
    return realFetch(url, init)
  }) as typeof fetch
  try {
    const it = await yinshengHouse(settings)
    await run(it.channel.charge(requestOf(it, { jsapi: { appId: null, openid: OPENID, ...jsapi } })))
    expect(sent).toHaveLength(1)
    expect(sent[0]).toMatchObject({ appid: "wx8888888888888888", sub_openid: OPENID })
    expect({ ...sent[0], ...expected }).toEqual(sent[0] as never)
    expect(Object.keys(sent[0] ?? {})).not.toContain("bank_type")
    expect(it.yinsheng.mistakes).toEqual([])
  } finally {
    globalThis.fetch = realFetch
  }
})

describe("a charge", () => {
  const expected = {
    refused: "ChannelRejected",
    processing: "ChannelUncertain server-error",
    busy: "ChannelUncertain server-error",
    "gateway-error": "ChannelUncertain server-error",
    "cut-answer": "ChannelUncertain connection",
    "http-500-done": "ChannelUncertain server-error",
    "half-answer": "ChannelUncertain unreadable",
    "wrong-signature": "ChannelUncertain bad-signature",
    unsigned: "ChannelUncertain bad-signature",
    "other-order": "ChannelUncertain unreadable",
    "other-amount": "ChannelUncertain unreadable"
  } satisfies Partial<Record<YsepayCallFault, string>>
  test.each(Object.entries(expected))("that meets %s is %s", async (fault, result) => {
    const it = await yinshengHouse()
    it.yinsheng.inject({ fault: fault as YsepayCallFault, call: "weixin.pay" })
    expect(await outcome(it.channel.charge(requestOf(it)))).toBe(result)
  })

  test("that is sent again after its answer was lost is not taken for refused: the order is there", async () => {
    const it = await yinshengHouse()
    it.yinsheng.inject({ fault: "cut-answer", call: "weixin.pay" })
    const request = requestOf(it)
    await outcome(it.channel.charge(request))
    expect(await outcome(it.channel.charge(request))).toBe("ChannelUncertain server-error")
    expect(await run(it.channel.query(refOf(request)))).toEqual({ state: "pending" })
  })

  test("under an AppID that the account does not list is refused, and nothing is sent", async () => {
    const it = await yinshengHouse()
    const jsapi = { appId: "wx9999999999999999", openid: OPENID, miniProgram: false }
    const request = requestOf(it, { jsapi })
    expect(await outcome(it.channel.charge(request))).toBe("ChannelRejected")
    expect(it.yinsheng.book.size).toBe(0)
  })
})

describe("a query", () => {
  test("says absent, closed, failed and the wrong amount as they are", async () => {
    const it = await yinshengHouse()
    expect(await run(it.channel.query(refOf(requestOf(it))))).toEqual({ state: "absent" })
    const closed = requestOf(it)
    await run(it.channel.charge(closed))
    expect(await run(closeOf(it, closed))).toEqual({ state: "closed" })
    expect(await run(it.channel.query(refOf(closed)))).toEqual({ state: "closed" })
    for (const [fault, state] of [
      ["payment-fails", { state: "failed", reason: "余额不足" }],
      ["wrong-amount", { state: "paid" }]
    ] as const) {
      const request = requestOf(it)
      it.yinsheng.inject({ fault, outTradeNo: tradeNoOf(request) })
      await run(it.channel.charge(request))
      await it.yinsheng.pay(tradeNoOf(request), { notify: false })
      const answer = await run(it.channel.query(refOf(request)))
      expect(answer).toMatchObject(state)
      if (answer.state === "paid") expect(answer.payment.amountFen).toBe(request.amountFen + 1)
    }
  })

  test.each(["wrong-signature", "http-500-done", "processing", "other-order", "half-answer"] as const)(
    "that meets %s is uncertain, even of a paid order",
    async (fault) => {
      const it = await yinshengHouse()
      const request = requestOf(it)
      await run(it.channel.charge(request))
      await it.yinsheng.pay(tradeNoOf(request), { notify: false })
      it.yinsheng.inject({ fault, call: "query", times: 2 })
      expect(await outcome(it.channel.query(refOf(request)))).toStartWith("ChannelUncertain")
    }
  )
})

test("a close says paid when a payment came first", async () => {
  const it = await yinshengHouse()
  const request = requestOf(it)
  it.yinsheng.inject({ fault: "paid-while-closing", outTradeNo: tradeNoOf(request) })
  await run(it.channel.charge(request))
  expect(await run(closeOf(it, request))).toEqual({ state: "paid" })
})

describe("a notice", () => {
  const paid = async (it: YinshengHouse, change?: Readonly<Record<string, string>>) => {
    const request = requestOf(it)
    await run(it.channel.charge(request))
    await it.yinsheng.pay(tradeNoOf(request), { notify: false })
    const body = it.yinsheng.notice(tradeNoOf(request), change)
    const answer = await fetch(it.noticeUrl, { method: "POST", body })
    return { request, status: answer.status, text: await answer.text() }
  }

  test("that is forged is refused", async () => {
    const it = await yinshengHouse()
    const request = requestOf(it)
    it.yinsheng.inject({ fault: "stranger-notice", outTradeNo: tradeNoOf(request) })
    await run(it.channel.charge(request))
    const { notices } = await it.yinsheng.pay(tradeNoOf(request))
    expect(notices).toMatchObject([
      { forged: true, acknowledged: false },
      { forged: false, acknowledged: true }
    ])
    expect(it.notices).toMatchObject([{ why: "bad-signature" }, { orderNo: request.orderNo }])
  })

  test("of another receiver, or with a number that is none of ours, is not ours though it is signed", async () => {
    const it = await yinshengHouse()
    expect(await paid(it, { seller_id: "somebody" })).toMatchObject({ text: "fail" })
    expect(await paid(it, { out_trade_no: "20260315-else" })).toMatchObject({ text: "fail" })
    expect(it.notices).toMatchObject([{ why: "not-ours" }, { why: "not-ours" }])
  })

  test("of a state that is not paid, and of a refund, is acknowledged and carries no payment", async () => {
    const it = await yinshengHouse()
    expect(await paid(it, { trade_status: "WAIT_BUYER_PAY" })).toMatchObject({ status: 200, text: "success" })
    expect(await paid(it, { notify_type: "refund.status.sync" })).toMatchObject({ status: 200, text: "success" })
    expect(it.notices).toMatchObject([{ kind: "news" }, { kind: "news" }])
  })
})

test("a refund is accepted, then refunded; its notice carries no payment; one too many is refused", async () => {
  const it = await yinshengHouse()
  const request = requestOf(it)
  await run(it.channel.charge(request))
  const { tradeNo } = await it.yinsheng.pay(tradeNoOf(request), { notify: false })
  const charge = refOf(request, { channelTradeNo: tradeNo })
  expect(await run(refundOf(it, charge, "R1", 400))).toEqual({ state: "pending" })
  expect(await run(queryRefundOf(it, charge, "R1"))).toEqual({ state: "pending" })
  expect(await run(queryRefundOf(it, charge, "R1"))).toMatchObject({ state: "refunded", refundFen: 400 })
  expect(await run(it.channel.query(charge))).toMatchObject({ state: "paid" })
  expect(await outcome(refundOf(it, charge, "R2", request.amountFen))).toBe("ChannelRejected")
  expect(await outcome(queryRefundOf(it, charge, "R2"))).toBe("ChannelUncertain server-error")
})

test("a bill comes byte for byte, in whatever encoding it has", async () => {
  const it = await yinshengHouse()
  const bill = await run(it.channel.downloadBill?.({ date: "2026-03-15" }) ?? Effect.die("none"))
  expect([...bill.content.subarray(0, 4)]).toEqual([0xd2, 0xf8, 0xca, 0xa2])
})

test("an account with a version of an unknown method, or with a damaged key, is refused by name", async () => {
  await expect(yinshengHouse({ versions: { "ysepay.online.nothing": "3.0" } })).rejects.toThrow("versions")
  await expect(yinshengHouse({ platformCertificate: "?" })).rejects.toThrow("platformCertificate")
  await expect(yinshengHouse({ privateKey: "?" })).rejects.toThrow("privateKey")
})

test.each(["http://localhost:99999/gateway.do", "https://[::1/gateway.do", "http://qrcode.ysepay.com/gateway.do"])(
  "an account does not take %s for a gateway, and names the field",
  async (pay) => {
    await expect(yinshengHouse({ gateways: { pay } })).rejects.toThrow("gateways")
  }
)

import { afterEach, describe, expect, test } from "bun:test"
import { X509Certificate } from "node:crypto"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import { ChannelHttp, type ChannelHttpRequest, ChannelUncertain, type ChargeRef } from "../../core/channel/index.ts"
import { opensslFolder } from "../../tests/channels/openssl.ts"
import {
  cleanUp,
  closeOf,
  gateway,
  type House,
  house,
  OPENID,
  onCleanup,
  openAccount,
  outcome,
  paramsOf,
  queryRefundOf,
  refOf,
  refundOf,
  requestOf,
  run
} from "../../tests/channels/wechat-jsapi-house.ts"
import { CALL_FAULTS, SIGNATURE_FAULTS } from "../protocols/simulator/faults.ts"
import { CERTIFICATES_FRESH_MS, DOWNLOAD_GAP_MS } from "../protocols/wechatpay-v3/certificates.ts"
import { WechatPaySimulator } from "../protocols/wechatpay-v3/simulator.ts"
import { WECHATPAY_CALL_FAULTS, type WechatPayCallFault } from "../protocols/wechatpay-v3/simulator-faults.ts"
import { newCertificate } from "../protocols/wechatpay-v3/simulator-keys.ts"

afterEach(cleanUp)

const certificateDownloads = (wechat: WechatPaySimulator) =>
  wechat.calls.filter((call) => call === "GET /v3/certificates").length

describe.each(["certificates", "public-key", "both"] as const)("WeChat Pay signing with %s", (serialMode) => {
  test("a payer opens the bridge, pays, and the notice and the query both say so", async () => {
    const it = await house({ serialMode })
    const request = requestOf(it)
    const params = paramsOf(await run(it.channel.charge(request)))
    expect(it.wechat.book.orders.get(request.orderNo)).toMatchObject({
      totalFen: request.amountFen,
      openid: OPENID,
      description: "会员"
    })
    expect(await run(it.channel.query(refOf(request)))).toEqual({ state: "pending" })

    expect(it.wechat.invokeBridge({ ...params }, OPENID)).toBe("get_brand_wcpay_request:ok")
    expect(await it.wechat.notify(request.orderNo)).toEqual({ status: 200, body: "" })
    const { transactionId, paidAt } = it.wechat.book.orders.get(request.orderNo) ?? {}
    const payment = {
      channelTradeNo: transactionId,
      amountFen: request.amountFen,
      currency: "CNY",
      paidAt: new Date(Math.floor((paidAt?.getTime() ?? 0) / 1000) * 1000)
    }
    expect(it.notices).toEqual([{ kind: "payment", orderNo: request.orderNo, payment }] as never)
    expect(await run(it.channel.query(refOf(request)))).toEqual({ state: "paid", payment } as never)
  })

  test("a 204 is verified too: the order is closed, and closing it again says the same", async () => {
    const it = await house({ serialMode })
    const request = requestOf(it)
    await run(it.channel.charge(request))
    expect(await run(closeOf(it, request))).toEqual({ state: "closed" })
    expect(await run(closeOf(it, request))).toEqual({ state: "closed" })
    expect(await run(it.channel.query(refOf(request)))).toEqual({ state: "closed" })
  })

  test("many notices of one payment, with either serial, all read the same", async () => {
    const it = await house({ serialMode })
    const request = requestOf(it)
    await run(it.channel.charge(request))
    it.wechat.pay(request.orderNo)
    for (let sent = 0; sent < 8; sent++) expect((await it.wechat.notify(request.orderNo)).status).toBe(200)
    expect(new Set(it.notices.map((notice) => JSON.stringify(notice))).size).toBe(1)
  })
})

describe("the bridge's parameters", () => {
  test("do not pay when a signed field was changed", async () => {
    const it = await house()
    const params = paramsOf(await run(it.channel.charge(requestOf(it))))
    for (const name of ["appId", "timeStamp", "nonceStr", "package"] as const) {
      expect(it.wechat.invokeBridge({ ...params, [name]: `${params[name]}0` }, OPENID)).toBe(
        "get_brand_wcpay_request:fail"
      )
    }
  })

  test("are for the AppID that the order names, when the account lists it", async () => {
    const it = await house({}, (account) => ({ ...account, moreApps: [{ appId: "wx9999999999999999" }] }))
    const jsapi = { appId: "wx9999999999999999", openid: OPENID, miniProgram: true }
    const request = requestOf(it, { jsapi })
    const params = paramsOf(await run(it.channel.charge(request)))
    expect(params.appId).toBe("wx9999999999999999")
    expect(it.wechat.invokeBridge({ ...params }, OPENID)).toBe("get_brand_wcpay_request:ok")
    expect(await run(it.channel.query(refOf(request)))).toMatchObject({ state: "paid" })
  })

  test("are refused for an AppID that the account does not list, and nothing is sent", async () => {
    const it = await house()
    const jsapi = { appId: "wx9999999999999999", openid: OPENID, miniProgram: false }
    expect(await outcome(it.channel.charge(requestOf(it, { jsapi })))).toBe("ChannelRejected")
    expect(it.wechat.calls).toEqual([])
  })

  test("are made anew when an order is charged again, which stays one order", async () => {
    const it = await house()
    const request = requestOf(it)
    const first = paramsOf(await run(it.channel.charge(request)))
    const again = paramsOf(await run(it.channel.charge(request)))
    expect(again.package).toBe(first.package)
    expect(it.wechat.book.orders.size).toBe(1)
  })
})

describe("a charge", () => {
  const expected: Record<WechatPayCallFault, string> = {
    refused: "ChannelRejected",
    "cut-request": "ChannelUncertain connection",
    "cut-answer": "ChannelUncertain connection",
    busy: "ChannelUncertain server-error",
    "http-500-done": "ChannelUncertain server-error",
    "wrong-signature": "ChannelUncertain bad-signature",
    stale: "ChannelUncertain bad-signature",
    unsigned: "ChannelUncertain bad-signature",
    probe: "ChannelUncertain bad-signature",
    "unknown-serial": "ChannelUncertain bad-signature",
    garbage: "ChannelUncertain unreadable",
    "rate-limited": "ChannelUncertain server-error"
  }
  test.each(WECHATPAY_CALL_FAULTS)(
    "that meets %s ends as that fault should, and the provider has the order or not",
    async (fault) => {
      const it = await house({ serialMode: "public-key" })
      it.wechat.inject({ fault })
      const request = requestOf(it)
      expect(await outcome(it.channel.charge(request))).toBe(expected[fault])
      expect(it.wechat.book.orders.has(request.orderNo)).toBe(CALL_FAULTS[fault].done)
    }
  )

  test.each(["notice URL with a query", "an order number of another shape", "an openid of nobody"])(
    "is refused for %s",
    async (what) => {
      const it = await house()
      const change = {
        "notice URL with a query": { noticeUrl: `${it.noticeUrl}?token=1` },
        "an order number of another shape": { orderNo: "WX 1" },
        "an openid of nobody": { jsapi: { appId: null, openid: "", miniProgram: false } }
      }[what]
      expect(await outcome(it.channel.charge(requestOf(it, change ?? {})))).toBe("ChannelRejected")
    }
  )

  test("of a number that was used for another order is uncertain: that order may be paid", async () => {
    const it = await house()
    const request = requestOf(it)
    await run(it.channel.charge(request))
    expect(await outcome(it.channel.charge({ ...request, amountFen: 1 }))).toBe("ChannelUncertain server-error")
  })

  test("of an order that is paid already is uncertain, and the query says paid", async () => {
    const it = await house()
    const request = requestOf(it)
    await run(it.channel.charge(request))
    it.wechat.pay(request.orderNo)
    expect(await outcome(it.channel.charge(request))).toBe("ChannelUncertain server-error")
    expect(await run(it.channel.query(refOf(request)))).toMatchObject({ state: "paid" })
  })

  test("of an order that is closed is refused", async () => {
    const it = await house()
    const request = requestOf(it)
    await run(it.channel.charge(request))
    await run(closeOf(it, request))
    expect(await outcome(it.channel.charge(request))).toBe("ChannelRejected")
  })

  test.each([
    [400, "PARAM_ERROR", "ChannelRejected"],
    [403, "NO_AUTH", "ChannelRejected"],
    [403, "NOAUTH", "ChannelRejected"],
    [400, "ORDERCLOSED", "ChannelRejected"],
    [403, "RULE_LIMIT", "ChannelUncertain server-error"],
    [403, "RULELIMIT", "ChannelUncertain server-error"],
    [429, "FREQUENCY_LIMITED", "ChannelUncertain server-error"],
    [429, "RATELIMITED", "ChannelUncertain server-error"],
    [403, "OUT_TRADE_NO_USED", "ChannelUncertain server-error"],
    [400, "ORDER_PAID", "ChannelUncertain server-error"],
    [500, "PARAM_ERROR", "ChannelUncertain server-error"],
    [400, "SOMETHING_NEW", "ChannelUncertain server-error"],
    [400, "", "ChannelUncertain unreadable"],
    [302, "PARAM_ERROR", "ChannelUncertain unreadable"]
  ])("answered with %d %s is %s", async (status, code, result) => {
    const it = await house({ serialMode: "public-key" })
    it.wechat.book.place = () => ({ status, body: { code, message: "" } })
    expect(await outcome(it.channel.charge(requestOf(it)))).toBe(result)
  })

  test.each(["INVALID_REQUEST", "TRADE_ERROR", "ACCOUNTERROR", "USER_ACCOUNT_ABNORMAL"])(
    "answered with %s is refused if WeChat Pay does not know the order, and uncertain if it does or cannot say",
    async (code) => {
      const it = await house({ serialMode: "public-key" })
      const request = requestOf(it)
      const { book } = it.wechat
      const refused = { status: 400, body: { code, message: "此请求无效" } }
      const place = book.place.bind(book)
      book.place = () => refused
      expect(await outcome(it.channel.charge(request))).toBe("ChannelRejected")
      it.wechat.inject({ fault: "rate-limited", call: request.orderNo })
      expect(await outcome(it.channel.charge(request))).toBe("ChannelUncertain server-error")
      book.place = () => ({ ...refused, body: { code, message: "请求过于频繁，请稍后再试" } })
      expect(await outcome(it.channel.charge(request))).toBe("ChannelUncertain server-error")
      book.place = (body) => {
        place(body)
        return refused
      }
      expect(await outcome(it.channel.charge(request))).toBe("ChannelUncertain server-error")
    }
  )

  test.each([
    [600, "behind"],
    [-600, "ahead of"]
  ])("says how far our clock is off WeChat Pay's: %d s", async (aheadS, side) => {
    const it = await house({ serialMode: "public-key" })
    it.wechat.aheadMs = aheadS * 1000
    const failure = await run(Effect.flip(it.channel.charge(requestOf(it))))
    expect(failure).toMatchObject({ _tag: "ChannelUncertain", why: "bad-signature" })
    expect(failure.message).toMatch(new RegExp(`our clock is (599|600|601) s off WeChat Pay's \\(${side} it\\)`))
  })

  test("asks WeChat Pay to sign with its public key, where that is all the account has", async () => {
    const it = await house({ serialMode: "both" }, (account) => {
      const { publicKeyId, publicKey } = account.verification
      return { ...account, verification: { publicKeyId, publicKey } }
    })
    for (let n = 0; n < 6; n++) paramsOf(await run(it.channel.charge(requestOf(it))))
    expect(certificateDownloads(it.wechat)).toBe(0)
  })

  test("by an account with a wrong merchant serial is refused", async () => {
    const it = await house({}, (account) => ({ ...account, merchantSerial: "ABCDEF0123456789" }))
    expect(await outcome(it.channel.charge(requestOf(it)))).toBe("ChannelRejected")
  })

  test("is refused before it is sent when no platform certificate can be had", async () => {
    const it = await house({ serialMode: "certificates" }, (account) => ({ ...account, apiV3Key: "x".repeat(32) }))
    expect(await outcome(it.channel.charge(requestOf(it)))).toBe("ChannelRejected")
    expect(await outcome(it.channel.charge(requestOf(it)))).toBe("ChannelRejected")
    expect(it.wechat.calls).toEqual(["GET /v3/certificates"])
  })
})

describe("a query", () => {
  test.each([
    ["NOTPAY", { state: "pending" }],
    ["USERPAYING", { state: "pending" }],
    ["CLOSED", { state: "closed" }],
    ["REVOKED", { state: "closed" }],
    ["PAYERROR", { state: "pending" }]
  ] as const)("of an order in state %s says so", async (state, expected) => {
    const it = await house()
    const request = requestOf(it)
    await run(it.channel.charge(request))
    const order = it.wechat.book.orders.get(request.orderNo)
    if (order !== undefined) order.state = state
    expect(await run(it.channel.query(refOf(request)))).toEqual(expected as never)
  })

  test("of an order that never arrived says absent", async () => {
    const it = await house()
    expect(await run(it.channel.query(refOf(requestOf(it))))).toEqual({ state: "absent" })
  })

  test.each(["ORDER_NOT_EXIST", "ORDERNOTEXIST", "RESOURCE_NOT_EXISTS"])(
    "answered with 404 %s says absent",
    async (code) => {
      const it = await house({ serialMode: "public-key" })
      it.wechat.book.query = () => ({ status: 404, body: { code, message: "" } })
      expect(await run(it.channel.query(refOf(requestOf(it))))).toEqual({ state: "absent" })
    }
  )

  test.each([
    [404, "NOT_FOUND"],
    [400, "RESOURCE_NOT_EXISTS"],
    [401, "SIGN_ERROR"]
  ])("answered with %d %s is uncertain, not absent", async (status, code) => {
    const it = await house({ serialMode: "public-key" })
    it.wechat.book.query = () => ({ status, body: { code, message: "" } })
    expect(await outcome(it.channel.query(refOf(requestOf(it))))).toBe("ChannelUncertain server-error")
  })

  test.each([
    "cut-answer",
    "busy",
    "http-500-done",
    "wrong-signature",
    "stale",
    "unsigned",
    "probe",
    "garbage",
    "rate-limited"
  ] as const)("that meets %s is uncertain, even of a paid order", async (fault) => {
    const it = await house({ serialMode: "public-key" })
    const request = requestOf(it)
    await run(it.channel.charge(request))
    it.wechat.pay(request.orderNo)
    it.wechat.inject({ fault })
    expect(await outcome(it.channel.query(refOf(request)))).toStartWith("ChannelUncertain")
  })

  test("is uncertain, not absent, when the absence is signed by a stranger", async () => {
    const it = await house({ serialMode: "public-key" })
    it.wechat.inject({ fault: "wrong-signature" })
    expect(await outcome(it.channel.query(refOf(requestOf(it))))).toBe("ChannelUncertain bad-signature")
  })

  test("gives the amount that was really paid, for the core to judge", async () => {
    const it = await house()
    const request = requestOf(it)
    await run(it.channel.charge(request))
    it.wechat.pay(request.orderNo, { amountFen: 1 })
    expect(await run(it.channel.query(refOf(request)))).toMatchObject({ state: "paid", payment: { amountFen: 1 } })
    await it.wechat.notify(request.orderNo)
    expect(it.notices).toMatchObject([{ payment: { amountFen: 1 } }])
  })

  test("finds a payment that came after the order was closed", async () => {
    const it = await house()
    const request = requestOf(it)
    await run(it.channel.charge(request))
    await run(closeOf(it, request))
    it.wechat.pay(request.orderNo, { late: true })
    expect(await run(it.channel.query(refOf(request)))).toMatchObject({ state: "paid" })
    expect(await run(closeOf(it, request))).toEqual({ state: "paid" })
  })

  test("that is answered about another order or merchant is uncertain", async () => {
    const it = await house({ serialMode: "public-key" })
    const request = requestOf(it)
    await run(it.channel.charge(request))
    const query = it.wechat.book.query.bind(it.wechat.book)
    for (const change of [
      { out_trade_no: "WX20260315100000ZZZZZZZZ" },
      { mchid: "1900000002" },
      { appid: "wx0000000000000000" },
      { mchid: undefined },
      { appid: undefined }
    ]) {
      it.wechat.book.query = (outTradeNo, mchid) => {
        const { status, body } = query(outTradeNo, mchid)
        return { status, body: { ...(body as object), ...change } }
      }
      expect(await outcome(it.channel.query(refOf(request)))).toBe("ChannelUncertain unreadable")
    }
  })
})

describe("a close", () => {
  test("says paid when a payment came first", async () => {
    const it = await house()
    const request = requestOf(it)
    await run(it.channel.charge(request))
    it.wechat.pay(request.orderNo)
    expect(await outcome(closeOf(it, request))).toEqual({ state: "paid" })
  })

  test("is uncertain while the payer enters the password", async () => {
    const it = await house()
    const request = requestOf(it)
    await run(it.channel.charge(request))
    const order = it.wechat.book.orders.get(request.orderNo)
    if (order !== undefined) order.state = "USERPAYING"
    expect(await outcome(closeOf(it, request))).toBe("ChannelUncertain server-error")
  })

  test.each([
    [400, "ORDERPAID", { state: "paid" }],
    [400, "ORDER_PAID", { state: "paid" }],
    [400, "ORDER_CLOSED", { state: "closed" }],
    [400, "ORDERCLOSED", { state: "closed" }],
    [404, "ORDERNOTEXIST", { state: "closed" }],
    [429, "FREQUENCY_LIMITED", "ChannelUncertain server-error"],
    [429, "RATELIMITED", "ChannelUncertain server-error"],
    [403, "RULE_LIMIT", "ChannelUncertain server-error"],
    [400, "INVALID_REQUEST", "ChannelUncertain server-error"]
  ])("answered with %d %s says so", async (status, code, said) => {
    const it = await house({ serialMode: "public-key" })
    it.wechat.book.close = () => ({ status, body: { code, message: "" } })
    expect(await outcome(closeOf(it, requestOf(it)))).toEqual(said as never)
  })

  test("that is answered with 200 is uncertain: done is 204", async () => {
    const it = await house({ serialMode: "public-key" })
    const request = requestOf(it)
    await run(it.channel.charge(request))
    it.wechat.book.close = () => ({ status: 200, body: {} })
    expect(await outcome(closeOf(it, request))).toBe("ChannelUncertain unreadable")
  })

  test("that meets an unsigned 204 is uncertain", async () => {
    const it = await house({ serialMode: "public-key" })
    const request = requestOf(it)
    await run(it.channel.charge(request))
    it.wechat.inject({ fault: "unsigned" })
    expect(await outcome(closeOf(it, request))).toBe("ChannelUncertain bad-signature")
  })
})

describe("a notice", () => {
  test.each([...SIGNATURE_FAULTS, "tampered", "other-key"] as const)(
    "that is %s is refused with 4xx, in WeChat Pay's form",
    async (fault) => {
      const it = await house({ serialMode: "public-key" })
      const request = requestOf(it)
      await run(it.channel.charge(request))
      it.wechat.pay(request.orderNo)
      const { status, body } = await it.wechat.notify(request.orderNo, fault)
      expect(status).toBe(400)
      expect(JSON.parse(body)).toMatchObject({ code: "FAIL" })
      expect(it.notices).toMatchObject([{ _tag: "NoticeRefused" }])
    }
  )

  test.each([
    ["of another merchant", { mchid: "1900000002" }],
    ["of an AppID that is not the account's", { appid: "wx0000000000000000" }]
  ])("%s is not ours, though it is signed", async (_what, change) => {
    const it = await house({ serialMode: "public-key" })
    const request = requestOf(it)
    await run(it.channel.charge(request))
    const resource = { ...it.wechat.book.transaction(it.wechat.pay(request.orderNo)), ...change }
    expect((await it.wechat.notifyWith(it.noticeUrl, "TRANSACTION.SUCCESS", resource)).status).toBe(400)
    expect(it.notices).toMatchObject([{ why: "not-ours" }])
  })

  test.each([
    ["no merchant", { mchid: undefined }],
    ["no AppID", { appid: null }],
    ["neither", { mchid: null, appid: undefined }]
  ])("that names %s is a hint and no payment", async (_what, change) => {
    const it = await house({ serialMode: "public-key" })
    const request = requestOf(it)
    await run(it.channel.charge(request))
    const resource = { ...it.wechat.book.transaction(it.wechat.pay(request.orderNo)), ...change }
    expect((await it.wechat.notifyWith(it.noticeUrl, "TRANSACTION.SUCCESS", resource)).status).toBe(200)
    expect(it.notices).toEqual([{ kind: "hint", orderNo: request.orderNo }])
  })

  test("in no currency is refused: it would be read as yuan", async () => {
    const it = await house({ serialMode: "public-key" })
    const request = requestOf(it)
    await run(it.channel.charge(request))
    const told = it.wechat.book.transaction(it.wechat.pay(request.orderNo))
    const resource = { ...told, amount: { ...told.amount, currency: undefined } }
    expect((await it.wechat.notifyWith(it.noticeUrl, "TRANSACTION.SUCCESS", resource)).status).toBe(400)
    expect(it.notices).toMatchObject([{ why: "unreadable" }])
  })

  test("of another merchant's refund is not ours", async () => {
    const it = await house({ serialMode: "public-key" })
    const resource = { mchid: "1900000002", out_trade_no: "WX20260315100000ABCDEFGH", refund_status: "SUCCESS" }
    expect((await it.wechat.notifyWith(it.noticeUrl, "REFUND.SUCCESS", resource)).status).toBe(400)
    expect(it.notices).toMatchObject([{ why: "not-ours" }])
  })

  test("of a state that is not paid is acknowledged and carries no payment", async () => {
    const it = await house({ serialMode: "public-key" })
    const request = requestOf(it)
    await run(it.channel.charge(request))
    const order = it.wechat.book.orders.get(request.orderNo)
    if (order === undefined) throw new Error("not charged")
    const resource = it.wechat.book.transaction(order)
    expect((await it.wechat.notifyWith(it.noticeUrl, "TRANSACTION.SUCCESS", resource)).status).toBe(200)
    expect(it.notices).toEqual([{ kind: "news", orderNo: request.orderNo }])
  })

  test("of an unknown event is refused, not taken for a payment", async () => {
    const it = await house({ serialMode: "public-key" })
    expect((await it.wechat.notifyWith(it.noticeUrl, "COUPON.USE", { coupon_id: "1" })).status).toBe(400)
    expect(it.notices).toMatchObject([{ why: "unreadable" }])
  })
})

describe("platform certificates", () => {
  test("are downloaded once for many calls at the same time", async () => {
    const it = await house()
    await Promise.all(Array.from({ length: 5 }, () => run(it.channel.charge(requestOf(it)))))
    expect(certificateDownloads(it.wechat)).toBe(1)
  })

  test("are renewed after twelve hours, and the old ones serve while that fails", async () => {
    const it = await house()
    await run(it.channel.charge(requestOf(it)))
    gateway.aheadMs = it.wechat.aheadMs = CERTIFICATES_FRESH_MS + 1000
    it.wechat.inject({ fault: "busy" })
    await run(it.channel.charge(requestOf(it)))
    expect(certificateDownloads(it.wechat)).toBe(2)
    gateway.aheadMs = it.wechat.aheadMs += DOWNLOAD_GAP_MS
    await run(it.channel.charge(requestOf(it)))
    expect(certificateDownloads(it.wechat)).toBe(3)
  })

  test("that WeChat Pay has replaced are fetched when an answer is signed with the new one", async () => {
    const it = await house()
    await run(it.channel.charge(requestOf(it)))
    it.wechat.rotateCertificate()
    gateway.aheadMs = it.wechat.aheadMs = DOWNLOAD_GAP_MS
    paramsOf(await run(it.channel.charge(requestOf(it))))
    expect(certificateDownloads(it.wechat)).toBe(2)
  })

  test("that signed a notice are fetched before the next call, and the repeated notice is read", async () => {
    const it = await house()
    const request = requestOf(it)
    await run(it.channel.charge(request))
    it.wechat.pay(request.orderNo)
    it.wechat.rotateCertificate(false)
    expect((await it.wechat.notify(request.orderNo)).status).toBe(400)
    gateway.aheadMs = it.wechat.aheadMs = DOWNLOAD_GAP_MS
    expect(await run(it.channel.query(refOf(request)))).toMatchObject({ state: "paid" })
    expect((await it.wechat.notify(request.orderNo)).status).toBe(200)
  })

  test("are downloaded at most once a minute, however many serials are forged", async () => {
    const it = await house()
    const request = requestOf(it)
    await run(it.channel.charge(request))
    it.wechat.pay(request.orderNo)
    for (let second = 0; second < 60; second += 4) {
      gateway.aheadMs = it.wechat.aheadMs = second * 1000
      await it.wechat.notify(request.orderNo, "unknown-serial")
      it.wechat.inject({ fault: "unknown-serial" })
      await outcome(it.channel.query(refOf(request)))
    }
    expect(certificateDownloads(it.wechat)).toBe(1)
    gateway.aheadMs = it.wechat.aheadMs = DOWNLOAD_GAP_MS
    await outcome(it.channel.query(refOf(request)))
    expect(certificateDownloads(it.wechat)).toBe(2)
  })

  test("are waited for no longer than a notice may wait for its answer, which is five seconds", async () => {
    const it = await house()
    const asked: Array<ChannelHttpRequest> = []
    const silent = ChannelHttp.of({
      send: (request) => {
        asked.push(request)
        return Effect.fail(new ChannelUncertain({ why: "timeout" }))
      }
    })
    await run(Effect.ignore(Effect.provideService(it.channel.prepare ?? Effect.void, ChannelHttp, silent)))
    expect(asked).toHaveLength(1)
    expect(asked[0]?.timeoutMs).toBeLessThan(4_000)
  })

  test("that the operator pinned need no download", async () => {
    const wechat = await WechatPaySimulator.start()
    onCleanup(() => wechat.stop())
    const pinned = { platformCertificates: [wechat.platformCertificatePem] }
    const channel = await Effect.runPromise(openAccount({ ...wechat.account(), verification: pinned }))
    const request = requestOf({ noticeUrl: "http://127.0.0.1/", channel })
    paramsOf(await run(channel.charge(request)))
    expect(certificateDownloads(wechat)).toBe(0)
  })

  test.each(["wrong-signature", "stale", "unsigned", "garbage", "cut-answer"] as const)(
    "are not taken from a download that meets %s",
    async (fault) => {
      const it = await house()
      it.wechat.inject({ fault })
      expect(await outcome(it.channel.charge(requestOf(it)))).toBe("ChannelRejected")
      expect(it.wechat.book.orders.size).toBe(0)
    }
  )
})

describe("a refund", () => {
  const paidOrder = async (it: House): Promise<ChargeRef> => {
    const request = requestOf(it)
    await run(it.channel.charge(request))
    const { transactionId } = it.wechat.pay(request.orderNo)
    return refOf(request, { channelTradeNo: transactionId })
  }
  test("is pending, then refunded; its notice is acknowledged and carries no payment", async () => {
    const it = await house()
    const charge = await paidOrder(it)
    expect(await run(refundOf(it, charge, "R1", 400))).toEqual({ state: "pending" })
    expect(await run(queryRefundOf(it, charge, "R1"))).toEqual({ state: "pending" })
    it.wechat.finishRefund("R1")
    expect((await it.wechat.notifyRefund("R1")).status).toBe(200)
    expect(it.notices).toEqual([{ kind: "news", orderNo: charge.orderNo }])
    const refund = it.wechat.book.findRefund("R1")
    expect(await run(queryRefundOf(it, charge, "R1"))).toMatchObject({
      state: "refunded",
      refundFen: 400,
      channelRefundNo: refund?.refundId
    } as never)
    expect(await run(it.channel.query(charge))).toMatchObject({ state: "paid" })
  })

  test("asked twice is one refund, and money beyond the payment is refused", async () => {
    const it = await house()
    const charge = await paidOrder(it)
    await run(refundOf(it, charge, "R1", charge.amountFen - 1))
    expect(await run(refundOf(it, charge, "R1", charge.amountFen - 1))).toEqual({ state: "pending" })
    expect(it.wechat.book.orders.get(charge.orderNo)?.refunds.size).toBe(1)
    expect(await outcome(refundOf(it, charge, "R2", 2))).toBe("ChannelRejected")
  })

  test.each(["cut-answer", "http-500-done", "wrong-signature", "rate-limited"] as const)(
    "that meets %s is uncertain, and asking for it tells",
    async (fault) => {
      const it = await house({ serialMode: "public-key" })
      const charge = await paidOrder(it)
      it.wechat.inject({ fault })
      expect(await outcome(refundOf(it, charge, "R1", 400))).toStartWith("ChannelUncertain")
      const known = CALL_FAULTS[fault].done ? { state: "pending" } : "ChannelUncertain server-error"
      expect(await outcome(queryRefundOf(it, charge, "R1"))).toEqual(known as never)
    }
  )

  test("that was closed failed; one that is abnormal stays uncertain, so that nobody sends the money twice", async () => {
    const it = await house()
    const charge = await paidOrder(it)
    await run(refundOf(it, charge, "R1", 100))
    await run(refundOf(it, charge, "R2", 100))
    it.wechat.finishRefund("R1", "CLOSED")
    it.wechat.finishRefund("R2", "ABNORMAL")
    expect(await outcome(queryRefundOf(it, charge, "R1"))).toMatchObject({ state: "failed" })
    expect(await outcome(queryRefundOf(it, charge, "R2"))).toBe("ChannelUncertain server-error")
  })

  test("that is answered with another amount than asked is uncertain", async () => {
    const it = await house()
    const charge = await paidOrder(it)
    const refund = it.wechat.book.refund.bind(it.wechat.book)
    it.wechat.book.refund = (asked) => {
      const { status, body } = refund(asked)
      return { status, body: { ...(body as object), amount: { total: charge.amountFen, refund: 1 } } }
    }
    expect(await outcome(refundOf(it, charge, "R1", 400))).toBe("ChannelUncertain unreadable")
  })

  test("of another order's amount is not believed", async () => {
    const it = await house()
    const charge = await paidOrder(it)
    await run(refundOf(it, charge, "R1", 100))
    expect(await outcome(queryRefundOf(it, { ...charge, amountFen: charge.amountFen + 1 }, "R1"))).toBe(
      "ChannelUncertain unreadable"
    )
    expect(await outcome(queryRefundOf(it, { ...charge, orderNo: "WX20260315100000ZZZZZZZZ" }, "R1"))).toBe(
      "ChannelUncertain unreadable"
    )
  })
})

describe("a bill", () => {
  test("is taken unsigned when it has the SHA-1 of the signed answer", async () => {
    const it = await house()
    const request = requestOf(it)
    await run(it.channel.charge(request))
    it.wechat.pay(request.orderNo)
    const bill = await run(it.channel.downloadBill?.({ date: "2026-03-15" }) ?? Effect.die("none"))
    expect(bill.fileName).toBe(`wechatpay-${it.wechat.mchid}-2026-03-15.csv`)
    expect(Buffer.from(bill.content).toString()).toContain(`\`${request.orderNo}`)
  })

  test("that was changed on the way is uncertain", async () => {
    const it = await house({ serialMode: "public-key" })
    it.wechat.inject({ fault: "garbage", call: "/billdownload/file" })
    expect(await outcome(it.channel.downloadBill?.({ date: "2026-03-15" }) ?? Effect.die("none"))).toBe(
      "ChannelUncertain bad-signature"
    )
  })
})

test("an account without a key to verify with, with a short APIv3 key or half a public key is refused by name", async () => {
  const { wechat } = await house()
  const account = wechat.account()
  const told = (change: object) =>
    Effect.runPromise(
      openAccount({ ...account, ...change }).pipe(
        Effect.flip,
        Effect.map((error) => JSON.stringify(error))
      )
    )
  expect(await told({ verification: {} })).toContain("verification")
  expect(await told({ verification: { publicKeyId: "PUB_KEY_ID_1" } })).toContain("belong together")
  expect(await told({ apiV3Key: "short-secret" })).toContain("apiV3Key must be")
  expect(await told({ apiV3Key: "short-secret" })).not.toContain("short-secret")
  expect(await told({ merchantSerial: undefined })).toContain("merchantSerial")
  expect(await told({ privateKey: "not a key" })).toContain("privateKey")
})

test("an account with keys that do not belong together is refused with the field and the remedy", async () => {
  const { wechat } = await house()
  const account = wechat.account()
  const own = newCertificate("merchant", new Date(Date.now() - 1000), new Date(Date.now() + 86_400_000))
  const refused = (change: object) =>
    Effect.runPromise(Effect.flip(openAccount({ ...account, privateKey: own.privateKeyPem, ...change })))
  const field = (name: string, words: RegExp) => ({ field: name, message: expect.stringMatching(words) as never })
  const ownKey = { publicKeyId: wechat.publicKeyId, publicKey: own.publicKeyPem }
  expect(await refused({ verification: ownKey })).toMatchObject(
    field("verification.publicKey", /our own key.*pub_key\.pem/)
  )
  const ownCertificate = { platformCertificates: [wechat.platformCertificatePem, own.certificatePem] }
  expect(await refused({ verification: ownCertificate })).toMatchObject(
    field("verification.platformCertificates", /our own key.*not apiclient_cert\.pem/)
  )
  const pinned = { platformCertificates: [wechat.platformCertificatePem] }
  const merchantSerial = new X509Certificate(wechat.platformCertificatePem).serialNumber
  expect(await refused({ verification: pinned, merchantSerial })).toMatchObject(
    field("merchantSerial", /names WeChat Pay's key.*apiclient_cert\.pem/)
  )
})

test("an account may hold a .p12, which contains the merchant's serial", async () => {
  const { wechat } = await house()
  const certificate = newCertificate("merchant", new Date(Date.now() - 1000), new Date(Date.now() + 86_400_000))
  const { path, openssl, remove } = opensslFolder()
  onCleanup(async () => remove())
  writeFileSync(join(path, "both.pem"), certificate.privateKeyPem + certificate.certificatePem)
  const privateKey = openssl("pkcs12", "-export", "-in", "both.pem", "-passout", `pass:${wechat.mchid}`).toString(
    "base64"
  )
  const { merchantSerial: _, ...account } = { ...wechat.account(), privateKey, password: wechat.mchid }
  expect(await Effect.runPromise(openAccount(account))).toBeDefined()
  const other = Effect.flip(openAccount({ ...account, merchantSerial: "ABCDEF0123456789" }))
  expect(await Effect.runPromise(other)).toMatchObject({ _tag: "AccountInvalid", field: "merchantSerial" })
})

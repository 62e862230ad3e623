import { afterEach, expect, test } from "bun:test"
import type { ChargeRequest } from "../../core/channel/index.ts"
import { cleanUp, closeOf, outcome, refOf, requestOf, yinshengHouse } from "../../tests/channels/wechat-jsapi-house.ts"

afterEach(cleanUp)

const ORDERS = 100
const ROUNDS_MAX = 40

/** Yinsheng's status → the gateway's state. An order that Yinsheng does not have is absent or was refused. */
const ENDS = {
  TRADE_SUCCESS: "paid",
  TRADE_CLOSED: "closed",
  TRADE_FAILD: "failed",
  WAIT_BUYER_PAY: "pending"
} as const

test.each([1, 20261124, 77])(
  "100 orders while every third call fails end as Yinsheng's own book says (seed %d)",
  async (seed) => {
    const it = await yinshengHouse({}, { chance: { probability: 0.3, seed }, pushEveryMs: 20, pushesMax: 5 })
    const ends = new Map<string, string>()
    const requests: Array<ChargeRequest> = []
    const numberOf = ({ reference }: ChargeRequest) => String(reference.out_trade_no)

    for (let n = 0; n < ORDERS; n++) {
      const request = requestOf(it)
      requests.push(request)
      // Chance draws them seldom, so some are planned: payments that fail in Yinsheng's spelling, and strangers' notices.
      if (n % 20 === 7) it.yinsheng.inject({ fault: "payment-fails", outTradeNo: numberOf(request) })
      if (n % 20 === 11) it.yinsheng.inject({ fault: "stranger-notice", outTradeNo: numberOf(request) })
      const shown = await outcome(it.channel.charge(request))
      if (shown === "ChannelRejected") ends.set(request.orderNo, "rejected")
      if (typeof shown === "string" || shown.kind !== "jsapi") continue
      expect(shown.params).toMatchObject({ appId: "wx8888888888888888", timeStamp: expect.stringMatching(/^\d{10}$/) })
      // Two of three payers who see the bridge pay; the others' orders stay open.
      if (n % 3 !== 0) await it.yinsheng.pay(numberOf(request), { notify: n % 5 !== 0 })
    }

    // Each hint is about an order that the book has as paid, whatever strangers sent, and none of them is a payment.
    const heard = it.notices.flatMap((notice) => ("kind" in notice && notice.kind !== "news" ? [notice] : []))
    expect(heard.length).toBeGreaterThan(20)
    for (const { kind, orderNo } of heard) {
      const request = requests.find((each) => each.orderNo === orderNo)
      const trade = request === undefined ? undefined : it.yinsheng.book.get(numberOf(request))
      expect([kind, trade?.status]).toEqual(["hint", "TRADE_SUCCESS"])
    }

    // Reconcile: query each order and close the open ones, until every order has an end.
    for (let round = 0; round < ROUNDS_MAX && ends.size < ORDERS; round++) {
      for (const request of requests) {
        if (ends.has(request.orderNo)) continue
        const answer = await outcome(it.channel.query(refOf(request)))
        if (typeof answer === "string") continue
        if (answer.state === "paid") {
          const { channelTradeNo, amountFen } = answer.payment
          ends.set(request.orderNo, `paid ${amountFen} ${channelTradeNo}`)
        } else if (answer.state !== "pending") ends.set(request.orderNo, answer.state)
        else {
          const closed = await outcome(closeOf(it, request))
          if (typeof closed === "object" && closed.state === "closed") ends.set(request.orderNo, "closed")
        }
      }
    }

    const booked = (request: ChargeRequest): string => {
      const trade = it.yinsheng.book.get(numberOf(request))
      if (trade === undefined) return ends.get(request.orderNo) === "rejected" ? "rejected" : "absent"
      const end = ENDS[trade.status]
      return end === "paid" ? `paid ${trade.paidFen} ${trade.tradeNo}` : end
    }
    expect(requests.map((request) => `${request.orderNo} ${ends.get(request.orderNo)}`)).toEqual(
      requests.map((request) => `${request.orderNo} ${booked(request)}`)
    )
    // The run must meet every end: a seed with which every call succeeds would prove nothing.
    const counts = Object.groupBy(ends.values(), (end) => end.split(" ")[0] ?? "")
    expect(Object.keys(counts).sort()).toEqual(["absent", "closed", "failed", "paid", "rejected"])
    expect(counts.paid?.length).toBeGreaterThan(20)
    expect(counts.closed?.length).toBeGreaterThan(20)
    expect(it.notices.some((notice) => "why" in notice && notice.why === "bad-signature")).toBe(true)
    expect(it.yinsheng.mistakes).toEqual([])
  },
  60_000
)

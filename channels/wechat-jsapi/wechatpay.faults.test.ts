import { afterEach, expect, test } from "bun:test"
import type { ChargeRequest } from "../../core/channel/index.ts"
import {
  cleanUp,
  closeOf,
  gateway,
  house,
  OPENID,
  outcome,
  refOf,
  requestOf
} from "../../tests/channels/wechat-jsapi-house.ts"
import { type NoticeFault, SIGNATURE_FAULTS } from "../protocols/simulator/faults.ts"
import { DOWNLOAD_GAP_MS } from "../protocols/wechatpay-v3/certificates.ts"

afterEach(cleanUp)

const ORDERS = 100
const NOTICE_FAULTS: ReadonlyArray<NoticeFault> = [...SIGNATURE_FAULTS, "tampered"]

/** The gateway's belief about an order; `unsure` is not final. */
type Belief = "unsure" | "paid" | "rejected" | "closed" | "absent"

test.each([
  ["certificates", 1],
  ["public-key", 2],
  ["both", 3]
] as const)(
  "100 orders while every third call fails end as WeChat Pay's own book says (%s, seed %d)",
  async (serialMode, seed) => {
    const it = await house({ serialMode, chance: { probability: 0.3, seed } })
    const beliefs = new Map<string, Belief>()
    const requests: Array<ChargeRequest> = []

    for (let n = 0; n < ORDERS; n++) {
      // Time passes, so that a failed certificate download may be repeated.
      gateway.aheadMs = it.wechat.aheadMs = n * (DOWNLOAD_GAP_MS / 10)
      const request = requestOf(it, { expiresAt: new Date(Date.now() + 86_400_000) })
      requests.push(request)
      const shown = await outcome(it.channel.charge(request))
      beliefs.set(request.orderNo, shown === "ChannelRejected" ? "rejected" : "unsure")

      // Two of three payers who see the bridge pay; the others' orders stay open.
      if (typeof shown === "object" && shown.kind === "jsapi" && n % 3 !== 0) {
        expect(it.wechat.invokeBridge({ ...shown.params }, OPENID)).toBe("get_brand_wcpay_request:ok")
        if (n % 5 === 0) continue // this notice never arrives
        const fault = NOTICE_FAULTS[n % NOTICE_FAULTS.length]
        expect((await it.wechat.notify(request.orderNo, fault)).status).toBe(400)
        for (let sent = 0; sent <= n % 2; sent++) await it.wechat.notify(request.orderNo)
      }
    }
    for (const notice of it.notices) {
      if (!("kind" in notice) || notice.kind !== "payment") continue
      expect(it.wechat.book.orders.get(notice.orderNo)).toMatchObject({
        state: "SUCCESS",
        paidFen: notice.payment.amountFen,
        transactionId: notice.payment.channelTradeNo
      })
      beliefs.set(notice.orderNo, "paid")
    }

    // Reconcile: query each order and close the open ones, until every order has an end.
    for (let round = 0; round < 40 && [...beliefs.values()].includes("unsure"); round++) {
      gateway.aheadMs = it.wechat.aheadMs += DOWNLOAD_GAP_MS
      for (const request of requests) {
        if (beliefs.get(request.orderNo) !== "unsure") continue
        const state = await outcome(it.channel.query(refOf(request)))
        if (typeof state === "string") continue
        if (state.state === "paid") {
          expect(state.payment.amountFen).toBe(request.amountFen)
          beliefs.set(request.orderNo, "paid")
        } else if (state.state === "pending") {
          const closed = await outcome(closeOf(it, request))
          if (typeof closed === "object" && closed.state === "closed") beliefs.set(request.orderNo, "closed")
        } else if (state.state === "absent" || state.state === "closed") {
          beliefs.set(request.orderNo, state.state)
        }
      }
    }

    const counts = { paid: 0, closed: 0, absent: 0, rejected: 0, unsure: 0 }
    for (const request of requests) {
      const belief = beliefs.get(request.orderNo) ?? "unsure"
      counts[belief] += 1
      const booked = it.wechat.book.orders.get(request.orderNo)?.state ?? "none"
      const truth = { paid: "SUCCESS", closed: "CLOSED", absent: "none", rejected: "none", unsure: "?" }[belief]
      expect(`${request.orderNo} ${booked}`).toBe(`${request.orderNo} ${truth}`)
    }
    // The run must meet every end: a seed with which every call succeeds would prove nothing.
    expect(counts.unsure).toBe(0)
    expect(counts.paid).toBeGreaterThan(20)
    expect(counts.closed).toBeGreaterThan(20)
    expect(counts.absent).toBeGreaterThan(0)
    expect(counts.rejected).toBeGreaterThan(0)
  },
  60_000
)

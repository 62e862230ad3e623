import type { RefundRequest, RefundState } from "../channel/provider.ts"
import { claim, claimDone, claimEqual, claimUncertain, describe, type Outcome } from "./claim.ts"
import type { Act, Kit, KitCase, KitOrder } from "./kit.ts"
import { WIRE_FAULTS, type WireFault } from "./wire.ts"

interface Refunder {
  readonly refund: (order: KitOrder, refundNo: string, refundFen: number) => Promise<Outcome<RefundState>>
  readonly ask: (order: KitOrder, refundNo: string) => Promise<Outcome<RefundState>>
  /** A paid order with its trade number, as the core stores it after the payment. */
  readonly settled: () => Promise<KitOrder>
}

const ASKS_MAX = 5
const FAULTS: ReadonlyArray<WireFault> = [
  "lost-request",
  "lost-answer",
  "cut-answer",
  "http-500",
  "http-500-done",
  "http-401",
  "garbage",
  "empty",
  "empty-object",
  "giant"
]

let serial = 0
const refundNo = (): string => `RF${String(++serial).padStart(8, "0")}KIT`

/** A case about channels that refund; it passes for other channels. */
const refundCase = (name: string, run: (kit: Kit, refunder: Refunder) => Promise<void>): KitCase => ({
  name,
  run: async (kit) => {
    const { refund, queryRefund } = kit.channel
    if (refund === undefined || queryRefund === undefined) return
    await run(kit, {
      refund: (charge, refundNo, refundFen) => {
        const request: RefundRequest = {
          charge,
          refundNo,
          refundFen,
          reason: "退货 & 退款",
          noticeUrl: charge.noticeUrl
        }
        return kit.act(() => refund(request) as Act<RefundState>)
      },
      ask: (charge, refundNo) => kit.act(() => queryRefund({ charge, refundNo }) as Act<RefundState>),
      settled: async () => {
        const order = await kit.paid()
        const state = claimDone(await kit.act((channel) => channel.query(order)), "a query of a paid order")
        return { ...order, channelTradeNo: state.state === "paid" ? state.payment.channelTradeNo : null }
      }
    })
  }
})

/** Queries the refund until it has ended, at most ASKS_MAX times. */
const endOf = async (kit: Kit, { ask }: Refunder, order: KitOrder, number: string): Promise<RefundState> => {
  kit.simulator.settleRefund?.(number)
  for (let asked = 1; ; asked++) {
    const state = claimDone(await ask(order, number), "asking about a refund")
    if (state.state !== "pending" || asked >= ASKS_MAX) return state
  }
}

/** Refunds. */
export const REFUND_CASES: ReadonlyArray<KitCase> = [
  refundCase("a refund of a part ends with exactly that part, by its own number", async (kit, it) => {
    const order = await it.settled()
    const number = refundNo()
    const first = claimDone(await it.refund(order, number, 234), "a refund")
    claim(first.state !== "failed", "a refund within the amount failed")
    const end = first.state === "refunded" ? first : await endOf(kit, it, order, number)
    claim(end.state === "refunded", `a refund ends as ${end.state}`)
    claimEqual(end.refundFen, 234, "what was refunded, in fen,")
    claim(/^\S+$/.test(end.channelRefundNo), "a refund has no number of the provider's")
    claimEqual((await kit.simulator.book(order.orderNo))?.refundedFen, 234, "the provider's refund in fen")
  }),
  refundCase("a refund of the whole amount ends with the whole amount", async (kit, it) => {
    const order = await it.settled()
    const number = refundNo()
    claimDone(await it.refund(order, number, order.amountFen), "a refund of the whole amount")
    await endOf(kit, it, order, number)
    claimEqual((await kit.simulator.book(order.orderNo))?.refundedFen, order.amountFen, "the provider's refund in fen")
  }),
  refundCase("a refund that is sent again refunds once", async (kit, it) => {
    const order = await it.settled()
    const number = refundNo()
    for (let time = 0; time < 3; time++) await it.refund(order, number, 100)
    await endOf(kit, it, order, number)
    claimEqual((await kit.simulator.book(order.orderNo))?.refundedFen, 100, "the provider's refund in fen")
  }),
  refundCase("a refund of more than was paid is never refunded", async (kit, it) => {
    const order = await it.settled()
    const outcome = await it.refund(order, refundNo(), order.amountFen + 1)
    const refunded = outcome._tag === "Success" && outcome.success.state === "refunded"
    claim(!refunded, `a refund of more than was paid is ${describe(outcome)}`)
    claimEqual((await kit.simulator.book(order.orderNo))?.refundedFen, 0, "the provider's refund in fen")
  }),
  refundCase("a paid order stays paid after a refund: refunds are the core's to know", async (kit, it) => {
    const order = await it.settled()
    const number = refundNo()
    await it.refund(order, number, 100)
    await endOf(kit, it, order, number)
    const state = claimDone(await kit.act((channel) => channel.query(order)), "a query after a refund")
    claimEqual(state.state, "paid", "an order after a refund")
  }),
  refundCase("a refund that the provider has never heard of is not refunded", async (_kit, it) => {
    const outcome = await it.ask(await it.settled(), refundNo())
    const refunded = outcome._tag === "Success" && outcome.success.state === "refunded"
    claim(!refunded, `an unknown refund is ${describe(outcome)}`)
  }),
  ...FAULTS.map((fault) =>
    refundCase(`a refund that ${WIRE_FAULTS[fault].says} is uncertain`, async (kit, it) => {
      const order = await it.settled()
      kit.wire.next(fault)
      const outcome = await it.refund(order, refundNo(), 100)
      claim(!kit.wire.clear(), "a refund asks nobody")
      claimUncertain(outcome, `a refund that ${WIRE_FAULTS[fault].says}`)
    })
  ),
  refundCase("a refund's answer signed with a key that nobody knows is uncertain", async (kit, it) => {
    const order = await it.settled()
    if (!kit.simulator.fault("wrong-signature")) return
    claimUncertain(await it.refund(order, refundNo(), 100), "a refund with a forged answer")
  }),
  refundCase("a refund that the provider answers with 'not now' is uncertain", async (kit, it) => {
    const order = await it.settled()
    if (!kit.simulator.fault("rate-limited")) return
    claimUncertain(await it.refund(order, refundNo(), 100), "a refund that is answered with 'not now'")
  }),
  refundCase("a refund's query that gets garbage says nothing", async (kit, it) => {
    const order = await it.settled()
    const number = refundNo()
    await it.refund(order, number, 100)
    for (const fault of ["garbage", "empty", "http-500", "http-404", "lost-request"] as const) {
      kit.wire.next(fault)
      const outcome = await it.ask(order, number)
      kit.wire.clear()
      claim(outcome._tag === "Failure", `a refund's query that met ${fault} says ${describe(outcome)}`)
    }
  })
]

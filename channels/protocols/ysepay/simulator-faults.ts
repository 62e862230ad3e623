import type { CallFault, OrderFault } from "../simulator/faults.ts"
import { type Chance, type FaultPlan, planFaults } from "../simulator/plan.ts"

/** The faults of one call that this simulator supports. */
const YSEPAY_CALL_FAULTS = [
  "refused", // a signed 40004 with sub_code 7990
  "rate-limited", // a signed 40004 whose sub_code is this simulator's own, since none is published
  "processing", // a signed 3501
  "busy", // a signed 50000
  "gateway-error", // unknow_response
  "cut-answer",
  "http-500-done",
  "half-answer",
  "wrong-signature",
  "unsigned",
  "other-order",
  "other-amount",
  "lost-answer"
] as const satisfies ReadonlyArray<CallFault>
export type YsepayCallFault = (typeof YSEPAY_CALL_FAULTS)[number]

/** The faults of one order that this simulator supports. */
const YSEPAY_ORDER_FAULTS = [
  "late-success", // after a payment two queries still say TRADE_PROCESS
  "payment-fails", // TRADE_FAILD, in Yinsheng's spelling
  "wrong-amount", // one fen more than was asked
  "stranger-notice",
  "no-notice",
  "late-payment",
  "paid-while-closing", // the close is answered with 10000
  "refund-fails"
] as const satisfies ReadonlyArray<OrderFault>
export type YsepayOrderFault = (typeof YSEPAY_ORDER_FAULTS)[number]
export type YsepayFault = YsepayCallFault | YsepayOrderFault

export const planYsepayFaults = (
  chance: Chance<YsepayFault> | undefined
): FaultPlan<YsepayCallFault, YsepayOrderFault> =>
  planFaults(
    {
      calls: YSEPAY_CALL_FAULTS,
      orders: YSEPAY_ORDER_FAULTS,
      // A signed wrong amount of a paid trade would contradict the book, which runs by chance are compared with.
      maySpoil: (fault, method) => fault !== "other-amount" || method.endsWith("pay")
    },
    chance
  )

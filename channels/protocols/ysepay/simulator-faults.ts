import type { CallFault } from "../simulator/faults.ts"
import { seeded } from "../simulator/seeded.ts"

/** The faults that a call to Yinsheng can meet, and how they look on its wire. */
export const YSEPAY_FAULTS = [
  "refused", // code 40004 with sub_code 7990, signed
  "processing", // code 3501, signed
  "error-before", // code 50000, signed
  "unsigned-error", // unknow_response (sic)
  "lost-answer",
  "error-after",
  "cut-off",
  "wrong-signature",
  "other-order",
  "other-amount",
  "hang"
] as const satisfies ReadonlyArray<CallFault>
export type YsepayFault = (typeof YSEPAY_FAULTS)[number]

/** What can go wrong with one order, once drawn for as long as it lives. */
export const ORDER_FAULTS = [
  "late-success", // after a payment two queries still say TRADE_PROCESS
  "TRADE_FAILD", // paying fails, in their spelling
  "wrong-amount", // one fen more is paid and reported than was asked
  "forged-notice", // somebody else's notice comes before each real one
  "no-notice", // nothing is ever pushed
  "late-payment", // payers can pay after it was closed
  "paid-while-closing", // a payment wins the race against a close, which still answers 10000
  "refund-fails" // refunds are accepted and end in fail
] as const
export type OrderFault = (typeof ORDER_FAULTS)[number]

export type Fault = YsepayFault | OrderFault

/** One switch: which fault, for whom, and how often a call fault strikes (default once). */
export interface FaultRule {
  readonly fault: Fault
  /** Absent = every order. */
  readonly outTradeNo?: string
  /** The method's end, "qrcodepay"; absent = every method. */
  readonly method?: string
  readonly times?: number
}

/** Faults by seeded chance, besides the rules: each call draws a call fault, each new order an order fault. */
export interface Chance {
  /** 0 … 1. */
  readonly probability: number
  readonly seed: number
  /** Which may be drawn; default all but "hang". */
  readonly faults?: ReadonlyArray<Fault>
}

export interface FaultSwitches {
  readonly add: (rule: FaultRule) => void
  readonly clear: () => void
  readonly ofCall: (method: string, outTradeNo: string) => YsepayFault | undefined
  readonly ofOrder: (outTradeNo: string) => ReadonlySet<OrderFault>
}

export const faultSwitches = (chance: Chance | undefined): FaultSwitches => {
  let rules: Array<{ readonly rule: FaultRule; left: number }> = []
  const random = seeded(chance?.seed ?? 1)
  const draw = <F extends Fault>(all: ReadonlyArray<F>): F | undefined => {
    if (chance === undefined || random() >= chance.probability) return undefined
    const allowed = all.filter((fault) =>
      chance.faults === undefined ? fault !== "hang" : chance.faults.includes(fault)
    )
    return allowed[Math.floor(random() * allowed.length)]
  }
  const isFor = (rule: FaultRule, outTradeNo: string) => rule.outTradeNo === undefined || rule.outTradeNo === outTradeNo
  return {
    add: (rule) => void rules.push({ rule, left: rule.times ?? 1 }),
    clear: () => {
      rules = []
    },
    ofCall: (method, outTradeNo) => {
      const found = rules.find(
        ({ rule, left }) =>
          left > 0 && isCallFault(rule.fault) && isFor(rule, outTradeNo) && method.endsWith(rule.method ?? "")
      )
      if (found === undefined) {
        const drawn = draw(YSEPAY_FAULTS)
        // A signed lie about the amount of a paid trade would change the truth that runs by chance are compared with.
        return drawn === "other-amount" && !method.endsWith("pay") ? undefined : drawn
      }
      found.left--
      return isCallFault(found.rule.fault) ? found.rule.fault : undefined
    },
    ofOrder: (outTradeNo) => {
      const drawn = draw(ORDER_FAULTS)
      const set = new Set(drawn === undefined ? [] : [drawn])
      for (const { rule } of rules) if (!isCallFault(rule.fault) && isFor(rule, outTradeNo)) set.add(rule.fault)
      return set
    }
  }
}

const isCallFault = (fault: Fault): fault is YsepayFault => YSEPAY_FAULTS.some((each) => each === fault)

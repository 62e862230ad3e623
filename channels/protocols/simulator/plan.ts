import type { CallFault, OrderFault } from "./faults.ts"

/** Plans one fault: which it is, whom it strikes, and how often. */
export interface FaultRule<Fault> {
  readonly fault: Fault
  /** Absent = every order. */
  readonly outTradeNo?: string
  /** The end of the method or path to strike, such as "qrcodepay"; absent = every call. */
  readonly call?: string
  /** How many calls a call fault strikes, default 1. An order fault lasts until it is cleared. */
  readonly times?: number
}

/** Draws faults by seeded chance, besides the rules: a call fault for each call, an order fault for each new order. */
export interface Chance<Fault> {
  /** 0 … 1. */
  readonly probability: number
  /** The same seed draws the same faults. */
  readonly seed: number
  /** The faults to draw from; default all that the simulator supports except those that leave a call unanswered. */
  readonly faults?: ReadonlyArray<Fault>
}

export interface FaultPlan<C extends CallFault, O extends OrderFault = never> {
  /** @throws when the simulator does not support the fault: a test with it would prove nothing */
  readonly inject: (rule: FaultRule<C | O>) => void
  readonly clear: () => void
  /** The fault that strikes a call, by the oldest rule that applies; this uses up one of the rule's times. */
  readonly ofCall: (call: string, outTradeNo: string) => C | undefined
  /** The faults of a new order. */
  readonly ofOrder: (outTradeNo: string) => ReadonlySet<O>
}

/** Not drawn by default: a run would wait for a deadline each time. */
const NEVER_ANSWERED: ReadonlyArray<CallFault | OrderFault> = ["lost-request", "lost-answer"]

/** @param supported the faults that the simulator carries out; `maySpoil` keeps a drawn fault off some calls */
export const planFaults = <C extends CallFault, O extends OrderFault = never>(
  supported: {
    readonly calls: ReadonlyArray<C>
    readonly orders?: ReadonlyArray<O>
    readonly maySpoil?: (fault: C, call: string) => boolean
  },
  chance?: Chance<C | O>
): FaultPlan<C, O> => {
  const { calls, orders = [], maySpoil = () => true } = supported
  const isOfCalls = (fault: C | O): fault is C => calls.includes(fault as C)
  const isOfOrders = (fault: C | O): fault is O => orders.includes(fault as O)
  const random = seeded(chance?.seed ?? 1)
  let rules: Array<{ readonly rule: FaultRule<C | O>; left: number }> = []

  const draw = <F extends C | O>(all: ReadonlyArray<F>): F | undefined => {
    if (chance === undefined || random() >= chance.probability) return undefined
    const allowed = all.filter((fault) => chance.faults?.includes(fault) ?? !NEVER_ANSWERED.includes(fault))
    return allowed[Math.floor(random() * allowed.length)]
  }
  const isFor = (rule: FaultRule<C | O>, outTradeNo: string) => (rule.outTradeNo ?? outTradeNo) === outTradeNo

  return {
    inject: (rule) => {
      if (!isOfCalls(rule.fault) && !isOfOrders(rule.fault)) {
        throw new Error(`this simulator has no fault ${rule.fault}: it has ${[...calls, ...orders].join(", ")}`)
      }
      rules.push({ rule, left: rule.times ?? 1 })
    },
    clear: () => {
      rules = []
    },
    ofCall: (call, outTradeNo) => {
      for (const planned of rules) {
        const { rule, left } = planned
        const { fault } = rule
        if (left < 1 || !isOfCalls(fault) || !isFor(rule, outTradeNo) || !call.endsWith(rule.call ?? "")) continue
        planned.left--
        return fault
      }
      const drawn = draw(calls)
      return drawn !== undefined && maySpoil(drawn, call) ? drawn : undefined
    },
    ofOrder: (outTradeNo) => {
      const drawn = draw(orders)
      const faults = new Set(drawn === undefined ? [] : [drawn])
      for (const { rule } of rules) if (isOfOrders(rule.fault) && isFor(rule, outTradeNo)) faults.add(rule.fault)
      return faults
    }
  }
}

/** mulberry32, a small generator that is the same on every runtime: numbers from 0 up to, not including, 1. */
export const seeded = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

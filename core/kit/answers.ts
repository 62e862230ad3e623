import type { ChargeState, Presentation } from "../channel/provider.ts"
import {
  claim,
  claimDone,
  claimNoDefect,
  claimUnanswered,
  claimUncertain,
  describe,
  type Outcome,
  show
} from "./claim.ts"
import type { Kit, KitCase } from "./kit.ts"
import type { SimulatorFault } from "./simulator.ts"
import { WIRE_FAULTS, type WireFault } from "./wire.ts"

/** These may leave an answer valid: the signature may be in the body, and some bytes have no meaning. */
const MAY_BE_HARMLESS: ReadonlyArray<WireFault> = ["no-headers", "changed-byte"]
const PLACES = [0, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 0.999]

const faults = (Object.keys(WIRE_FAULTS) as ReadonlyArray<WireFault>).filter(
  (fault) => fault !== "refused" && !MAY_BE_HARMLESS.includes(fault)
)

/** The texts that decide where the payer's money goes. */
const essence = (shown: Presentation): ReadonlyArray<string> => {
  switch (shown.kind) {
    case "qrcode":
      return [shown.content]
    case "redirect":
      return [shown.url]
    case "form":
      return [shown.action, ...Object.values(shown.fields)]
    case "jsapi":
      return [shown.params.package.replace(/^prepay_id=/, "")]
    case "app":
      return [shown.order]
  }
}

/** The outcome must be uncertain, or what the provider really said. */
const claimTrueOrUncertain = (kit: Kit, outcome: Outcome<Presentation>, what: string): void => {
  if (outcome._tag === "Failure") {
    claimUncertain(outcome, what)
    return
  }
  const said = kit.wire.genuine()
  const invented = essence(outcome.success).find((text) => !said.includes(text))
  claim(invented === undefined, `${what} shows the payer ${show(invented)}, which the provider never said`)
}

const chargeCase = (fault: WireFault): KitCase => ({
  name: `a charge that ${WIRE_FAULTS[fault].says} is uncertain, and the query tells the truth later`,
  run: async (kit) => {
    const order = kit.order()
    kit.wire.next(fault)
    const outcome = await kit.act((channel) => channel.charge(order))
    // A charge that makes no call cannot meet a fault of the wire.
    if (kit.wire.clear()) return
    claimUncertain(outcome, `a charge that ${WIRE_FAULTS[fault].says}`)
    const state = claimDone(await kit.act((channel) => channel.query(order)), "the query after it")
    const allowed = WIRE_FAULTS[fault].done ? ["pending"] : ["absent", "pending"]
    claim(allowed.includes(state.state), `after a charge that ${WIRE_FAULTS[fault].says} the query says ${state.state}`)
  }
})

const queryCase = (fault: WireFault): KitCase => ({
  name: `a query that ${WIRE_FAULTS[fault].says} says nothing of a paid order`,
  run: async (kit) => {
    const order = await kit.paid()
    kit.wire.next(fault)
    const outcome = await kit.act((channel) => channel.query(order))
    claim(!kit.wire.clear(), "the query asks nobody")
    claimUnanswered(outcome, `a query that ${WIRE_FAULTS[fault].says}`)
  }
})

/** The provider's own words, which are no lie. */
type Refusal = "refused" | "rate-limited"

/** A charge whose answer the provider itself spoils: by its signature, or by what it is about. */
const lieCase = (fault: Exclude<SimulatorFault, Refusal>, says: string): KitCase => ({
  name: `a charge's answer ${says} is no success and no definite refusal`,
  run: async (kit) => {
    const order = kit.order()
    if (!kit.simulator.fault(fault)) return
    claimUncertain(await kit.act((channel) => channel.charge(order)), `a charge's answer ${says}`)
  }
})

const queryLieCase = (fault: Exclude<SimulatorFault, Refusal | "other-amount">, says: string): KitCase => ({
  name: `a query's answer ${says} says nothing`,
  run: async (kit) => {
    const order = await kit.paid()
    if (!kit.simulator.fault(fault)) return
    claimUnanswered(await kit.act((channel) => channel.query(order)), `a query's answer ${says}`)
  }
})

const isSameState = (state: ChargeState, truth: ChargeState): boolean =>
  state.state === "paid" && truth.state === "paid"
    ? state.payment.amountFen === truth.payment.amountFen &&
      state.payment.channelTradeNo === truth.payment.channelTradeNo &&
      state.payment.currency === truth.payment.currency
    : state.state === truth.state

/** Answers of providers, and of whatever stands before them. */
export const ANSWER_CASES: ReadonlyArray<KitCase> = [
  ...faults.map(chargeCase),
  {
    name: "a charge that finds nobody listening is no success",
    run: async (kit) => {
      const order = kit.order()
      kit.wire.next("refused")
      const outcome = await kit.act((channel) => channel.charge(order))
      if (kit.wire.clear()) return
      claim(outcome._tag === "Failure", `nobody was listening, and the charge shows ${describe(outcome)}`)
      claimNoDefect(outcome, "a charge that finds nobody listening")
    }
  },
  {
    name: "a charge's answer without its headers is no success, unless its signature is in the body",
    run: async (kit) => {
      kit.wire.next("no-headers")
      const outcome = await kit.act((channel) => channel.charge(kit.order()))
      if (!kit.wire.clear()) claimTrueOrUncertain(kit, outcome, "a charge's answer without its headers")
    }
  },
  {
    name: "a charge's answer with one byte changed anywhere shows nothing that the provider did not say",
    run: async (kit) => {
      for (const at of PLACES) {
        kit.wire.next("changed-byte", at)
        const outcome = await kit.act((channel) => channel.charge(kit.order()))
        if (kit.wire.clear()) return
        claimTrueOrUncertain(kit, outcome, `a charge's answer with a byte changed at ${at * 100} %`)
      }
    }
  },
  {
    name: "a charge that the provider answers with 'not now' is uncertain, not refused, and works later",
    run: async (kit) => {
      const order = kit.order()
      if (!kit.simulator.fault("rate-limited")) return
      claimUncertain(await kit.act((channel) => channel.charge(order)), "a charge that is answered with 'not now'")
      claimDone(await kit.act((channel) => channel.charge(order)), "the same charge a moment later")
    }
  },
  lieCase("wrong-signature", "signed with a key that nobody knows"),
  lieCase("unsigned", "that nobody signed"),
  lieCase("other-order", "about another order"),
  lieCase("other-amount", "about another amount"),
  ...faults.map(queryCase),
  {
    name: "a query that finds nobody listening says nothing of a paid order",
    run: async (kit) => {
      const order = await kit.paid()
      kit.wire.next("refused")
      const outcome = await kit.act((channel) => channel.query(order))
      kit.wire.clear()
      claimUnanswered(outcome, "a query that finds nobody listening")
    }
  },
  {
    name: "a query's answer with one byte changed anywhere says nothing, or still the truth",
    run: async (kit) => {
      const order = await kit.paid()
      const truth = claimDone(await kit.act((channel) => channel.query(order)), "a query of a paid order")
      for (const at of PLACES) {
        kit.wire.next("changed-byte", at)
        const outcome = await kit.act((channel) => channel.query(order))
        kit.wire.clear()
        claimNoDefect(outcome, "a query whose answer was changed")
        const told = outcome._tag === "Failure" || isSameState(outcome.success, truth)
        claim(told, `an answer with a byte changed at ${at * 100} % says ${describe(outcome)}`)
      }
    }
  },
  {
    name: "a query that the provider answers with 'not now' says nothing of a paid order",
    run: async (kit) => {
      const order = await kit.paid()
      if (!kit.simulator.fault("rate-limited")) return
      claimUnanswered(await kit.act((channel) => channel.query(order)), "a query that is answered with 'not now'")
    }
  },
  queryLieCase("wrong-signature", "signed with a key that nobody knows"),
  queryLieCase("unsigned", "that nobody signed"),
  queryLieCase("other-order", "about another order"),
  {
    name: "a fault strikes its own call only: the next charge works",
    run: async (kit) => {
      for (const fault of ["lost-answer", "garbage", "http-500"] as const) {
        kit.wire.next(fault)
        await kit.act((channel) => channel.charge(kit.order()))
        kit.wire.clear()
        await kit.charged()
      }
    }
  }
]

import type { CloseState } from "../channel/provider.ts"
import { claim, claimDone, claimEqual, claimNoDefect, claimUnanswered, describe, type Outcome } from "./claim.ts"
import type { Act, Kit, KitCase, KitOrder } from "./kit.ts"
import { WIRE_FAULTS, type WireFault } from "./wire.ts"

const stateOf = async (kit: Kit, order: KitOrder): Promise<string> =>
  claimDone(await kit.act((channel) => channel.query(order)), "a query").state

/** A case about channels that close orders; it passes for other channels. */
const closeCase = (
  name: string,
  run: (kit: Kit, close: (order: KitOrder) => Promise<Outcome<CloseState>>) => Promise<void>
): KitCase => ({
  name,
  run: async (kit) => {
    const { close } = kit.channel
    if (close !== undefined) await run(kit, (order) => kit.act(() => close(order) as Act<CloseState>))
  }
})

const CLOSE_FAULTS: ReadonlyArray<WireFault> = [
  "lost-request",
  "cut-request",
  "http-500",
  "http-401",
  "http-404",
  "http-429",
  "redirect",
  "garbage",
  "empty",
  "empty-object",
  "html"
]

/** What the channel reports of an order in each of its states, and what a close does. */
export const STATE_CASES: ReadonlyArray<KitCase> = [
  {
    name: "an order that the provider has never heard of is absent or pending, never more",
    run: async (kit) => {
      const state = await stateOf(kit, kit.order())
      claim(["absent", "pending"].includes(state), `an unknown order is ${state}`)
    }
  },
  {
    name: "an order that nobody has paid is pending",
    run: async (kit) => claimEqual(await stateOf(kit, await kit.charged()), "pending", "an unpaid order")
  },
  {
    name: "an order that was paid is paid, however often it is asked about",
    run: async (kit) => {
      const order = await kit.paid()
      for (let time = 0; time < 3; time++) claimEqual(await stateOf(kit, order), "paid", "a paid order")
    }
  },
  {
    name: "of many orders each has its own state",
    run: async (kit) => {
      const orders = [await kit.paid(), await kit.charged(), await kit.paid(), await kit.charged()]
      const states = await Promise.all(orders.map((order) => stateOf(kit, order)))
      claimEqual(states, ["paid", "pending", "paid", "pending"], "the states of four orders, asked at once,")
    }
  },
  {
    name: "an order is known again from what was stored, by a channel opened anew",
    run: async (kit) => {
      const order = await kit.paid()
      const stored: KitOrder = { ...order, reference: JSON.parse(JSON.stringify(order.reference)) }
      const again = claimDone(await kit.check(kit.simulator.account), "opening the account again")
      const state = claimDone(await kit.act(() => again.query(stored)), "a query after a restart")
      claimEqual(state.state, "paid", "a paid order after a restart")
    }
  },
  {
    name: "asking changes nothing: after a query the order can still be paid",
    run: async (kit) => {
      const order = await kit.charged()
      await stateOf(kit, order)
      claim(await kit.simulator.pay(order.orderNo), "after a query nobody can pay the order any more")
      claimEqual(await stateOf(kit, order), "paid", "the order")
    }
  },
  closeCase("an unpaid order that is closed is closed, and nobody can pay it any more", async (kit, close) => {
    const order = await kit.charged()
    claimEqual(claimDone(await close(order), "closing an unpaid order"), { state: "closed" }, "a closed order")
    const paid = await kit.simulator.pay(order.orderNo)
    claim(!paid, "an order that the channel called closed could be paid")
    const state = await stateOf(kit, order)
    claim(["closed", "absent"].includes(state), `a closed order is ${state} by its query`)
  }),
  closeCase("closing a closed order says closed again", async (kit, close) => {
    const order = await kit.charged()
    await close(order)
    claimEqual(claimDone(await close(order), "closing again"), { state: "closed" }, "a closed order")
  }),
  closeCase("closing a paid order says paid, or leaves it open, and the order stays paid", async (kit, close) => {
    const order = await kit.paid()
    const outcome = await close(order)
    claimNoDefect(outcome, "closing a paid order")
    claim(outcome._tag === "Failure" || outcome.success.state === "paid", `a paid order is ${describe(outcome)}`)
    claimEqual(await stateOf(kit, order), "paid", "a paid order that somebody tried to close")
  }),
  closeCase("closing an order that the provider has never heard of never says paid", async (kit, close) => {
    const outcome = await close(kit.order())
    claimNoDefect(outcome, "closing an unknown order")
    claim(outcome._tag === "Failure" || outcome.success.state === "closed", `an unknown order is ${describe(outcome)}`)
  }),
  ...CLOSE_FAULTS.map((fault) =>
    closeCase(`a close that ${WIRE_FAULTS[fault].says} closes nothing`, async (kit, close) => {
      const order = await kit.charged()
      kit.wire.next(fault)
      const outcome = await close(order)
      claim(!kit.wire.clear(), "closing asks nobody")
      claimUnanswered(outcome, `a close that ${WIRE_FAULTS[fault].says}`)
    })
  ),
  closeCase("a close that the provider answers with 'not now' closes nothing", async (kit, close) => {
    const order = await kit.charged()
    if (!kit.simulator.fault("rate-limited")) return
    claimUnanswered(await close(order), "a close that is answered with 'not now'")
    claim(await kit.simulator.pay(order.orderNo), "after a close that was answered with 'not now' nobody can pay")
  }),
  closeCase("a close whose answer is signed with a key that nobody knows says nothing", async (kit, close) => {
    const order = await kit.charged()
    if (!kit.simulator.fault("wrong-signature")) return
    const outcome = await close(order)
    claimNoDefect(outcome, "a close with a forged answer")
    // Whoever looks the order up after the close may still know the truth.
    const truth = claimDone(await kit.act((channel) => channel.query(order)), "a query").state
    claim(outcome._tag === "Failure" || truth === "closed", `a forged answer is taken for ${describe(outcome)}`)
    claim(outcome._tag === "Failure", "a forged answer to a close is taken for the provider's word")
  })
]

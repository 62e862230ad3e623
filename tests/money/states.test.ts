import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import fc from "fast-check"
import { reconcileOrder } from "../../core/cashier/reconcile.ts"
import { settlePayment } from "../../core/cashier/settle.ts"
import type { Order, OrderStatus } from "../../core/domain/order.ts"
import { paymentOf } from "../harness/in-process-gateway.ts"
import { type AuditedCore, openAuditedCore } from "./audited-core.ts"

/* Whatever events reach an order, in any sequence or at once, only allowed edges happen and one state is the end. */

setDefaultTimeout(60_000)

let core: AuditedCore
beforeAll(async () => {
  core = await openAuditedCore()
})
afterAll(async () => {
  const breaches = await core?.audit.breaches()
  await core?.close()
  expect(breaches).toEqual([])
})

const EVENTS = [
  "paid",
  "paid-other-trade",
  "short",
  "dollars",
  "query-pending",
  "query-paid",
  "query-failed",
  "query-closed",
  "query-absent"
] as const
type Event = (typeof EVENTS)[number]

/** Hands an event to the core. @param order as it was when it was read, which in a second process may be long ago */
const hear = async (order: Order, event: Event): Promise<void> => {
  const { run, book } = core
  const { orderNo } = order
  switch (event) {
    case "paid":
      return void (await run(settlePayment(order, paymentOf(order), null)))
    case "paid-other-trade":
      return void (await run(settlePayment(order, paymentOf(order, { channelTradeNo: `T2-${orderNo}` }), null)))
    case "short":
      return void (await run(
        settlePayment(order, paymentOf(order, { amountFen: 999, channelTradeNo: `T3-${orderNo}` }), null)
      ))
    case "dollars":
      return void (await run(
        settlePayment(order, paymentOf(order, { currency: "USD", channelTradeNo: `T4-${orderNo}` }), null)
      ))
    case "query-pending":
      book.states.set(orderNo, { state: "pending" })
      break
    case "query-paid":
      book.states.set(orderNo, { state: "paid", payment: paymentOf(order) })
      break
    case "query-failed":
      book.states.set(orderNo, { state: "failed", reason: "declined" })
      break
    case "query-closed":
      book.states.set(orderNo, { state: "closed" })
      break
    case "query-absent":
      book.states.delete(orderNo)
      break
  }
  await run(reconcileOrder(order))
}

/** The state that each event moves a PENDING order to. */
const ENDS: { readonly [E in Event]?: OrderStatus } = {
  paid: "PAID",
  "paid-other-trade": "PAID",
  "query-paid": "PAID",
  "query-failed": "FAILED",
  "query-closed": "CLOSED"
}

/** The state and the flags that a sequence of events must leave. */
const flagsOf = (events: ReadonlyArray<Event>): { status: OrderStatus; flags: ReadonlyArray<string> } => {
  let status: OrderStatus = "PENDING"
  let trade = ""
  const flags = new Set<string>()
  for (const event of events) {
    const paysWith = event === "paid" || event === "query-paid" ? "T" : event === "paid-other-trade" ? "T2" : undefined
    if (status === "PENDING") {
      if (ENDS[event] !== undefined) status = ENDS[event]
      if (status === "PAID") trade = paysWith ?? ""
      if (event === "short") flags.add("amount-mismatch")
      if (event === "dollars") flags.add("currency-mismatch")
      continue
    }
    const isPayment = paysWith !== undefined || event === "short" || event === "dollars"
    if (!isPayment) continue
    if (status === "PAID") {
      if (paysWith !== trade) flags.add("second-payment")
    } else if (event === "short") flags.add("amount-mismatch")
    else if (event === "dollars") flags.add("currency-mismatch")
    else flags.add("late-payment")
  }
  return { status, flags: [...flags].sort() }
}

const sequences = fc.array(fc.constantFrom(...EVENTS), { minLength: 1, maxLength: 8 })

test("any sequence of events ends in the state and the flags that the table says", () =>
  fc.assert(
    fc.asyncProperty(sequences, async (events) => {
      const order = await core.order()
      for (const event of events) await hear(await core.find(order), event)
      const { status, flags } = await core.find(order)
      const told: ReturnType<typeof flagsOf> = { status, flags: [...flags].sort() }
      expect(told).toEqual(flagsOf(events))
    }),
    { numRuns: 150 }
  ))

test("any events at once end in one state, by one edge, and every whole payment is credited or flagged", () =>
  fc.assert(
    fc.asyncProperty(sequences, async (events) => {
      const order = await core.order()
      await Promise.all(events.map((event) => hear(order, event)))
      const { status, flags } = await core.find(order)
      const edges = await core.audit.edges(order.orderNo)
      expect(edges.length).toBe(status === "PENDING" ? 0 : 1)
      if (events.includes("paid")) {
        expect(status === "PAID" || flags.includes("late-payment")).toBe(true)
        if (events.includes("paid-other-trade") && status === "PAID") expect(flags).toContain("second-payment")
      }
    }),
    { numRuns: 100 }
  ))

import { describe, expect, test } from "bun:test"
import { planFaults, seeded } from "./plan.ts"

const CALLS = ["refused", "busy", "lost-answer"] as const
const ORDERS = ["no-notice", "late-payment"] as const
const plan = () => planFaults({ calls: CALLS, orders: ORDERS })

describe("a planned call fault", () => {
  test("strikes once, the oldest first", () => {
    const faults = plan()
    faults.inject({ fault: "refused" })
    faults.inject({ fault: "busy" })
    expect([1, 2, 3].map(() => faults.ofCall("pay", "1"))).toEqual(["refused", "busy", undefined])
  })

  test("strikes as often as it says", () => {
    const faults = plan()
    faults.inject({ fault: "busy", times: 2 })
    expect([1, 2, 3].map(() => faults.ofCall("pay", "1"))).toEqual(["busy", "busy", undefined])
  })

  test("strikes only the order and the call that it names", () => {
    const faults = plan()
    faults.inject({ fault: "busy", outTradeNo: "2", call: "query" })
    expect(faults.ofCall("trade.query", "1")).toBeUndefined()
    expect(faults.ofCall("trade.pay", "2")).toBeUndefined()
    expect(faults.ofCall("trade.query", "2")).toBe("busy")
  })

  test("is gone when all are cleared", () => {
    const faults = plan()
    faults.inject({ fault: "busy" })
    faults.inject({ fault: "no-notice" })
    faults.clear()
    expect(faults.ofCall("pay", "1")).toBeUndefined()
    expect(faults.ofOrder("1").size).toBe(0)
  })

  test("that the simulator does not support is refused by a sentence that names what it supports", () => {
    expect(() => plan().inject({ fault: "garbage" as "busy" })).toThrow(
      "no fault garbage: it has refused, busy, lost-answer, no-notice, late-payment"
    )
  })
})

test("an order has the faults of its number and those of every order, and keeps them", () => {
  const faults = plan()
  faults.inject({ fault: "no-notice", outTradeNo: "1" })
  faults.inject({ fault: "late-payment" })
  expect([...faults.ofOrder("1")]).toEqual(["no-notice", "late-payment"])
  expect([...faults.ofOrder("2")]).toEqual(["late-payment"])
  expect([...faults.ofOrder("1")]).toEqual(["no-notice", "late-payment"])
  expect(faults.ofCall("pay", "1")).toBeUndefined()
})

describe("by chance", () => {
  const drawn = (seed: number, probability = 0.5) => {
    const faults = planFaults({ calls: CALLS, orders: ORDERS }, { probability, seed })
    return Array.from({ length: 200 }, () => faults.ofCall("pay", "1"))
  }

  test("the same seed draws the same faults, another seed others", () => {
    expect(drawn(1)).toEqual(drawn(1))
    expect(drawn(1)).not.toEqual(drawn(2))
  })

  test("calls meet faults as often as the probability says, and no call stays unanswered", () => {
    const struck = drawn(3).filter((fault) => fault !== undefined)
    expect(struck.length).toBeGreaterThan(70)
    expect(struck.length).toBeLessThan(130)
    expect(new Set(struck)).toEqual(new Set(["refused", "busy"]))
    expect(drawn(3, 0).every((fault) => fault === undefined)).toBe(true)
  })

  test("only the named faults are drawn, even one that leaves the call unanswered", () => {
    const faults = planFaults({ calls: CALLS }, { probability: 1, seed: 1, faults: ["lost-answer"] })
    expect(faults.ofCall("pay", "1")).toBe("lost-answer")
  })

  test("a drawn fault does not strike a call that it may not spoil", () => {
    const faults = planFaults(
      { calls: ["busy"] as const, maySpoil: (_, call) => call === "pay" },
      { probability: 1, seed: 1 }
    )
    expect([faults.ofCall("query", "1"), faults.ofCall("pay", "1")]).toEqual([undefined, "busy"])
  })
})

test("seeded numbers fill the range from 0 to 1", () => {
  const random = seeded(20261124)
  const numbers = Array.from({ length: 1_000 }, random)
  expect(Math.min(...numbers)).toBeWithin(0, 0.01)
  expect(Math.max(...numbers)).toBeWithin(0.99, 1)
})

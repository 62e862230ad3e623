import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { becomes } from "../harness/payer.ts"
import { until } from "../harness/until.ts"
import { auditedSuite, orderNoOf, shown, statusOf } from "./audited-gateway.ts"

/* Expired orders are closed at the channel first; a payment that wins the race is settled. */

setDefaultTimeout(60_000)

const suite = auditedSuite()

describe.concurrent("an expired order", () => {
  test("is closed at the channel first, then here", async () => {
    const { order, provider, shop, audit } = suite()
    const made = await order("close=slow")
    const orderNo = orderNoOf(made)
    await audit.expire(orderNo)
    await until("the channel to be asked to close", () => provider.count("close", orderNo) === 1)
    // The channel has been asked and has not answered yet.
    expect(await statusOf(shop, made)).toBe("PENDING")
    await becomes(shop, made, "CLOSED")
    expect(provider.trade(orderNo).state).toBe("closed")
  })

  test.each([
    ["says so", "close=paid-first"],
    ["says that it is closed", "close=paid-unseen"]
  ])("that a payer pays while it is being closed is settled, when the close %s", async (_, plan) => {
    const { order, provider, shop, audit, receiver } = suite()
    const inbox = receiver.inbox()
    const made = await order(plan, { notify_url: inbox.url })
    await audit.expire(orderNoOf(made))
    await becomes(shop, made, "PAID")
    await inbox.waitFor(1)
    expect(provider.count("close", orderNoOf(made))).toBe(1)
    expect(await audit.edges(orderNoOf(made))).toEqual([["PENDING", "PAID"]])
  })

  test("whose notice races the close ends PAID, or CLOSED with the late payment flagged", async () => {
    const { order, provider, shop, audit } = suite()
    const made = await Promise.all(Array.from({ length: 30 }, () => order("close=slow")))
    await Promise.all(
      made.map(async (one, index) => {
        const orderNo = orderNoOf(one)
        await audit.expire(orderNo)
        await until("the close", () => provider.count("close", orderNo) > 0)
        // Spreads the notices over the half second that a slow close takes and a little more: before, during and after.
        await new Promise((resolve) => setTimeout(resolve, index * 25))
        provider.pay(orderNo)
        await provider.notify(orderNo)
      })
    )
    for (const one of made) {
      const [row] = await audit.sql`select status, flags from orders where order_no = ${orderNoOf(one)}`
      const ended = [row?.status, row?.flags]
      expect([
        [1, []],
        [4, ["late-payment"]]
      ]).toContainEqual(ended)
    }
    expect(await statusOf(shop, made[0] as (typeof made)[0])).not.toBe("PENDING")
  })

  test.each([
    ["a close that fails", "close=error"],
    ["a close that is refused", "close=refuse"]
  ])("stays PENDING after %s, because a payer may still pay", async (_, plan) => {
    const { order, provider, shop, audit } = suite()
    const made = await order(plan)
    const orderNo = orderNoOf(made)
    await audit.expire(orderNo)
    // A refusal and an error leave the trade open at the provider.
    await until("the channel to be asked to close", () => provider.count("close", orderNo) >= 1)
    await until("the question after the close", () => provider.count("query", orderNo) >= 2)
    expect(await statusOf(shop, made)).toBe("PENDING")
    provider.pay(orderNo)
    await becomes(shop, made, "PAID")
  })

  test("at the sandbox stays payable after a close that fails, and money after a close is flagged", async () => {
    const { gateway, audit } = suite()
    const tester = await gateway.merchant()
    const [erring, lying] = [await tester.qrcodePay({ amount: 888_809 }), await tester.qrcodePay({ amount: 888_819 })]
    for (const made of [erring, lying]) await audit.expire(orderNoOf(made))
    await becomes(tester, lying, "CLOSED")
    await until("the late payment's flag", async () => {
      const order = await shown(gateway, lying)
      return JSON.stringify(order).includes("late-payment")
    })
    expect(await statusOf(tester, lying)).toBe("CLOSED")
    expect(await statusOf(tester, erring)).toBe("PENDING")
    await gateway.command(["sandbox", "pay", orderNoOf(erring)])
    await becomes(tester, erring, "PAID")
  })
})

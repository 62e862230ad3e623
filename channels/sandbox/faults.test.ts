import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { FAULTS, type FaultSettings, faultsOf, PARALLEL_NOTICES, REPORTED_FEE_FEN } from "./faults.ts"
import { sandboxPay } from "./index.ts"
import { type Harness, type HarnessOptions, newOrder, payUrlOf, startHarness } from "./site.fixture.ts"

type Order = ReturnType<typeof newOrder>
type Name = (typeof FAULTS)[number]["name"]

/** Drives an order of a row's amount, or an ordinary order on an account with the row's setting. */
interface Drive {
  readonly harness: Harness
  readonly order: Order
  readonly charge: () => Promise<{ readonly error?: string; readonly payUrl?: string }>
  /** Charges, then pays on the payer's page. */
  readonly paid: () => Promise<void>
  readonly query: () => Promise<object>
  readonly pay: () => Promise<unknown>
  readonly close: () => Promise<object>
}

const amountOf = (name: Name, stage: string): number =>
  FAULTS.find((fault) => fault.name === name && fault.stage === stage)?.amountFen ?? 0

const drive = async (
  by: "amount" | "setting",
  stage: keyof FaultSettings,
  name: Name,
  how: (driven: Drive) => Promise<void>,
  options: HarnessOptions = {}
) => {
  const faults: FaultSettings = by === "setting" ? { [stage]: name } : {}
  const harness = await startHarness({ faults, deadlineMs: 2_000, ...options })
  const order = newOrder(harness, by === "amount" ? { amountFen: amountOf(name, stage) } : {})
  const { channel } = harness
  const charge = (): Promise<{ readonly error?: string; readonly payUrl?: string }> =>
    harness.run(channel.charge(order)).then(
      (shown) => ({ payUrl: payUrlOf(shown) }),
      (error) => ({ error: `${error.name ?? error._tag} ${error.why ?? error.reason ?? ""}` })
    )
  const failing = <A>(asked: Promise<A>) => asked.catch((error) => ({ error: error.why as string }))
  try {
    await how({
      harness,
      order,
      charge,
      paid: async () => {
        const { payUrl = "" } = await charge()
        await harness.press(payUrl, "pay")
      },
      query: () => failing(harness.run(channel.query(order))),
      pay: () => harness.run(sandboxPay(harness.account, "acc_sandbox", harness.gateway, { orderNo: order.orderNo })),
      close: () => {
        if (channel.close === undefined) throw new Error("the sandbox closes")
        return failing(harness.run(channel.close(order)))
      }
    })
  } finally {
    await harness.stop()
  }
}

const payments = (harness: Harness) =>
  harness.notices.map(({ read }) => {
    if (typeof read === "string") return read
    return read.kind === "payment" ? read.payment : null
  })

describe.each(["amount", "setting"] as const)("by %s, the sandbox can", (by) => {
  test("definitely refuse the charge, and then it has no trade", () =>
    drive(by, "charge", "refuse", async ({ charge, query }) => {
      expect((await charge()).error).toStartWith("ChannelRejected")
      expect(await query()).toEqual({ state: "absent" })
    }))

  test("lose the answer to a charge, which can be queried and paid later", () =>
    drive(by, "charge", "lost", async ({ charge, query, pay }) => {
      expect((await charge()).error).toBe("ChannelUncertain server-error")
      expect(await query()).toEqual({ state: "pending" })
      await pay()
      expect(await query()).toMatchObject({ state: "paid" })
    }))

  test("never answer a charge, and then it has no trade", () =>
    drive(
      by,
      "charge",
      "hang",
      async ({ charge, query }) => {
        expect((await charge()).error).toBe("ChannelUncertain timeout")
        expect(await query()).toEqual({ state: "absent" })
      },
      { deadlineMs: 200 }
    ))

  test("end a charge that it never answers, so that nothing hangs for ever", () =>
    drive(
      by,
      "charge",
      "hang",
      async ({ charge }) => expect((await charge()).error).toBe("ChannelUncertain server-error"),
      { delays: { hangMs: 20 } }
    ))

  test("sign the answer to a charge wrongly although the trade exists", () =>
    drive(by, "charge", "bad-signature", async ({ charge, query }) => {
      expect((await charge()).error).toBe("ChannelUncertain bad-signature")
      expect(await query()).toEqual({ state: "pending" })
    }))

  test("answer a charge with 500 and make no trade", () =>
    drive(by, "charge", "error", async ({ charge, query }) => {
      expect((await charge()).error).toBe("ChannelUncertain server-error")
      expect(await query()).toEqual({ state: "absent" })
    }))

  test("answer a charge with something unreadable although the trade exists", () =>
    drive(by, "charge", "garbage", async ({ charge, query }) => {
      expect((await charge()).error).toBe("ChannelUncertain unreadable")
      expect(await query()).toEqual({ state: "pending" })
    }))

  test("answer a charge late", () =>
    drive(
      by,
      "charge",
      "late",
      async ({ charge }) => {
        const before = performance.now()
        expect((await charge()).payUrl).toBeString()
        expect(performance.now() - before).toBeGreaterThan(140)
      },
      { delays: { lateChargeMs: 150 } }
    ))

  test("answer every query with 500", () =>
    drive(by, "query", "error", async ({ charge, query }) => {
      expect((await charge()).payUrl).toBeString()
      expect(await query()).toEqual({ error: "server-error" })
    }))

  test("answer a close with 500 and leave the trade payable", () =>
    drive(by, "close", "error", async ({ charge, close, query }) => {
      await charge()
      expect(await close()).toEqual({ error: "server-error" })
      expect(await query()).toEqual({ state: "pending" })
    }))

  test("answer a refund as pending until it is queried", () =>
    drive(by, "refund", "pending", async ({ harness, order, paid }) => {
      await paid()
      const { refund, queryRefund } = harness.channel
      if (refund === undefined || queryRefund === undefined) throw new Error("the sandbox refunds")
      const asked = { charge: order, refundNo: "R1", refundFen: 1, reason: "", noticeUrl: "" }
      expect(await harness.run(refund(asked))).toEqual({ state: "pending" })
      expect(await harness.run(queryRefund(asked))).toMatchObject({ state: "refunded", refundFen: 1 })
    }))

  test("send the notice twice, with one trade number", () =>
    drive(by, "notice", "twice", async ({ harness, paid }) => {
      await paid()
      expect(harness.notices).toHaveLength(2)
      expect(payments(harness)[0]).toEqual(payments(harness)[1])
    }))

  test("send the notice five times at once", () =>
    drive(by, "notice", "parallel", async ({ harness, paid }) => {
      await paid()
      expect(harness.notices).toHaveLength(PARALLEL_NOTICES)
      expect(new Set(harness.notices.map((notice) => notice.body)).size).toBe(1)
    }))

  test("take one fen less and say so in notice and query", () =>
    drive(by, "payment", "wrong-amount", async ({ harness, order, paid, query }) => {
      await paid()
      expect(payments(harness)).toMatchObject([{ amountFen: order.amountFen - 1 }])
      expect(await query()).toMatchObject({ state: "paid", payment: { amountFen: order.amountFen - 1 } })
    }))

  test("forge the notice's signature, so that only a query knows", () =>
    drive(by, "notice", "forged", async ({ harness, paid, query }) => {
      await paid()
      await harness.noticed(3)
      expect(payments(harness)).toEqual(["bad-signature", "bad-signature", "bad-signature"])
      expect(await query()).toMatchObject({ state: "paid" })
    }))

  test("send no notice, so that only a query knows", () =>
    drive(by, "notice", "silent", async ({ harness, paid, query }) => {
      await paid()
      expect(await query()).toMatchObject({ state: "paid" })
      expect(harness.notices).toHaveLength(0)
    }))

  test("send the notice late", () =>
    drive(
      by,
      "notice",
      "late",
      async ({ harness, paid }) => {
        await paid()
        expect(harness.notices).toHaveLength(0)
        await harness.noticed(1)
        expect(payments(harness)).toHaveLength(1)
      },
      { delays: { lateNoticeMs: 100 } }
    ))

  test("send notices out of order, of which one carries the payment", () =>
    drive(by, "notice", "out-of-order", async ({ harness, order, paid }) => {
      await paid()
      expect(payments(harness)).toMatchObject([null, { amountFen: order.amountFen }, null])
    }))

  test("report a second payment with another trade number", () =>
    drive(by, "notice", "second-payment", async ({ harness, paid, query }) => {
      await paid()
      const [first, second] = payments(harness)
      if (typeof first !== "object" || typeof second !== "object") throw new Error("two verified notices")
      expect(first?.channelTradeNo).not.toBe(second?.channelTradeNo ?? "")
      expect(await query()).toMatchObject({ payment: { channelTradeNo: first?.channelTradeNo ?? "" } })
    }))

  test("answer a close as closed and report a payment all the same", () =>
    drive(by, "close", "late-payment", async ({ harness, order, charge, close, query }) => {
      await charge()
      expect(await close()).toEqual({ state: "closed" })
      await harness.noticed(1)
      expect(payments(harness)).toMatchObject([{ amountFen: order.amountFen }])
      expect(await query()).toMatchObject({ state: "paid" })
    }))

  test("report a fee of its own", () =>
    drive(by, "payment", "fee", async ({ harness, paid, query }) => {
      await paid()
      expect(payments(harness)).toMatchObject([{ feeFen: REPORTED_FEE_FEN }])
      expect(await query()).toMatchObject({ payment: { feeFen: REPORTED_FEE_FEN } })
    }))

  test("report a payment in another currency", () =>
    drive(by, "payment", "currency", async ({ harness, paid }) => {
      await paid()
      expect(payments(harness)).toMatchObject([{ currency: "USD" }])
    }))

  test("use one trade number for two orders", () =>
    drive(by, "payment", "reused-number", async ({ harness, order, paid }) => {
      await paid()
      const other = newOrder(harness, { amountFen: order.amountFen })
      await harness.press(payUrlOf(await harness.run(harness.channel.charge(other))), "pay")
      const [first, second] = payments(harness)
      if (typeof first !== "object" || typeof second !== "object") throw new Error("two verified notices")
      expect(first?.channelTradeNo).toBe(second?.channelTradeNo ?? "")
    }))
})

describe("the table of faults", () => {
  test("has each amount of its band once, and nothing outside it", () => {
    expect(FAULTS.map((fault): number => fault.amountFen)).toEqual(Array.from(FAULTS, (_row, index) => 888_801 + index))
  })

  test("puts an amount's own row before the account's setting, and leaves the other stages", () => {
    const settings: FaultSettings = { charge: "late", notice: "twice" }
    expect(faultsOf(settings, 888_801)).toEqual({ charge: "refuse", notice: "twice" })
    expect(faultsOf(settings, 888_800)).toEqual(settings)
    expect(faultsOf(undefined, 888_823)).toEqual({})
  })

  test("stands in the README, row by row", () => {
    const readme = readFileSync(new URL("./README.md", import.meta.url), "utf8").replaceAll(/ +/g, " ")
    for (const { amountFen, stage, name, en } of FAULTS) {
      expect(readme).toContain(`| ${amountFen} | \`${stage}\`: \`${name}\` | ${en} |`)
    }
  })

  test("is shown to the payer of such an order, and to nobody else", async () => {
    const harness = await startHarness()
    try {
      const pageOf = async (amountFen: number) => {
        const shown = await harness.run(harness.channel.charge(newOrder(harness, { amountFen })))
        return (await fetch(`${payUrlOf(shown)}?lang=en`)).text()
      }
      expect(await pageOf(888_811)).toContain("send the notice of the payment twice")
      expect(await pageOf(888_800)).not.toContain("makes the sandbox")
    } finally {
      await harness.stop()
    }
  })
})

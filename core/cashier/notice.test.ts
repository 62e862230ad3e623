import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { bookNotice } from "../../tests/harness/bookkeeper.ts"
import { openInProcessGateway, paymentOf } from "../../tests/harness/in-process-gateway.ts"
import type { StoreMethod } from "../../tests/harness/memory-persistence/store.ts"
import { orderKey } from "../../tests/harness/memory-persistence/tables.ts"
import { perTest } from "../../tests/harness/per-test.ts"
import { anOrder } from "../../tests/harness/sample-orders.ts"
import type { Order } from "../domain/order.ts"
import { Accounts } from "../pipeline/persistence/accounts.ts"
import { Orders } from "../pipeline/persistence/orders.ts"
import { Channels } from "./channels.ts"
import { takeNotice } from "./notice.ts"

const gateway = perTest(() => openInProcessGateway({ accounts: [{ id: "acc_1" }, { id: "acc_2" }] }))

type Sent = ReturnType<typeof bookNotice>

/** What the provider is told: the reply's text, "no such account", or the failure's tag. */
const hear = (sent: Sent, accountId = "acc_1"): Promise<string> =>
  gateway().run(
    takeNotice({ accountId, sent }).pipe(
      Effect.match({ onFailure: ({ _tag }) => _tag, onSuccess: (reply) => reply?.body ?? "no such account" })
    )
  )

/** The same over HTTP: the status and the text. */
const post = async (sent: Sent, accountId = "acc_1") => {
  const response = await gateway().fetch(`/api/notice/${accountId}`, { ...sent, body: Buffer.from(sent.body) })
  return [response.status, await response.text()] as const
}

const kept = () => {
  const { tables } = gateway()
  return {
    events: tables.events.length,
    notices: tables.notices.length,
    strays: tables.strays.size,
    webhooks: tables.outbox.size
  }
}
const nothing = { events: 0, notices: 0, strays: 0, webhooks: 0 }
const settled = { events: 1, notices: 1, strays: 0, webhooks: 1 }

const checkMs = (order: Order) => gateway().tables.orders.get(orderKey(order))?.nextCheckMs

describe("a notice that is refused", () => {
  test.each([
    ["ill-signed", (order: Order) => bookNotice(order.orderNo, paymentOf(order), "a forgery")],
    ["unreadable", () => ({ ...bookNotice("", null), body: new TextEncoder().encode("{") })],
    ["empty", () => ({ ...bookNotice("", null), body: new Uint8Array() })]
  ])("as %s changes nothing and is not kept", async (_, notice) => {
    const { order, find } = gateway()
    const made = await order()
    expect(await hear(notice(made))).toBe("fail")
    expect(await find(made)).toEqual(made)
    expect(kept()).toEqual(nothing)
  })

  test("for an account that does not exist is not answered", async () => {
    const made = await gateway().order()
    expect(await hear(bookNotice(made.orderNo, paymentOf(made)), "acc_9")).toBe("no such account")
    expect((await post(bookNotice(made.orderNo, paymentOf(made)), "acc_9"))[0]).toBe(404)
    expect(kept()).toEqual(nothing)
  })
})

describe("news that is no payment", () => {
  const asked = async (order: Order, accountId = "acc_1") => {
    expect(await hear(bookNotice(order.orderNo, null), accountId)).toBe("success")
    expect(kept()).toMatchObject({ notices: 0, strays: 0, webhooks: 0 })
    return checkMs(order)
  }

  test("has the channel asked at once", async () => {
    const made = await gateway().order()
    expect(await asked(made)).toBe(await gateway().nowMs())
  })

  test("at another account asks nothing", async () => {
    const made = await gateway().order()
    expect(await asked(made, "acc_2")).toBe(anOrder().nextCheckAt.getTime())
  })

  test("of an order that has ended asks nothing", async () => {
    const { order, run } = gateway()
    const made = await order()
    await run(Effect.flatMap(Orders, (orders) => orders.end(made, "CLOSED", "expired")))
    expect(await asked(made)).toBeNull()
  })

  test("of an unknown order is acknowledged", async () => {
    expect(await hear(bookNotice("QR20260315100000ZZZZZZZZ", null))).toBe("success")
  })

  test.each<[StoreMethod]>([["orders.findByOrderNo"], ["orders.scheduleCheck"]])(
    "is acknowledged though %s fails: it proves nothing, and the schedule asks anyway",
    async (method) => {
      const { order, fail } = gateway()
      const made = await order()
      fail(method, "away")
      expect(await asked(made)).toBe(anOrder().nextCheckAt.getTime())
    }
  )
})

describe("a notice of a payment", () => {
  test("settles its order once, however often and however many at a time it comes", async () => {
    const { order, find } = gateway()
    const made = await order()
    const notice = bookNotice(made.orderNo, paymentOf(made))
    expect(new Set(await Promise.all(Array.from({ length: 5 }, () => hear(notice))))).toEqual(new Set(["success"]))
    expect(await hear(notice)).toBe("success")
    expect((await find(made)).status).toBe("PAID")
    expect(kept()).toEqual(settled)
  })

  test("is kept with the decision that rests on it, byte for byte", async () => {
    const made = await gateway().order()
    const notice = bookNotice(made.orderNo, paymentOf(made))
    await hear(notice)
    const [row] = gateway().tables.notices
    expect(row?.notice.body).toEqual(notice.body)
    expect(row?.notice.headers).toEqual(notice.headers)
  })

  test("counts at an account that has been removed", async () => {
    const { order, run, find } = gateway()
    const made = await order()
    await run(Effect.flatMap(Accounts, (accounts) => accounts.change("acc_1", { enabled: false, removed: true })))
    await run(Effect.map(Channels, (channels) => channels.forget()))
    expect(await hear(bookNotice(made.orderNo, paymentOf(made)))).toBe("success")
    expect((await find(made)).status).toBe("PAID")
  })

  test("that does not match is acknowledged, kept and flagged", async () => {
    const { order, find } = gateway()
    const made = await order()
    expect(await hear(bookNotice(made.orderNo, paymentOf(made, { amountFen: 999 })))).toBe("success")
    expect(await find(made)).toMatchObject({ status: "PENDING", flags: ["amount-mismatch"] })
    expect(kept()).toEqual({ events: 1, notices: 1, strays: 0, webhooks: 0 })
  })

  test("of an unknown order is a stray, kept once and acknowledged", async () => {
    const notice = bookNotice("QR20260315100000ZZZZZZZZ", paymentOf(await gateway().order()))
    expect(await hear(notice)).toBe("success")
    expect(await hear(notice)).toBe("success")
    expect(kept()).toEqual({ ...nothing, strays: 1 })
  })

  test.each([
    ["a time", new Date("2026-03-15T02:01:00Z")],
    ["a time that cannot be read", new Date("no time")]
  ])("with %s, of an order at another account, pays nothing: a stray, and the order is flagged", async (_, paidAt) => {
    const { order, find } = gateway()
    const made = await order()
    const notice = bookNotice(made.orderNo, paymentOf(made, { paidAt }))
    expect(await hear(notice, "acc_2")).toBe("success")
    expect(await find(made)).toMatchObject({ status: "PENDING", flags: ["other-account"] })
    expect(kept()).toEqual({ events: 1, notices: 1, strays: 1, webhooks: 0 })
    expect(await hear(notice, "acc_2")).toBe("success")
    expect(kept()).toEqual({ events: 1, notices: 1, strays: 1, webhooks: 0 })
  })
})

describe("what is not durable is not acknowledged", () => {
  const payment = async () => {
    const made = await gateway().order()
    return { notice: bookNotice(made.orderNo, paymentOf(made)), accountId: "acc_1", durable: settled }
  }
  const mismatch = async () => {
    const made = await gateway().order()
    const notice = bookNotice(made.orderNo, paymentOf(made, { amountFen: 999 }))
    return { notice, accountId: "acc_1", durable: { ...settled, webhooks: 0 } }
  }
  const stray = async () => {
    const notice = bookNotice("QR20260315100000ZZZZZZZZ", paymentOf(await gateway().order()))
    return { notice, accountId: "acc_1", durable: { ...nothing, strays: 1 } }
  }
  const elsewhere = async () => {
    const { notice } = await payment()
    return { notice, accountId: "acc_2", durable: { events: 1, notices: 1, strays: 1, webhooks: 0 } }
  }

  test.each<[string, () => ReturnType<typeof payment>, StoreMethod]>([
    ["a payment", payment, "accounts.find"],
    ["a payment", payment, "orders.findByOrderNo"],
    ["a payment", payment, "settlements.settle"],
    ["a payment that does not match", mismatch, "notices.flag"],
    ["a stray", stray, "notices.keepStray"],
    ["a payment at another account", elsewhere, "notices.keepStray"],
    ["a payment at another account", elsewhere, "notices.flag"]
  ])("%s, while %s fails: the provider comes again, and then it is", async (_, made, method) => {
    const { fail } = gateway()
    const { notice, accountId, durable } = await made()
    for (const fault of ["away", "answer-lost"] as const) {
      fail(method, fault)
      const [status, text] = await post(notice, accountId)
      expect([status, text === "success"]).toEqual([503, false])
    }
    expect(await post(notice, accountId)).toEqual([200, "success"])
    expect(kept()).toEqual(durable)
  })
})

import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { bookHint, bookNotice } from "../../tests/harness/bookkeeper.ts"
import { openInProcessGateway, paymentOf } from "../../tests/harness/in-process-gateway.ts"
import type { StoreMethod } from "../../tests/harness/memory-persistence/store.ts"
import { orderKey } from "../../tests/harness/memory-persistence/tables.ts"
import { perTest } from "../../tests/harness/per-test.ts"
import { aJsapi, anOrder } from "../../tests/harness/sample-orders.ts"
import { until } from "../../tests/harness/until.ts"
import type { ChargeState } from "../channel/provider.ts"
import type { Order } from "../domain/order.ts"
import { Accounts } from "../pipeline/persistence/accounts.ts"
import { Orders } from "../pipeline/persistence/orders.ts"
import { ASK_EVERY_MS } from "./ask-limit.ts"
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

  test("has the channel asked at once, and nothing more where the order is still unpaid", async () => {
    const made = await gateway().order()
    expect(await asked(made)).toBe(anOrder().nextCheckAt.getTime())
    expect(gateway().book.queries).toEqual([made.orderNo])
  })

  test("settles what the channel says when it is asked", async () => {
    const made = await gateway().order()
    gateway().book.states.set(made.orderNo, { state: "paid", payment: paymentOf(made) })
    expect(await hear(bookNotice(made.orderNo, null))).toBe("success")
    expect((await gateway().find(made)).status).toBe("PAID")
  })

  test.each([
    ["declined", { state: "failed", reason: "no money" }],
    ["closed", { state: "closed" }],
    ["unknown", "silent"]
  ] as const)("of an order that the channel then calls %s makes it due for reconcile right away", async (_, state) => {
    const made = await gateway().order()
    gateway().book.states.set(made.orderNo, state)
    expect(await asked(made)).toBe(await gateway().nowMs())
    expect((await gateway().find(made)).status).toBe("PENDING")
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
})

describe("a hint: a notice that says paid and is not bound to the account", () => {
  const pays = (order: Order, change = {}) =>
    gateway().book.states.set(order.orderNo, { state: "paid", payment: paymentOf(order, change) })
  const hint = (order: Pick<Order, "orderNo">, accountId = "acc_1") => hear(bookHint(order.orderNo), accountId)
  const queries = () => gateway().book.queries.length

  test("settles what the channel says when it is asked, and is itself not kept", async () => {
    const made = await gateway().order()
    pays(made)
    expect(await hint(made)).toBe("success")
    expect(await gateway().find(made)).toMatchObject({ status: "PAID", channelTradeNo: `T-${made.orderNo}` })
    expect(kept()).toEqual({ events: 1, notices: 0, strays: 0, webhooks: 1 })
  })

  test.each([["pending"], ["absent"]] as const)(
    "leaves an order that is %s by the channel's word PENDING, and it is asked about once more soon",
    async (state) => {
      const { order, find, book, nowMs } = gateway()
      const made = await order()
      book.states.set(made.orderNo, { state })
      expect(await hint(made)).toBe("success")
      expect(await find(made)).toEqual(made)
      expect(kept()).toEqual(nothing)
      expect(checkMs(made)).toBe((await nowMs()) + ASK_EVERY_MS)
    }
  )

  test("whose payment does not match is flagged by the channel's word", async () => {
    const made = await gateway().order()
    pays(made, { amountFen: 999 })
    expect(await hint(made)).toBe("success")
    expect(await gateway().find(made)).toMatchObject({ status: "PENDING", flags: ["amount-mismatch"] })
  })

  test("of a channel that does not answer in time is acknowledged with the question due right away", async () => {
    const { order, book, advance, nowMs } = gateway()
    const made = await order()
    book.hanging.add("acc_1")
    const heard = hint(made)
    await until("the channel to be asked", () => queries() === 1)
    await advance("4 seconds")
    expect(await heard).toBe("success")
    expect(checkMs(made)).toBe(await nowMs())
  })

  test("is answered in time though the channel never gets ready for it: what is left of the time is for the question", async () => {
    const { order, book, advance, nowMs } = gateway()
    const made = await order()
    const other = await order()
    book.unready.add("acc_1")
    book.hanging.add("acc_1")
    const heard = Promise.all([hint(made), hear(bookNotice(other.orderNo, paymentOf(other)))])
    await advance("4 seconds")
    expect(await heard).toEqual(["success", "success"])
    expect(checkMs(made)).toBe(await nowMs())
    expect((await gateway().find(other)).status).toBe("PAID")
  })

  test("a hundred times is one question, and another one ten seconds later", async () => {
    const { order, book, advance, nowMs } = gateway()
    const made = await order()
    const startedMs = await nowMs()
    const flood = () => Promise.all(Array.from({ length: 50 }, () => hint(made)))
    await flood()
    await advance("3 seconds")
    expect(new Set(await flood())).toEqual(new Set(["success"]))
    expect(book.queries).toEqual([made.orderNo])
    expect(checkMs(made)).toBe(startedMs + ASK_EVERY_MS)
    await advance("7 seconds")
    await flood()
    expect(book.queries).toEqual([made.orderNo, made.orderNo])
  })

  test("of more orders at once than an account's share is scheduled for the rest", async () => {
    const { order, book, advance, nowMs } = gateway()
    const made = await Promise.all(Array.from({ length: 40 }, () => order()))
    book.hanging.add("acc_1")
    const heard = Promise.all(made.map((one) => hint(one)))
    await until("the account's share to be asked about", () => queries() === 32)
    await until("the rest to be scheduled", async () => {
      const soonMs = (await nowMs()) + 1_000
      return made.filter((one) => checkMs(one) === soonMs).length === 8
    })
    await advance("4 seconds")
    expect(new Set(await heard)).toEqual(new Set(["success"]))
    expect(queries()).toBe(32)
  })

  test("replayed after the order is PAID asks nothing", async () => {
    const made = await gateway().order()
    pays(made)
    await hint(made)
    await gateway().advance("1 minute")
    expect(await hint(made)).toBe("success")
    expect(queries()).toBe(1)
  })

  test("of an unknown order is acknowledged, asks nothing and leaves no trace", async () => {
    for (let time = 0; time < 3; time++) {
      expect(await hint({ orderNo: `QR2026031510000000000${time}` })).toBe("success")
    }
    expect([kept(), queries()]).toEqual([nothing, 0])
  })

  describe("of an order that is at another account", () => {
    test("flags the payment that the notice's own account tells of, and settles nothing", async () => {
      const made = await gateway().order()
      pays(made)
      expect(await hint(made, "acc_2")).toBe("success")
      expect(await gateway().find(made)).toMatchObject({ status: "PENDING", flags: ["other-account"] })
      expect([kept().webhooks, queries()]).toEqual([0, 1])
    })

    test("leaves no trace where that account knows of no payment", async () => {
      const made = await gateway().order()
      gateway().book.states.set(made.orderNo, { state: "absent" })
      expect(await hint(made, "acc_2")).toBe("success")
      expect(await gateway().find(made)).toEqual(made)
      expect(checkMs(made)).toBe(anOrder().nextCheckAt.getTime())
      expect(kept()).toEqual(nothing)
    })

    test("is not acknowledged while that account is silent, nor asked about more than once in ten seconds", async () => {
      const made = await gateway().order()
      gateway().book.states.set(made.orderNo, "silent")
      expect(await hint(made, "acc_2")).toBe("fail")
      expect(await hint(made, "acc_2")).toBe("fail")
      expect(queries()).toBe(1)
    })
  })

  test("of an order that no payer has come for asks nothing: its channel does not know it", async () => {
    const made = await gateway().order({ flow: "jsapi", jsapi: aJsapi("a".repeat(64)) })
    expect(await hint(made)).toBe("success")
    expect(queries()).toBe(0)
  })

  describe("of an order that is CLOSED", () => {
    const closed = async () => {
      const made = await gateway().order()
      await gateway().run(Effect.flatMap(Orders, (orders) => orders.end(made, "CLOSED", "expired")))
      return made
    }

    test("flags the late payment that the channel tells of", async () => {
      const made = await closed()
      pays(made)
      expect(await hint(made)).toBe("success")
      expect(await gateway().find(made)).toMatchObject({ status: "CLOSED", flags: ["late-payment"] })
    })

    test("is acknowledged where the channel tells of none", async () => {
      const made = await closed()
      gateway().book.states.set(made.orderNo, { state: "closed" })
      expect(await hint(made)).toBe("success")
      expect((await gateway().find(made)).flags).toEqual([])
    })

    test("is not acknowledged while the channel is silent: nothing else would ask again", async () => {
      const made = await closed()
      gateway().book.states.set(made.orderNo, "silent")
      expect(await hint(made)).toBe("fail")
      pays(made)
      expect(await hint(made)).toBe("fail")
      await gateway().advance(ASK_EVERY_MS)
      expect(await hint(made)).toBe("success")
      expect(await gateway().find(made)).toMatchObject({ status: "CLOSED", flags: ["late-payment"] })
    })
  })
})

describe("a question that is not durable is not acknowledged", () => {
  test.each<[string, ChargeState | "silent", StoreMethod]>([
    ["news or a hint", { state: "pending" }, "orders.findByOrderNo"],
    ["news or a hint that the channel cannot answer", "silent", "orders.scheduleCheck"]
  ])("%s, while the channel says %p and %s fails", async (_, state, method) => {
    const { order, book, fail } = gateway()
    for (const notice of [bookHint, (orderNo: string) => bookNotice(orderNo, null)]) {
      const made = await order()
      book.states.set(made.orderNo, state)
      fail(method, "away")
      expect((await post(notice(made.orderNo)))[0]).toBe(503)
      expect((await post(notice(made.orderNo)))[0]).toBe(200)
    }
  })

  test("the channel's word that the order is paid, while it cannot be settled: the provider comes again", async () => {
    const { order, book, fail, find, advance } = gateway()
    const made = await order()
    book.states.set(made.orderNo, { state: "paid", payment: paymentOf(made) })
    fail("settlements.settle", "away")
    expect((await post(bookHint(made.orderNo)))[0]).toBe(503)
    await advance(ASK_EVERY_MS)
    expect(await post(bookHint(made.orderNo))).toEqual([200, "success"])
    expect((await find(made)).status).toBe("PAID")
  })
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
    await run(Effect.flatMap(Accounts, (accounts) => accounts.remove("acc_1")))
    // Stored at the moment of the removal: orders that are PENDING before it prevent it.
    const made = await order()
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

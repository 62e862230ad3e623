import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { Effect, Exit } from "effect"
import sqlClient from "postgres"
import { receiverOf } from "../../core/domain/notify-url.ts"
import type { NewOrder } from "../../core/pipeline/persistence/orders.ts"
import { sharedPostgres } from "../../tests/harness/postgres.ts"
import type { Stores } from "../../tests/harness/stores.ts"
import { anOrder, aSettlement, eventually, openStore, run } from "./fixture.ts"

setDefaultTimeout(30_000)

let store: Stores
let close: () => Promise<void>
let sql: sqlClient.Sql

beforeAll(async () => {
  const url = await (await sharedPostgres()).createDatabase()
  ;({ store, close } = await openStore(url))
  sql = sqlClient(url, { max: 1 })
})
afterAll(async () => {
  await close()
  await sql.end()
})

const placed = async (change: Partial<NewOrder> = {}): Promise<NewOrder> => {
  const order = anOrder(change)
  await run(store.orders.create(order))
  return order
}
const keyOf = ({ merchantId, orderNo }: NewOrder) => ({ merchantId, orderNo })

/** How many rows each table holds of an order. */
const rowsOf = async ({ merchantId, orderNo }: NewOrder) => {
  const [row] = await sql`
    select ${sql.unsafe(
      ["events", "notices", "trades", "ledger_entries", "outbox"]
        .map((table) => `(select count(*)::int from ${table} where merchant_id = k.m and order_no = k.o) as ${table}`)
        .join(", ")
    )} from (values (${merchantId}::bigint, ${orderNo}::text)) as k(m, o)`
  return { ...row }
}

describe("settling", () => {
  test("a payment makes the order PAID with its money, trade number, ledger, notice, event and webhook", async () => {
    const order = await placed()
    expect(await run(store.settlements.settle(aSettlement(order)))).toBe("settled")
    expect(await run(store.orders.find(keyOf(order)))).toMatchObject({
      status: "PAID",
      paidAt: new Date("2026-03-15T02:01:00Z"),
      feeFen: 6,
      actualFen: 994,
      channelTradeNo: `T-${order.orderNo}`
    })
    expect(await rowsOf(order)).toEqual({ events: 1, notices: 1, trades: 1, ledger_entries: 3, outbox: 1 })
    const entries = await sql`
      select account, amount_fen::int from ledger_entries where order_no = ${order.orderNo} order by amount_fen`
    expect(entries.map((entry) => [entry.account, entry.amount_fen])).toEqual([
      ["channel", -1000],
      ["fee", 6],
      ["merchant", 994]
    ])
    const [notice] = await sql`select body from notices where order_no = ${order.orderNo}`
    expect(new TextDecoder().decode(notice?.body)).toBe("the raw notice")
  })

  test("a free payment has no fee entry, an answer to a query no notice", async () => {
    const order = await placed()
    const settlement = aSettlement(order, { feeFen: 0, actualFen: 1000, source: "query", notice: null })
    expect(await run(store.settlements.settle(settlement))).toBe("settled")
    expect(await rowsOf(order)).toEqual({ events: 1, notices: 0, trades: 1, ledger_entries: 2, outbox: 1 })
  })

  test("of five settlements of one payment at once exactly one settles, and one webhook goes out", async () => {
    const order = await placed()
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => run(store.settlements.settle(aSettlement(order))))
    )
    expect(answers.sort()).toEqual(["not-pending", "not-pending", "not-pending", "not-pending", "settled"])
    expect(await rowsOf(order)).toEqual({ events: 1, notices: 1, trades: 1, ledger_entries: 3, outbox: 1 })
  })

  test("a trade number that has credited one order credits no other, and nothing of the other changes", async () => {
    const first = await placed()
    const second = await placed({ merchantId: 2 })
    const settlement = aSettlement(first)
    await run(store.settlements.settle(settlement))
    const reused = aSettlement(second, { payment: settlement.payment })
    expect(await run(store.settlements.settle(reused))).toBe("trade-reused")
    expect(await rowsOf(second)).toEqual({ events: 0, notices: 0, trades: 0, ledger_entries: 0, outbox: 0 })
    expect((await run(store.orders.find(keyOf(second))))?.status).toBe("PENDING")
    // The number belongs to its provider; another provider may use the same.
    expect(await run(store.settlements.settle({ ...reused, provider: "wechat-jsapi" }))).toBe("settled")
  })

  test("of ten orders that claim one trade number at once exactly one is credited", async () => {
    const orders = await Promise.all(Array.from({ length: 10 }, () => placed()))
    const payment = { ...aSettlement(orders[0] ?? anOrder()).payment, channelTradeNo: "T-claimed-by-ten" }
    const answers = await Promise.all(
      orders.map((order) => run(store.settlements.settle(aSettlement(order, { payment }))))
    )
    expect(answers.filter((answer) => answer === "settled").length).toBe(1)
    expect(answers.filter((answer) => answer === "trade-reused").length).toBe(9)
  })

  test("money that does not add up is refused whole", async () => {
    const order = await placed()
    const exit = await Effect.runPromiseExit(store.settlements.settle(aSettlement(order, { feeFen: 7 })))
    expect(Exit.isFailure(exit)).toBe(true)
    expect(await rowsOf(order)).toEqual({ events: 0, notices: 0, trades: 0, ledger_entries: 0, outbox: 0 })
  })

  test("an order that does not exist is not settled", async () => {
    expect(await run(store.settlements.settle(aSettlement(anOrder())))).toBe("not-pending")
  })
})

describe("the edges of the state machine", () => {
  test.each([
    ["FAILED", "settle", "not-pending"],
    ["CLOSED", "settle", "not-pending"],
    ["PAID", "settle", "not-pending"],
    ["PAID", "CLOSED", false],
    ["PAID", "FAILED", false],
    ["CLOSED", "FAILED", false],
    ["FAILED", "CLOSED", false],
    ["CLOSED", "CLOSED", false]
  ] as const)("an order that is %s refuses %s", async (before, act, answer) => {
    const order = await placed()
    if (before === "PAID") await run(store.settlements.settle(aSettlement(order)))
    else expect(await run(store.orders.end(order, before, "a reason"))).toBe(true)
    const rows = await rowsOf(order)
    const other = aSettlement(order, {
      payment: { ...aSettlement(order).payment, channelTradeNo: `U-${order.orderNo}` }
    })
    const done =
      act === "settle" ? await run(store.settlements.settle(other)) : await run(store.orders.end(order, act, "again"))
    expect(done).toBe(answer)
    expect((await run(store.orders.find(keyOf(order))))?.status).toBe(before)
    expect(await rowsOf(order)).toEqual(rows)
  })

  test("of a payment and a closing at once exactly one wins", async () => {
    for (let round = 0; round < 20; round += 1) {
      const order = await placed()
      const [settled, closed] = await Promise.all([
        run(store.settlements.settle(aSettlement(order))),
        run(store.orders.end(order, "CLOSED", "expired"))
      ])
      expect([settled === "settled", closed]).toContain(true)
      expect(settled === "settled" && closed).toBe(false)
    }
  })

  test("what another account says of the order changes nothing, before and after it has moved there", async () => {
    const order = await placed({ charging: true })
    const elsewhere = { ...order, accountId: "acc_2" }
    const nothing = { events: 0, notices: 0, trades: 0, ledger_entries: 0, outbox: 0 }
    expect(await run(store.orders.end(elsewhere, "CLOSED", "closed there"))).toBe(false)
    expect(await run(store.settlements.settle(aSettlement(elsewhere)))).toBe("not-pending")
    expect(await rowsOf(order)).toEqual(nothing)
    await run(
      store.charges.moveToAccount(
        { ...keyOf(order), attempt: 1 },
        { provider: "sandbox", accountId: "acc_2", feeRateBp: 60, reference: {} }
      )
    )
    expect(await run(store.orders.end(order, "FAILED", "refused there"))).toBe(false)
    expect(await run(store.settlements.settle(aSettlement(order)))).toBe("not-pending")
    expect(await rowsOf(order)).toEqual({ ...nothing, events: 1 })
    expect(await run(store.orders.find(keyOf(order)))).toMatchObject({ status: "PENDING", accountId: "acc_2" })
    expect(await run(store.settlements.settle(aSettlement(elsewhere)))).toBe("settled")
  })

  test("an order that moves while another account's answer waits for it is neither ended nor settled by it", async () => {
    for (const act of ["end", "settle"] as const) {
      const order = await placed()
      let answer: Promise<unknown> = Promise.resolve()
      await sql.begin(async (moving) => {
        await moving`update orders set account_id = 'acc_2' where order_no = ${order.orderNo}`
        answer =
          act === "end"
            ? run(store.orders.end(order, "CLOSED", "late"))
            : run(store.settlements.settle(aSettlement(order)))
        await eventually("the answer waits", async () => {
          const [row] = await moving`
            select count(*)::int as n from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock'`
          return row?.n === 1
        })
      })
      expect(await answer).toBe(act === "end" ? false : "not-pending")
      expect((await run(store.orders.find(keyOf(order))))?.status).toBe("PENDING")
    }
  })

  test("an ended order is not checked again", async () => {
    const order = await placed({ nextCheckAt: new Date(0) })
    await run(store.orders.end(order, "CLOSED", "expired"))
    await run(store.orders.scheduleCheck(keyOf(order), -1))
    expect((await run(store.orders.leaseChecks(100, 0))).map((due) => due.orderNo)).not.toContain(order.orderNo)
  })
})

describe("flags", () => {
  test("an anomaly is kept once with its notice, however often the channel repeats it", async () => {
    const order = await placed()
    const { payment, notice } = aSettlement(order)
    const flag = { order: keyOf(order), anomaly: "amount-mismatch", payment, source: "notice", notice } as const
    await Promise.all(Array.from({ length: 5 }, () => run(store.notices.flag(flag))))
    expect(await rowsOf(order)).toEqual({ events: 1, notices: 1, trades: 0, ledger_entries: 0, outbox: 0 })
    expect(await run(store.orders.find(keyOf(order)))).toMatchObject({ status: "PENDING", flags: ["amount-mismatch"] })
  })

  test("another amount, trade number or anomaly is told as another", async () => {
    const order = await placed()
    const { payment } = aSettlement(order)
    const flag = { order: keyOf(order), anomaly: "amount-mismatch", payment, source: "query", notice: null } as const
    await run(store.notices.flag(flag))
    await run(store.notices.flag({ ...flag, payment: { ...payment, amountFen: 999 } }))
    await run(store.notices.flag({ ...flag, payment: { ...payment, channelTradeNo: "other" } }))
    await run(store.notices.flag({ ...flag, anomaly: "late-payment" }))
    expect(await rowsOf(order)).toMatchObject({ events: 4 })
    expect((await run(store.orders.find(keyOf(order))))?.flags).toEqual(["amount-mismatch", "late-payment"])
  })

  test("notices that name no order are listed with what they say, the newest first", async () => {
    const { notice } = aSettlement(anOrder())
    if (notice === null) throw new Error("no notice")
    const strays = ["2100-01-02", "2100-01-03", "2100-01-01"].map((day) => ({
      ...notice,
      accountId: "acc_strays",
      receivedAt: new Date(`${day}T00:00:00Z`),
      orderNo: `QR-${day}`,
      detail: { channelTradeNo: day, amountFen: 5 }
    }))
    for (const stray of strays) await run(store.notices.keepStray(stray))
    const [january1, january2, january3] = [strays[2], strays[0], strays[1]].map((stray) => {
      const { headers: _headers, body: _body, ...listed } = stray ?? notice
      return listed
    })
    expect(await run(store.notices.listStrays(2))).toEqual([january3, january2] as never)
    expect((await run(store.notices.listStrays(100))).slice(0, 3)).toEqual([january3, january2, january1] as never)
  })

  test("a notice that names no order is kept once", async () => {
    const { notice } = aSettlement(anOrder())
    if (notice === null) throw new Error("no notice")
    const stray = { ...notice, orderNo: "QR-unknown", detail: { channelTradeNo: "T1", amountFen: 5 } }
    await run(store.notices.keepStray(stray))
    await run(store.notices.keepStray({ ...stray, body: new TextEncoder().encode("the same, signed anew") }))
    await run(store.notices.keepStray({ ...stray, detail: { channelTradeNo: "T2", amountFen: 5 } }))
    const [row] = await sql`select count(*)::int as n from stray_notices where order_no = 'QR-unknown'`
    expect(row?.n).toBe(2)
  })
})

describe("the timeline", () => {
  test("tells an order's story in time order", async () => {
    const order = await placed({ createdAt: new Date(Date.now() - 60_000) })
    await run(
      store.charges.record({
        ...keyOf(order),
        provider: "sandbox",
        accountId: "acc_1",
        attempt: 1,
        final: true,
        at: new Date(Date.now() - 50_000),
        durationMs: 20,
        outcome: "accepted",
        presentation: { kind: "qrcode" },
        detail: { exchanges: [] }
      })
    )
    const settlement = aSettlement(order)
    if (settlement.notice === null) throw new Error("no notice")
    await run(
      store.settlements.settle({
        ...settlement,
        notice: { ...settlement.notice, receivedAt: new Date(Date.now() - 40_000) }
      })
    )
    await run(
      store.outbox.record({
        merchantId: 1,
        eventId: settlement.webhook.eventId,
        orderNo: order.orderNo,
        attempt: 1,
        at: new Date(Date.now() + 1_000),
        durationMs: 30,
        status: 200,
        detail: "success",
        round: 0,
        next: { kind: "delivered" }
      })
    )
    const { payment } = settlement
    await run(
      store.notices.flag({ order: keyOf(order), anomaly: "second-payment", payment, source: "query", notice: null })
    )
    const story = await run(store.timeline.of(keyOf(order)))
    expect(story.map((line) => line.kind)).toEqual([
      "created",
      "charge.accepted",
      "notice",
      "paid",
      "flag.second-payment",
      "webhook.attempt"
    ])
    expect(story[2]?.detail).toEqual({ accountId: "acc_1", body: "the raw notice" })
    expect(story[3]?.detail).toMatchObject({ amountFen: 1000, feeFen: 6, actualFen: 994, source: "notice" })
    expect(story.every((line) => line.at instanceof Date)).toBe(true)
  })
})

test.each([
  ["https://shop.example.com/x", "shop.example.com:443"],
  ["http://shop.example.com/x", "shop.example.com:80"],
  ["http://Shop.example.com:8080/x?y", "shop.example.com:8080"],
  ["http://[::1]/x", "[::1]:80"]
])("the receiver at %s is %s", (url, host) => {
  expect(receiverOf(url)).toBe(host)
})

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { Effect, Fiber } from "effect"
import sqlClient from "postgres"
import { sharedPostgres } from "../../tests/harness/postgres.ts"
import type { Stores } from "../../tests/harness/stores.ts"
import { anOrder, aSettlement, openStore, run } from "./fixture.ts"

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

const keyOf = (order: { merchantId: number; orderNo: string }) => ({
  merchantId: order.merchantId,
  orderNo: order.orderNo
})

describe("creating orders", () => {
  test("an order comes back as it was stored, PENDING and unpaid", async () => {
    const { nextCheckAt, charging, ...order } = anOrder({
      merchantOrderNo: "订单 'quoted' \\ \"x\"",
      amountFen: 10_000_000_000,
      jsapi: {
        appId: "wx1",
        miniProgram: true,
        tokenHash: "ab".repeat(32),
        openid: null,
        payUntil: new Date("2100-01-01T00:00:00Z")
      }
    })
    expect(await run(store.orders.create({ ...order, nextCheckAt, charging }))).toBe("created")
    const expected = {
      ...order,
      status: "PENDING" as const,
      presentation: null,
      paidAt: null,
      feeFen: null,
      actualFen: null,
      channelTradeNo: null,
      flags: []
    }
    expect(await run(store.orders.find(keyOf(order)))).toEqual(expected)
    const { orderNo, merchantOrderNo, channelCode, status, amountFen, actualFen, feeFen, createdAt, paidAt } = expected
    const summary = { orderNo, merchantOrderNo, channelCode, status, amountFen, actualFen, feeFen, createdAt, paidAt }
    expect(await run(store.orders.summary(keyOf(order)))).toEqual(summary)
    expect(await run(store.orders.summaryByMerchantOrderNo(1, order.merchantOrderNo))).toEqual(summary)
    expect(await run(store.orders.findByOrderNo(order.orderNo))).toEqual(expected)
    expect(await run(store.orders.findByTokenHash("ab".repeat(32)))).toEqual(expected)
  })

  test("an order is not found under another merchant, number or token", async () => {
    const order = anOrder()
    await run(store.orders.create(order))
    expect(await run(store.orders.find({ merchantId: 2, orderNo: order.orderNo }))).toBeNull()
    expect(await run(store.orders.summary({ merchantId: 2, orderNo: order.orderNo }))).toBeNull()
    expect(await run(store.orders.summaryByMerchantOrderNo(2, order.merchantOrderNo))).toBeNull()
    expect(await run(store.orders.findByOrderNo("QR20260315100000ZZZZZZZZ"))).toBeNull()
    expect(await run(store.orders.findByTokenHash("cd".repeat(32)))).toBeNull()
    expect(await run(store.orders.known(2, order.merchantOrderNo))).toBe(false)
    expect(await run(store.orders.known(1, order.merchantOrderNo))).toBe(true)
  })

  test("of 200 calls with one merchant_order_no at once exactly one makes an order", async () => {
    const first = anOrder()
    const calls = Array.from({ length: 200 }, () => ({ ...anOrder(), merchantOrderNo: first.merchantOrderNo }))
    const answers = await Promise.all(calls.map((order) => run(Effect.result(store.orders.create(order)))))
    const created = answers.filter((answer) => answer._tag === "Success" && answer.success === "created")
    const refused = answers.filter((answer) => answer._tag === "Failure" && answer.failure._tag === "DuplicateOrder")
    expect([created.length, refused.length]).toEqual([1, 199])
    const [row] = await sql`select count(*)::int as n from orders where merchant_order_no = ${first.merchantOrderNo}`
    expect(row?.n).toBe(1)
  })

  test("of 50 calls that are the same to the letter exactly one is told that it made the order", async () => {
    const order = anOrder()
    const answers = await Promise.all(Array.from({ length: 50 }, () => run(Effect.result(store.orders.create(order)))))
    expect(answers.filter((answer) => answer._tag === "Success").length).toBe(1)
  })

  test("500 orders placed at once are all stored, each once", async () => {
    const orders = Array.from({ length: 500 }, () => anOrder({ merchantId: 7 }))
    const answers = await Promise.all(orders.map((order) => run(store.orders.create(order))))
    expect(new Set(answers)).toEqual(new Set(["created"]))
    const rows = await sql<{ order_no: string }[]>`select order_no from orders where merchant_id = 7`
    expect(rows.map((row) => row.order_no).sort()).toEqual(orders.map((order) => order.orderNo).sort())
  })

  test("a number that the gateway drew before asks for another draw, whoever shares the batch", async () => {
    const taken = anOrder()
    await run(store.orders.create(taken))
    const again = anOrder({ orderNo: taken.orderNo })
    const answers = await Promise.all(
      [anOrder(), again, anOrder()].map((order) => run(Effect.result(store.orders.create(order))))
    )
    expect(answers.map((answer) => (answer._tag === "Success" ? answer.success : answer.failure._tag))).toEqual([
      "created",
      "order-no-taken",
      "created"
    ])
    expect(await run(store.orders.known(1, again.merchantOrderNo))).toBe(false)
  })

  test("the same number of another merchant is another order", async () => {
    const order = anOrder()
    await run(store.orders.create(order))
    expect(await run(store.orders.create({ ...order, merchantId: 2 }))).toBe("created")
  })

  test("an order that the table refuses fails alone, its neighbours in the batch are stored", async () => {
    const orders = Array.from({ length: 9 }, (_, i) => anOrder(i === 4 ? { amountFen: 0 } : {}))
    const answers = await Promise.all(orders.map((order) => run(Effect.result(store.orders.create(order)))))
    expect(answers.map((answer) => (answer._tag === "Success" ? answer.success : answer.failure._tag))).toEqual(
      orders.map((_, i) => (i === 4 ? "StoreUnavailable" : "created"))
    )
    expect(await run(store.orders.known(1, orders[4]?.merchantOrderNo ?? ""))).toBe(false)
  })

  test("a caller that is interrupted leaves the others of its batch alone", async () => {
    const orders = Array.from({ length: 20 }, () => anOrder())
    const fibers = orders.map((order) => Effect.runFork(store.orders.create(order)))
    await Promise.all(fibers.filter((_, i) => i % 2 === 0).map((fiber) => run(Fiber.interrupt(fiber))))
    for (const [i, fiber] of fibers.entries()) if (i % 2 === 1) expect(await run(Fiber.join(fiber))).toBe("created")
  })

  test("text that PostgreSQL cannot hold does not fail an order: U+0000 and lone surrogates become U+FFFD", async () => {
    const order = anOrder({ note: "a\u0000b\ud800c \\u0000" })
    await run(store.orders.create(order))
    expect((await run(store.orders.find(keyOf(order))))?.note).toBe("a\ufffdb\ufffdc \\u0000")
  })
})

describe("listing orders", () => {
  test("newest first, by merchant, status, time and flag, up to the limit", async () => {
    const url = await (await sharedPostgres()).createDatabase()
    const { store, close } = await openStore(url)
    try {
      const ids: number[] = []
      for (const appId of ["pk_test_a", "pk_test_b"]) {
        const merchant = await run(
          store.merchants.create({
            appId,
            name: appId,
            mode: "test",
            callbackUrl: null,
            allowIps: [],
            throttle: null,
            accounts: null,
            sealedSecret: "sealed"
          })
        )
        ids.push(merchant.id)
      }
      const orders = Array.from({ length: 6 }, (_, i) =>
        anOrder({ merchantId: ids[i % 2] ?? 0, createdAt: new Date(Date.UTC(2026, 2, 15, i)) })
      )
      for (const order of orders) await run(store.orders.create(order))
      const [o0, , o2, o3, o4, o5] = orders.map((order) => order.orderNo)
      await run(store.orders.end(orders[0] ?? anOrder(), "FAILED", "no"))
      const flagged = orders[2] ?? anOrder()
      const { payment } = aSettlement(flagged)
      await run(
        store.notices.flag({
          order: keyOf(flagged),
          anomaly: "amount-mismatch",
          payment,
          source: "query",
          notice: null
        })
      )
      const numbers = async (filter: Parameters<typeof store.orders.list>[0]) =>
        (await run(store.orders.list(filter))).map((order) => order.orderNo)
      expect(await numbers({ limit: 3 })).toEqual([o5, o4, o3] as string[])
      expect(await numbers({ limit: 9, merchantId: ids[0] ?? 0 })).toEqual([o4, o2, o0] as string[])
      expect(await numbers({ limit: 9, status: "FAILED" })).toEqual([o0] as string[])
      expect(await numbers({ limit: 9, since: new Date(Date.UTC(2026, 2, 15, 4)) })).toEqual([o5, o4] as string[])
      expect(await numbers({ limit: 9, flagged: true })).toEqual([o2] as string[])
      expect((await numbers({ limit: 9, flagged: false })).length).toBe(5)
    } finally {
      await close()
    }
  })
})

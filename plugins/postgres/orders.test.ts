import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { Effect, Fiber } from "effect"
import { perTest } from "../../tests/harness/per-test.ts"
import { anOrder } from "../../tests/harness/sample-orders.ts"
import { ordersSuite } from "../../tests/harness/suites/orders.ts"
import { checks } from "../../tests/harness/suites/store-under-test.ts"
import { connectionsEnd, openPostgres, rowsRead, run } from "./fixture.ts"

setDefaultTimeout(30_000)

ordersSuite("PostgreSQL", openPostgres)

describe("orders that share a statement", () => {
  const on = perTest(openPostgres)

  test("an order that the table refuses fails alone, its neighbours in the batch are stored", async () => {
    const { stores } = on()
    const orders = Array.from({ length: 9 }, (_, i) => anOrder(i === 4 ? { amountFen: 0 } : {}))
    const answers = await Promise.all(orders.map((order) => run(Effect.result(stores.orders.create(order)))))
    expect(answers.map((answer) => (answer._tag === "Success" ? answer.success : answer.failure._tag))).toEqual(
      orders.map((_, i) => (i === 4 ? "StoreUnavailable" : "created"))
    )
    expect(await run(stores.orders.known(1, orders[4]?.merchantOrderNo ?? ""))).toBe(false)
  })

  test("a caller that is interrupted leaves the others of its batch alone", async () => {
    const { stores } = on()
    const orders = Array.from({ length: 20 }, () => anOrder())
    const fibers = orders.map((order) => Effect.runFork(stores.orders.create(order)))
    await Promise.all(fibers.filter((_, i) => i % 2 === 0).map((fiber) => run(Fiber.interrupt(fiber))))
    for (const [i, fiber] of fibers.entries()) if (i % 2 === 1) expect(await run(Fiber.join(fiber))).toBe("created")
  })

  test("of 200 with one merchant_order_no the table holds one row", async () => {
    const { stores, sql } = on()
    const { merchantOrderNo } = anOrder()
    const calls = Array.from({ length: 200 }, () => anOrder({ merchantOrderNo }))
    await Promise.all(calls.map((order) => run(Effect.result(stores.orders.create(order)))))
    const [row] = await sql`select count(*)::int as n from orders where merchant_order_no = ${merchantOrderNo}`
    expect(row?.n).toBe(1)
  })

  test("text that PostgreSQL cannot hold does not fail an order: U+0000 and lone surrogates become U+FFFD", async () => {
    const { stores } = on()
    const order = anOrder({ note: "a\u0000b\ud800c \\u0000" })
    await run(stores.orders.create(order))
    expect((await run(stores.orders.find(order)))?.note).toBe("a\ufffdb\ufffdc \\u0000")
  })
})

describe("what PostgreSQL reads of the orders that are due", () => {
  const on = perTest(openPostgres)

  // Plans are made once and kept: each of these is what the table holds when they are made. A table with fewer than a
  // hundred rows is analyzed, and planned for anew, once it has them (driver/statistics.ts).
  test.each([
    { name: "orders of one account", count: 300, accounts: 1 },
    { name: "orders of many accounts", count: 300, accounts: 100 }
  ])("is what is leased, not the backlog, with a plan for $name", async ({ count, accounts }) => {
    const { sql, stores } = on()
    const fill = async (first: number, last: number, accounts: number) => {
      const { merchantId } = anOrder()
      await sql`
        insert into orders (merchant_id, order_no, merchant_order_no, channel_code, flow, provider, account_id, amount_fen,
          fee_rate_bp, notify_url, body, extra, note, client_ip, created_at, expires_at, reference, next_check_at)
        select ${merchantId}, 'QR' || n, 'ORD' || n, 'YINSHENG_QRCODE', 'qrcode', 'slow', 'acc_' || n % ${accounts}, 1, 0, '', '',
          '', '', '', now(), now() + interval '1 hour', '{}', now() - interval '1 minute'
        from generate_series(${first}::int, ${last}::int) n`
    }
    const lease = (underWay: ReadonlyArray<readonly [string, number]>) =>
      run(stores.orders.leaseChecks(checks(16, 60_000, { perAccount: 8, underWay })))
    await fill(1, count, accounts)
    await sql`analyze orders`
    await lease([])
    await fill(1_001, 7_000, 1)
    expect((await lease([["acc_0", 2]])).filter(({ accountId }) => accountId === "acc_0").length).toBeLessThan(7)
    const other = anOrder({ accountId: "quick", nextCheckAt: new Date(0) })
    await run(stores.orders.create(other))
    const full = Array.from({ length: accounts }, (_, n) => [`acc_${n}`, 8] as const)
    expect((await lease(full)).map(({ orderNo }) => orderNo)).toEqual([other.orderNo])
    await on().disconnect()
    await connectionsEnd(sql)
    expect(await rowsRead(sql, "orders")).toBeLessThan(1_500)
  })
})

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { Effect, Fiber } from "effect"
import { perTest } from "../../tests/harness/per-test.ts"
import { anOrder } from "../../tests/harness/sample-orders.ts"
import { ordersSuite } from "../../tests/harness/suites/orders.ts"
import { openPostgres, run } from "./fixture.ts"

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

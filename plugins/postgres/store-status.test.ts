import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { Effect } from "effect"
import { ORDER_STATUS } from "../../core/domain/order.ts"
import { perTest } from "../../tests/harness/per-test.ts"
import { anOrder } from "../../tests/harness/sample-orders.ts"
import { storeStatusSuite } from "../../tests/harness/suites/store-status.ts"
import { connectionsEnd, openPostgres, rowsRead, run } from "./fixture.ts"

setDefaultTimeout(30_000)

storeStatusSuite("PostgreSQL", openPostgres)

describe("the backlog in PostgreSQL", () => {
  const on = perTest(openPostgres)

  test("each uncertain order is looked up, whatever waits beside it, though the plan is that of a quiet hour", async () => {
    const { stores, sql, disconnect } = on()
    const backlog = () => run(stores.status.backlog())
    const [uncertain, pending] = [50, 2_000]
    const placeMany = () =>
      run(
        Effect.forEach(Array.from({ length: pending }), () => stores.orders.create(anOrder()), {
          concurrency: "unbounded"
        })
      )
    await placeMany()
    await sql`update orders set status = ${ORDER_STATUS.CLOSED}, next_check_at = null`
    await sql`
    insert into charges (merchant_id, order_no, attempt, provider, account_id, at, duration_ms, outcome, detail)
    select merchant_id, order_no, 1, provider, account_id, now(), 1, 'accepted', '{}' from orders`
    await sql`vacuum analyze orders, charges`
    // Every connection makes its plan now.
    await Promise.all(Array.from({ length: 80 }, backlog))
    await placeMany()
    await sql`
    insert into charges (merchant_id, order_no, attempt, provider, account_id, at, duration_ms, outcome, detail)
    select merchant_id, order_no, 1, provider, account_id, now(), 1, 'uncertain', '{}' from orders
    where status = ${ORDER_STATUS.PENDING} order by order_no desc limit ${uncertain}`
    const before = await rowsRead(sql, "orders")
    expect((await backlog()).oldestUncertainAt).toEqual(anOrder().createdAt)
    await disconnect()
    await connectionsEnd(sql)
    // Those that are pending are counted, each once.
    expect((await rowsRead(sql, "orders")) - before).toBeLessThan(2 * pending)
  })
})

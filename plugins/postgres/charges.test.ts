import { describe, expect, setDefaultTimeout, test } from "bun:test"
import type { NewOrder } from "../../core/pipeline/persistence/orders.ts"
import { perTest } from "../../tests/harness/per-test.ts"
import { anOrder } from "../../tests/harness/sample-orders.ts"
import { chargesSuite } from "../../tests/harness/suites/charges.ts"
import { keyOf, orderActs } from "../../tests/harness/suites/store-under-test.ts"
import { until } from "../../tests/harness/until.ts"
import { connectionsEnd, openPostgres, rowsRead, run } from "./fixture.ts"

setDefaultTimeout(30_000)

chargesSuite("PostgreSQL", openPostgres)

describe("charges in PostgreSQL", () => {
  const on = perTest(openPostgres)
  const { placed, begin } = orderActs(on)

  test("of 20 callers in two gateways that wait for the same row exactly one begins the charge", async () => {
    const { sql } = on()
    const other = await on().other()
    for (let round = 0; round < 5; round += 1) {
      const order = await placed()
      let answers: Array<ReturnType<typeof begin>> = []
      // They all wait for this one, so that none sees what another has done before it asks.
      await sql.begin(async (lock) => {
        await lock`select from orders where order_no = ${order.orderNo} for update`
        answers = Array.from({ length: 20 }, (_, i) => begin(order, i % 2 === 0 ? on().stores : other))
        await until("both gateways' eight connections wait", async () => {
          const [row] = await sql`
            select count(*)::int as n from pg_stat_activity
            where datname = current_database() and application_name = 'payhub' and wait_event_type = 'Lock'`
          return row?.n === 16
        })
      })
      expect((await Promise.all(answers)).sort()).toEqual([1, ...new Array<"busy">(19).fill("busy")])
    }
  })

  test("an order that cannot be charged any more counts no attempt", async () => {
    const { stores, sql } = on()
    const expired = await placed({ expiresAt: new Date(stores.clock.nowMs() - 1) })
    expect(await begin(expired)).toBe("over")
    const [row] = await sql`select attempts from orders where order_no = ${expired.orderNo}`
    expect(row?.attempts).toBe(0)
  })

  test("what was shown once is recorded without writing the order", async () => {
    const { stores, sql } = on()
    const order = await placed({ charging: true })
    const version = () => sql`select xmin::text, ctid::text from orders where order_no = ${order.orderNo}`
    const before = await version()
    const charge = {
      provider: "sandbox",
      accountId: "acc_1",
      attempt: 1,
      at: order.createdAt,
      durationMs: 1,
      detail: {}
    }
    await run(stores.charges.recordAccepted({ ...keyOf(order), ...charge }))
    expect(await version()).toEqual(before)
    const [row] = await sql`select outcome from charges where order_no = ${order.orderNo}`
    expect(row?.outcome).toBe("accepted")
  })

  test("a charge's record reads its own order, though its plan was made while the few orders had all ended", async () => {
    const { stores, sql, disconnect } = on()
    const recordCharge = (order: NewOrder): Promise<boolean> =>
      run(
        stores.charges.record({
          ...keyOf(order),
          attempt: 1,
          provider: order.provider,
          accountId: order.accountId,
          at: order.createdAt,
          durationMs: 1,
          outcome: "rejected",
          detail: {},
          presentation: null,
          final: true
        })
      )
    const order = anOrder()
    await run(stores.orders.create(order))
    const multiply = (first: number, last: number) => sql`
      insert into orders (
        merchant_id, order_no, merchant_order_no, channel_code, flow, provider, account_id, amount_fen, fee_rate_bp,
        notify_url, body, extra, note, client_ip, created_at, expires_at, reference, status
      )
      select merchant_id, order_no || n, merchant_order_no || n, channel_code, flow, provider, account_id, amount_fen,
        fee_rate_bp, notify_url, body, extra, note, client_ip, created_at, expires_at, reference, status
      from orders, generate_series(${first}::int, ${last}::int) n where order_no = ${order.orderNo}`
    await sql`update orders set status = 4`
    await multiply(1, 150)
    await sql`vacuum analyze orders`
    expect(await recordCharge(anOrder())).toBe(false)

    const pending = 2_000
    await sql`update orders set status = 0 where order_no = ${order.orderNo}`
    await multiply(151, 150 + pending)
    const before = await rowsRead(sql, "orders")
    expect(await recordCharge(order)).toBe(true)
    await disconnect()
    await connectionsEnd(sql)
    expect((await rowsRead(sql, "orders")) - before).toBeLessThan(pending / 2)
  })
})

import { afterAll, beforeAll, expect, test } from "bun:test"
import postgres from "postgres"
import type { NewOrder } from "../../core/pipeline/persistence/orders.ts"
import { sharedPostgres } from "../../tests/harness/postgres.ts"
import { anOrder, connectionsEnd, openStore, rowsRead, run } from "./fixture.ts"

let sql: postgres.Sql
let opened: Awaited<ReturnType<typeof openStore>>

beforeAll(async () => {
  const url = await (await sharedPostgres()).createDatabase()
  sql = postgres(url, { max: 1, onnotice: () => {} })
  opened = await openStore(url)
})

afterAll(async () => {
  await opened.close()
  await sql.end()
})

const recordCharge = (order: NewOrder): Promise<boolean> =>
  run(
    opened.store.charges.record({
      merchantId: order.merchantId,
      orderNo: order.orderNo,
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

test("a charge's record reads its own order, though its plan was made while the few orders had all ended", async () => {
  const order = anOrder()
  await run(opened.store.orders.create(order))
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
  await opened.close()
  await connectionsEnd(sql)
  expect((await rowsRead(sql, "orders")) - before).toBeLessThan(pending / 2)
})

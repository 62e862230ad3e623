import { afterAll, beforeAll, expect, test } from "bun:test"
import { Effect } from "effect"
import postgres from "postgres"
import { sharedPostgres } from "../../../tests/harness/postgres.ts"
import { anOrder } from "../../../tests/harness/sample-orders.ts"
import { until } from "../../../tests/harness/until.ts"
import { connectionsEnd, openStore, rowsRead, run } from "../fixture.ts"

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

test("a new database soon reads one order for one order, though its statements were planned on empty tables", async () => {
  const { charges, orders } = opened.store
  // Its first orders are each another merchant's, the rest are one merchant's.
  const all = Array.from({ length: 2_000 }, (_, i) => anOrder(i < 120 ? { merchantId: i + 1 } : {}))
  const [one] = all
  if (one === undefined) throw new Error("there is no order")
  const use = Effect.gen(function* () {
    yield* orders.summary(one)
    yield* orders.summaryByMerchantOrderNo(one.merchantId, one.merchantOrderNo)
    yield* orders.find(one)
    yield* orders.findByOrderNo(one.orderNo)
    yield* charges.record({
      merchantId: one.merchantId,
      orderNo: one.orderNo,
      attempt: 1,
      provider: one.provider,
      accountId: one.accountId,
      at: one.createdAt,
      durationMs: 1,
      outcome: "accepted",
      detail: {},
      presentation: { kind: "qrcode", content: "https://pay.example.com/1" },
      final: true
    })
  })
  // Every connection of the store makes its plans now.
  await run(
    Effect.all(
      Array.from({ length: 80 }, () => use),
      { concurrency: "unbounded", discard: true }
    )
  )
  const create = (some: ReadonlyArray<(typeof all)[number]>) =>
    run(Effect.forEach(some, (order) => orders.create(order), { concurrency: "unbounded", discard: true }))
  await create(all.slice(0, 120))
  await until("the orders are analyzed", async () => {
    // All connections at once: each tells the server's statistics what it has written when it is used again.
    const pings = Array.from({ length: 60 }, () => opened.store.status.ping())
    await run(Effect.all(pings, { concurrency: "unbounded", discard: true }))
    const [row] = await sql`select reltuples >= 100 as known from pg_class where relname = 'orders'`
    return row?.known === true
  })
  await create(all.slice(120))

  const times = 20
  const before = await rowsRead(sql, "orders")
  for (let i = 0; i < times; i++) await run(use)
  await opened.close()
  await connectionsEnd(sql)
  // One row for each of five statements, and what was not yet written down of the time before.
  expect((await rowsRead(sql, "orders")) - before).toBeLessThan(all.length)
})

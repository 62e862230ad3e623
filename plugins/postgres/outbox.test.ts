import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { Effect } from "effect"
import type { WebhookAttempt } from "../../core/pipeline/persistence/outbox.ts"
import { perTest } from "../../tests/harness/per-test.ts"
import { attemptOf, outboxActs, outboxSuite } from "../../tests/harness/suites/outbox.ts"
import { connectionsEnd, openPostgres, rowsRead, run } from "./fixture.ts"

setDefaultTimeout(30_000)

outboxSuite("PostgreSQL", openPostgres)

describe("what PostgreSQL reads of the outbox", () => {
  const on = perTest(openPostgres)
  const { paid, lease } = outboxActs(on)

  // Plans are made once and kept: each of these is what the outbox holds when they are made.
  for (const { name, rows, state, merchants, analyzed } of [
    { name: "nothing", rows: 0, state: 1, merchants: 1, analyzed: false },
    { name: "delivered ones", rows: 150, state: 1, merchants: 1, analyzed: false },
    { name: "delivered ones, analyzed", rows: 150, state: 1, merchants: 1, analyzed: true },
    { name: "one of each merchant, analyzed", rows: 3_000, state: 1, merchants: 3_000, analyzed: true },
    { name: "due ones, analyzed", rows: 150, state: 0, merchants: 1, analyzed: true },
    { name: "due ones of many merchants, analyzed", rows: 400, state: 0, merchants: 200, analyzed: true }
  ]) {
    test(`what is leased and reported is read, not the backlog, with plans for an outbox of ${name}`, async () => {
      const { sql } = on()
      const fill = (first: number, last: number, state: number, merchants: number) => sql`
        insert into outbox (merchant_id, event_id, order_no, url, host, body, state)
        select n % ${merchants} + 1, 'evt_' || md5(n::text), 'QR' || n, 'https://shop.example.com/n',
          'shop' || n % 10 || '.example.com:443', '{}', ${state}::int
        from generate_series(${first}::int, ${last}::int) n`
      const leaseSome = () => lease({ limit: 32, perHost: 16, underWay: [[1, 3]] })
      const recordAll = (attempts: ReadonlyArray<WebhookAttempt>) =>
        run(Effect.forEach(attempts, (attempt) => on().stores.outbox.record(attempt), { concurrency: "unbounded" }))
      const deliveredCount = async () => Number((await sql`select count(*) from outbox where state = 1`)[0]?.count)
      await fill(1, rows, state, merchants)
      if (analyzed) await sql`analyze outbox`
      const unknown = { merchantId: 1, eventId: "evt_", orderNo: "QR", attempts: 0, round: 0, createdAt: new Date(0) }
      await leaseSome()
      await recordAll([attemptOf({ ...unknown, url: "", body: "" }, { kind: "delivered" })])

      const due = 6_000
      await fill(rows + 1, rows + due, 0, 1)
      const delivered = await deliveredCount()
      const before = await rowsRead(sql, "outbox")
      const leased = await leaseSome()
      expect(leased).toHaveLength(32)
      await recordAll(leased.map((webhook) => attemptOf(webhook, { kind: "delivered" })))
      expect(await deliveredCount()).toBe(delivered + 32)
      await on().disconnect()
      await connectionsEnd(sql)
      expect((await rowsRead(sql, "outbox")) - before).toBeLessThan(due / 2)
    })
  }

  test("a lease reads next to nothing of 100,000 due webhooks of one host", async () => {
    const { sql } = on()
    await sql`
      insert into outbox (merchant_id, event_id, order_no, url, host, body)
      select 1, 'evt_' || i, 'QR' || i, 'https://flood.example.com/', 'flood.example.com:443', '{}'
      from generate_series(1, 100000) as i`
    await paid("https://quick.example.com/x")
    const before = await rowsRead(sql, "outbox")
    const taken = await lease({ limit: 50, perHost: 4 })
    expect(taken.filter((webhook) => webhook.url === "https://quick.example.com/x").length).toBe(1)
    expect(taken.length).toBe(5)
    await on().disconnect()
    await connectionsEnd(sql)
    expect((await rowsRead(sql, "outbox")) - before).toBeLessThan(100)
  })

  test.each([
    ["a host of its own in each", "n"],
    ["one host", "1"]
  ])(
    "a lease reads next to nothing of 20,000 due webhooks of a merchant that has its share under way, with %s",
    async (_, host) => {
      const { sql } = on()
      await sql`
      insert into outbox (merchant_id, event_id, order_no, url, host, body)
      select 1, 'evt_' || n, 'QR' || n, 'https://flood.example.com/', 'shop' || ${sql.unsafe(host)} || '.example.com:443', '{}'
      from generate_series(1, 20000) as n`
      await paid("https://shop1.example.com/x", { merchantId: 2 })
      const before = await rowsRead(sql, "outbox")
      expect(
        (await lease({ limit: 50, perMerchant: 8, underWay: [[1, 8]] })).map(({ merchantId }) => merchantId)
      ).toEqual([2])
      await on().disconnect()
      await connectionsEnd(sql)
      expect((await rowsRead(sql, "outbox")) - before).toBeLessThan(20)
    }
  )

  test("a lease reads a bounded part of 20,000 due webhooks of a merchant with a host in each", async () => {
    const { sql } = on()
    await sql`
      insert into outbox (merchant_id, event_id, order_no, url, host, body)
      select 1, 'evt_' || n, 'QR' || n, 'https://flood.example.com/', 'shop' || n || '.example.com:443', '{}'
      from generate_series(1, 20000) as n`
    await paid("https://quick.example.com/x", { merchantId: 2 })
    const before = await rowsRead(sql, "outbox")
    const taken = await lease({ limit: 50, perMerchant: 8 })
    expect(taken.filter(({ merchantId }) => merchantId === 2)).toHaveLength(1)
    expect(taken).toHaveLength(9)
    await on().disconnect()
    await connectionsEnd(sql)
    expect((await rowsRead(sql, "outbox")) - before).toBeLessThan(2_000)
  })
})

import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { Effect } from "effect"
import sqlClient from "postgres"
import type { NewOrder } from "../../core/pipeline/persistence/orders.ts"
import type { LeasedWebhook, WebhookAttempt } from "../../core/pipeline/persistence/outbox.ts"
import { sharedPostgres } from "../../tests/harness/postgres.ts"
import type { Stores } from "../../tests/harness/stores.ts"
import { anOrder, aSettlement, connectionsEnd, openStore, rowsRead, run } from "./fixture.ts"

setDefaultTimeout(30_000)

let store: Stores
let close: () => Promise<void>
let sql: sqlClient.Sql

beforeEach(async () => {
  const url = await (await sharedPostgres()).createDatabase()
  ;({ store, close } = await openStore(url))
  sql = sqlClient(url, { max: 1 })
})
afterEach(async () => {
  await close()
  await sql.end()
})

/** A paid order with its webhook to `url`. */
const paid = async (url = "https://shop.example.com/notify", change: Partial<NewOrder> = {}): Promise<NewOrder> => {
  const order = anOrder(change)
  await run(store.orders.create(order))
  const settlement = aSettlement(order, { notice: null })
  await run(store.settlements.settle({ ...settlement, webhook: { ...settlement.webhook, url } }))
  return order
}

const lease = (change: Partial<Parameters<Stores["outbox"]["lease"]>[0]> = {}) =>
  run(store.outbox.lease({ limit: 100, perHost: 100, busyHosts: [], busyMerchants: [], leaseMs: 60_000, ...change }))

const attemptOf = (webhook: LeasedWebhook, next: WebhookAttempt["next"]): WebhookAttempt => ({
  merchantId: webhook.merchantId,
  eventId: webhook.eventId,
  orderNo: webhook.orderNo,
  attempt: webhook.attempts + 1,
  at: new Date("2026-03-15T02:02:00Z"),
  durationMs: 15.6,
  status: next.kind === "delivered" ? 200 : null,
  detail: next.kind,
  round: webhook.round,
  next
})

const first = <A>(list: ReadonlyArray<A>): A => {
  const [found] = list
  if (found === undefined) throw new Error("the list is empty")
  return found
}

describe("leasing", () => {
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
      const fill = (first: number, last: number, state: number, merchants: number) => sql`
        insert into outbox (merchant_id, event_id, order_no, url, host, body, state)
        select n % ${merchants} + 1, 'evt_' || md5(n::text), 'QR' || n, 'https://shop.example.com/n',
          'shop' || n % 10 || '.example.com:443', '{}', ${state}::int
        from generate_series(${first}::int, ${last}::int) n`
      const leaseSome = () => lease({ limit: 32, perHost: 16 })
      const recordAll = (attempts: ReadonlyArray<WebhookAttempt>) =>
        run(Effect.forEach(attempts, (attempt) => store.outbox.record(attempt), { concurrency: "unbounded" }))
      const deliveredCount = async () => Number((await sql`select count(*) from outbox where state = 1`)[0]?.count)
      await fill(1, rows, state, merchants)
      if (analyzed) await sql`analyze outbox`
      const unknown = { merchantId: 1, eventId: "evt_", orderNo: "QR", attempts: 0, round: 0, createdAt: new Date(0) }
      await leaseSome()
      await recordAll([attemptOf({ ...unknown, url: "", body: "" }, { kind: "delivered" })])

      const due = 2_000
      await fill(rows + 1, rows + due, 0, 1)
      const delivered = await deliveredCount()
      const before = await rowsRead(sql, "outbox")
      const leased = await leaseSome()
      expect(leased).toHaveLength(32)
      await recordAll(leased.map((webhook) => attemptOf(webhook, { kind: "delivered" })))
      expect(await deliveredCount()).toBe(delivered + 32)
      await close()
      await connectionsEnd(sql)
      expect((await rowsRead(sql, "outbox")) - before).toBeLessThan(due / 2)
    })
  }

  test("a due webhook comes with its bytes, and nobody else gets it while the lease holds", async () => {
    const order = await paid()
    expect(await lease()).toEqual([
      {
        merchantId: 1,
        eventId: `evt_${order.orderNo}`,
        orderNo: order.orderNo,
        url: "https://shop.example.com/notify",
        body: `{"order_no":"${order.orderNo}"}`,
        attempts: 0,
        round: 0,
        createdAt: expect.any(Date)
      }
    ])
    expect(await lease()).toEqual([])
  })

  test("eight senders at once get every webhook exactly once", async () => {
    const orders = await Promise.all(Array.from({ length: 60 }, (_, i) => paid(`https://shop-${i % 7}.example.com/x`)))
    const taken: string[] = []
    while (taken.length < 60) {
      const leases = await Promise.all(Array.from({ length: 8 }, () => lease({ limit: 10, perHost: 4 })))
      const got = leases.flat().map((webhook) => webhook.orderNo)
      expect(got.length).toBeGreaterThan(0)
      taken.push(...got)
    }
    expect(taken.sort()).toEqual(orders.map((order) => order.orderNo).sort())
  })

  test("a dead sender's webhooks come back when its lease ends", async () => {
    const order = await paid()
    expect((await lease({ leaseMs: 0 })).length).toBe(1)
    expect((await lease()).map((webhook) => webhook.orderNo)).toEqual([order.orderNo])
  })

  test("one host gets no more than its share, and the others are served all the same", async () => {
    for (let i = 0; i < 5; i += 1) await paid("https://slow.example.com/x")
    const other = await paid("https://quick.example.com:8443/x")
    const taken = await lease({ perHost: 2 })
    expect(taken.map((webhook) => new URL(webhook.url).hostname).sort()).toEqual([
      "quick.example.com",
      "slow.example.com",
      "slow.example.com"
    ])
    expect(taken.at(-1)?.orderNo).toBe(other.orderNo)
  })

  test("busy hosts are left out, with the port that tells them apart", async () => {
    await paid("https://busy.example.com/x")
    await paid("https://busy.example.com:8443/x")
    const taken = await lease({ busyHosts: ["busy.example.com:443"] })
    expect(taken.map((webhook) => webhook.url)).toEqual(["https://busy.example.com:8443/x"])
  })

  test("busy merchants are left out, also where another merchant's webhooks go to the same host", async () => {
    await paid("https://shop.example.com/x", { merchantId: 2 })
    const quiet = await paid("https://shop.example.com/x", { merchantId: 3 })
    await paid("https://else.example.com/x", { merchantId: 12 })
    const taken = await lease({ busyMerchants: [2, 12], perHost: 1 })
    expect(taken.map(({ merchantId, orderNo }) => [merchantId, orderNo])).toEqual([[3, quiet.orderNo]])
    expect((await lease()).map(({ merchantId }) => merchantId).sort()).toEqual([12, 2])
  })

  test("the oldest due go first", async () => {
    const orders = [
      await paid("https://c.example.com/"),
      await paid("https://a.example.com/"),
      await paid("https://b.example.com/")
    ]
    for (const [i, order] of orders.entries()) {
      await sql`
        update outbox set due_at = now() - ${`${10 - i} minutes`}::interval, take_at = now() - ${`${10 - i} minutes`}::interval
        where order_no = ${order.orderNo}`
    }
    expect((await lease({ limit: 2 })).map((webhook) => webhook.orderNo)).toEqual(
      orders.slice(0, 2).map((order) => order.orderNo)
    )
  })

  test("a lease reads next to nothing of 100,000 due webhooks of one host", async () => {
    await sql`
      insert into outbox (merchant_id, event_id, order_no, url, host, body)
      select 1, 'evt_' || i, 'QR' || i, 'https://flood.example.com/', 'flood.example.com:443', '{}'
      from generate_series(1, 100000) as i`
    await paid("https://quick.example.com/x")
    const before = await rowsRead(sql, "outbox")
    const taken = await lease({ limit: 50, perHost: 4 })
    expect(taken.filter((webhook) => webhook.url === "https://quick.example.com/x").length).toBe(1)
    expect(taken.length).toBe(5)
    await close()
    await connectionsEnd(sql)
    expect((await rowsRead(sql, "outbox")) - before).toBeLessThan(100)
  })
})

describe("recording", () => {
  test("a delivered webhook is done", async () => {
    await paid()
    await run(store.outbox.record(attemptOf(first(await lease({ leaseMs: 0 })), { kind: "delivered" })))
    expect(await lease()).toEqual([])
    const row = first(await run(store.outbox.list({ state: "delivered", limit: 10 })))
    expect(row).toMatchObject({ state: "delivered", attempts: 1, round: 1 })
    expect(row.history).toEqual([
      { attempt: 1, at: new Date("2026-03-15T02:02:00Z"), durationMs: 16, status: 200, detail: "delivered" }
    ])
  })

  test("one to be sent again is due at its time, with its attempts counted", async () => {
    await paid()
    const webhook = first(await lease())
    await run(store.outbox.record(attemptOf(webhook, { kind: "again", afterMs: 60_000 })))
    expect(await lease()).toEqual([])
    expect(first(await run(store.outbox.list({ state: "due", limit: 10 }))).dueAt.getTime()).toBeGreaterThan(
      Date.now() + 50_000
    )
    await sql`update outbox set take_at = now()`
    expect(await lease()).toMatchObject([{ attempts: 1, round: 1 }])
  })

  test("the same report twice counts once", async () => {
    await paid()
    const attempt = attemptOf(first(await lease()), { kind: "again", afterMs: 0 })
    await run(store.outbox.record(attempt))
    await run(store.outbox.record(attempt))
    expect(await lease()).toMatchObject([{ attempts: 1, round: 1 }])
  })

  test("a late report of failure does not undo a delivery, a late report of delivery ends a retry", async () => {
    await paid()
    const webhook = first(await lease())
    await run(store.outbox.record(attemptOf(webhook, { kind: "delivered" })))
    await run(store.outbox.record(attemptOf({ ...webhook, attempts: 1 }, { kind: "again", afterMs: 0 })))
    expect(await lease()).toEqual([])
    await paid()
    const second = first(await lease())
    await run(store.outbox.record(attemptOf({ ...second, attempts: 1 }, { kind: "dead" })))
    await run(store.outbox.record(attemptOf(second, { kind: "delivered" })))
    expect(await run(store.outbox.list({ state: "dead", limit: 10 }))).toEqual([])
  })

  test("a dead webhook is listed as such and sent again when the operator resends it", async () => {
    const order = await paid()
    await run(store.outbox.record(attemptOf(first(await lease()), { kind: "dead" })))
    expect(await lease()).toEqual([])
    expect((await run(store.outbox.list({ state: "dead", limit: 10 }))).map((row) => row.orderNo)).toEqual([
      order.orderNo
    ])
    expect(await run(store.outbox.resend(order))).toBe(true)
    expect(await lease()).toMatchObject([{ orderNo: order.orderNo, attempts: 1, round: 0 }])
  })

  test("a delivered webhook may be resent, one that is being pushed is not pushed beside", async () => {
    const order = await paid()
    const webhook = first(await lease())
    expect(await run(store.outbox.resend(order))).toBe(true)
    expect(await lease()).toEqual([])
    await run(store.outbox.record(attemptOf(webhook, { kind: "delivered" })))
    expect(await run(store.outbox.resend(order))).toBe(true)
    expect(await lease()).toMatchObject([{ attempts: 1, round: 0 }])
  })

  /** Leases the order's webhook until it has been pushed in vain `pushes` times, and once more. */
  const pushedInVain = async (pushes: number): Promise<LeasedWebhook> => {
    for (let push = 0; push < pushes; push += 1) {
      const attempt = attemptOf(first(await lease()), { kind: "again", afterMs: 0 })
      await run(store.outbox.record(attempt))
    }
    return first(await lease())
  }

  test.each([0, 1, 2])(
    "a resend during a last push that fails, after %d others, is not lost: another push follows at once",
    async (pushes) => {
      const order = await paid()
      const running = await pushedInVain(pushes)
      expect(running).toMatchObject({ attempts: pushes, round: pushes })
      expect(await run(store.outbox.resend(order))).toBe(true)
      expect(await lease()).toEqual([])
      await run(store.outbox.record(attemptOf(running, { kind: "dead" })))
      const [row] = await run(store.outbox.list({ orderNo: order.orderNo, limit: 1 }))
      expect(row).toMatchObject({ state: "due", attempts: pushes + 1, round: 0 })
      const resent = first(await lease())
      expect(resent).toMatchObject({ attempts: pushes + 1, round: 0 })
      // From there on the schedule holds: the round counts, and its last push ends it.
      await run(store.outbox.record(attemptOf(resent, { kind: "again", afterMs: 0 })))
      const second = first(await lease())
      expect(second).toMatchObject({ attempts: pushes + 2, round: 1 })
      await run(store.outbox.record(attemptOf(second, { kind: "dead" })))
      expect((await run(store.outbox.list({ state: "dead", limit: 1 })))[0]?.orderNo).toBe(order.orderNo)
    }
  )

  test.each([0, 1])(
    "a resend during a push that is to be repeated later, after %d others, goes out at once all the same",
    async (pushes) => {
      const order = await paid()
      const running = await pushedInVain(pushes)
      await run(store.outbox.resend(order))
      await run(store.outbox.resend(order))
      await run(store.outbox.record(attemptOf(running, { kind: "again", afterMs: 60_000 })))
      expect(await lease()).toMatchObject([{ attempts: pushes + 1, round: 0 }])
    }
  )

  test.each([0, 1])("a webhook that is delivered during a resend, after %d pushes, stays delivered", async (pushes) => {
    const order = await paid()
    const running = await pushedInVain(pushes)
    expect(await run(store.outbox.resend(order))).toBe(true)
    await run(store.outbox.record(attemptOf(running, { kind: "delivered" })))
    expect(await lease()).toEqual([])
    expect((await run(store.outbox.list({ state: "delivered", limit: 1 })))[0]?.orderNo).toBe(order.orderNo)
  })

  test("a resend whose running sender dies goes out when the lease ends, in a round of its own", async () => {
    const order = await paid()
    await pushedInVain(1)
    await run(store.outbox.resend(order))
    await sql`update outbox set take_at = now()`
    const resent = first(await lease())
    expect(resent).toMatchObject({ attempts: 1, round: 0 })
    await run(store.outbox.record(attemptOf(resent, { kind: "dead" })))
    expect((await run(store.outbox.list({ state: "dead", limit: 1 })))[0]?.orderNo).toBe(order.orderNo)
  })

  test("an order without a webhook has nothing to resend", async () => {
    const order = anOrder()
    await run(store.orders.create(order))
    expect(await run(store.outbox.resend(order))).toBe(false)
  })

  test("the list finds an order's webhook by its number", async () => {
    const order = await paid()
    await paid()
    const found = await run(store.outbox.list({ orderNo: order.orderNo, limit: 10 }))
    expect(found.map((row) => row.orderNo)).toEqual([order.orderNo])
    expect((await run(store.outbox.list({ limit: 1 }))).length).toBe(1)
  })
})

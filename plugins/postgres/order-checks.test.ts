import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import sqlClient from "postgres"
import { CHARGE_LEASE_MS, type ChargeRecord } from "../../core/pipeline/persistence/charges.ts"
import type { NewOrder, OrderKey } from "../../core/pipeline/persistence/orders.ts"
import { sharedPostgres } from "../../tests/harness/postgres.ts"
import type { Stores } from "../../tests/harness/stores.ts"
import { anOrder, aSettlement, eventually, openStore, run } from "./fixture.ts"

setDefaultTimeout(30_000)

/** Two gateways on one database. */
let store: Stores
let other: Stores
const closing: Array<() => Promise<void>> = []
let sql: sqlClient.Sql

beforeAll(async () => {
  const url = await (await sharedPostgres()).createDatabase()
  const stores = [await openStore(url), await openStore(url)] as const
  store = stores[0].store
  other = stores[1].store
  sql = sqlClient(url, { max: 2 })
  closing.push(stores[0].close, stores[1].close, () => sql.end())
})
afterAll(async () => {
  for (const close of closing) await close()
})

const keyOf = ({ merchantId, orderNo }: OrderKey): OrderKey => ({ merchantId, orderNo })

/** An order that can be paid now, stored. */
const placed = async (change: Partial<NewOrder> = {}): Promise<NewOrder> => {
  const createdAt = new Date()
  const order = anOrder({ createdAt, expiresAt: new Date(createdAt.getTime() + 1_800_000), ...change })
  await run(store.orders.create(order))
  return order
}

const begin = (order: OrderKey, at = store) => run(at.charges.begin(keyOf(order)))

const content = { kind: "qrcode", content: "https://qr.example.com/1" }

/** What a charge came to. Accepted and uncertain ones end it, a refusal goes on to the next account. */
const record = (
  order: NewOrder,
  attempt: number,
  outcome: ChargeRecord["outcome"],
  change: Partial<ChargeRecord> = {}
): Promise<boolean> =>
  run(
    store.charges.record({
      ...keyOf(order),
      provider: "sandbox",
      accountId: "acc_1",
      attempt,
      final: outcome !== "rejected",
      at: new Date(Date.now() + attempt),
      durationMs: 12.4,
      outcome,
      presentation: outcome === "accepted" ? content : null,
      detail: outcome === "accepted" ? null : { reason: "closed\u0000" },
      ...change
    })
  )

const find = (order: OrderKey) => run(store.orders.find(keyOf(order)))
const kindsOf = async (order: OrderKey) => (await run(store.timeline.of(keyOf(order)))).map(({ kind }) => kind)
const move = (order: OrderKey, attempt: number, accountId: string) =>
  run(
    store.charges.moveToAccount(
      { ...keyOf(order), attempt },
      {
        provider: "yinsheng-qrcode",
        accountId,
        feeRateBp: 38,
        reference: { shopdate: "1" }
      }
    )
  )

/** As if the charge had begun so much earlier. */
const passes = (order: OrderKey, ms: number) => sql`
  update orders set charging_until = charging_until - ${`${ms} milliseconds`}::text::interval
  where merchant_id = ${order.merchantId} and order_no = ${order.orderNo}`

describe("beginning a charge", () => {
  test("of 20 callers at once in two gateways exactly one begins it, the others are told that it is busy", async () => {
    for (let round = 0; round < 5; round += 1) {
      const order = await placed()
      let answers: Array<Promise<number | "busy" | "over">> = []
      // They all wait for this one, so that none sees what another has done before it asks.
      await sql.begin(async (lock) => {
        await lock`select from orders where order_no = ${order.orderNo} for update`
        answers = Array.from({ length: 20 }, (_, i) => begin(order, i % 2 === 0 ? store : other))
        await eventually("both gateways' eight connections wait", async () => {
          const [row] = await sql`
            select count(*)::int as n from pg_stat_activity
            where datname = current_database() and application_name = 'payhub' and wait_event_type = 'Lock'`
          return row?.n === 16
        })
      })
      expect((await Promise.all(answers)).sort()).toEqual([1, ...new Array<"busy">(19).fill("busy")])
    }
  })

  test("an order that is charged as soon as it is stored is busy with its first attempt", async () => {
    // Whatever the clock of the gateway says: the database's own decides who may charge.
    const order = await placed({ charging: true, createdAt: new Date(Date.now() - 600_000) })
    expect(await begin(order, other)).toBe("busy")
    expect(await record(order, 1, "uncertain")).toBe(true)
    expect(await begin(order, other)).toBe(2)
  })

  test("an order that has expired, has ended or is paid can not be charged any more", async () => {
    const expired = await placed({ expiresAt: new Date(Date.now() - 1) })
    expect(await begin(expired)).toBe("over")
    const ended = await placed()
    await run(store.orders.end(ended, "CLOSED", "expired"))
    expect(await begin(ended)).toBe("over")
    const paid = await placed()
    await run(store.settlements.settle(aSettlement(paid)))
    expect(await begin(paid)).toBe("over")
    expect(await begin(anOrder())).toBe("over")
    // Also while a charge is under way.
    for (const act of ["end", "settle"] as const) {
      const order = await placed({ charging: true })
      if (act === "end") await run(store.orders.end(order, "FAILED", "refused"))
      else await run(store.settlements.settle(aSettlement(order)))
      expect(await begin(order)).toBe("over")
    }
    const [row] = await sql`select attempts from orders where order_no = ${expired.orderNo}`
    expect(row?.attempts).toBe(0)
  })

  test("the next charge begins after the final record of the one before, not after a refusal that goes on", async () => {
    const order = await placed()
    expect(await begin(order)).toBe(1)
    expect(await record(order, 1, "rejected")).toBe(true)
    expect(await begin(order)).toBe("busy")
    expect(await move(order, 1, "acc_2")).toBe(2)
    expect(await begin(order)).toBe("busy")
    expect(await record(order, 2, "rejected", { final: true })).toBe(true)
    expect(await begin(order)).toBe(3)
  })

  test("a charge whose process died holds the order for CHARGE_LEASE_MS and no longer", async () => {
    const order = await placed()
    expect(await begin(order)).toBe(1)
    await passes(order, CHARGE_LEASE_MS - 10_000)
    expect(await begin(order)).toBe("busy")
    await passes(order, 10_000)
    expect(await begin(order, other)).toBe(2)
    expect(await begin(order)).toBe("busy")
  })

  test("moving to another account gives the charge its whole time anew", async () => {
    const order = await placed({ charging: true })
    await passes(order, CHARGE_LEASE_MS)
    expect(await move(order, 1, "acc_2")).toBe(2)
    await passes(order, CHARGE_LEASE_MS - 10_000)
    expect(await begin(order)).toBe("busy")
  })

  test("a charge that reports after its time does not let a third begin beside the second", async () => {
    const order = await placed()
    expect(await begin(order)).toBe(1)
    await passes(order, CHARGE_LEASE_MS)
    expect(await begin(order)).toBe(2)
    expect(await record(order, 1, "uncertain")).toBe(true)
    expect(await begin(order)).toBe("busy")
    expect(await record(order, 2, "accepted")).toBe(true)
    expect(await begin(order)).toBe(3)
    expect(await kindsOf(order)).toEqual(["created", "charge.uncertain", "charge.accepted"])
  })
})

describe("recording charges", () => {
  test("an accepted charge puts its presentation on the order, a rejected one leaves it", async () => {
    const order = await placed({ charging: true })
    await record(order, 1, "rejected")
    expect((await find(order))?.presentation).toBeNull()
    await record(order, 2, "accepted")
    await record(order, 2, "accepted")
    expect((await find(order))?.presentation).toEqual(content)
    expect(await kindsOf(order)).toEqual(["created", "charge.rejected", "charge.accepted"])
  })

  test("the second round of a payer's charge is another attempt, and its record is kept as well", async () => {
    const order = await placed({
      jsapi: {
        appId: null,
        miniProgram: false,
        tokenHash: "0a".repeat(32),
        openid: null,
        payUntil: new Date("2100-01-01T00:00:00Z")
      }
    })
    expect(await begin(order)).toBe(1)
    expect(await record(order, 1, "uncertain")).toBe(true)
    expect(await begin(order)).toBe(2)
    expect(await record(order, 2, "accepted")).toBe(true)
    const story = await run(store.timeline.of(keyOf(order)))
    expect(story.map(({ kind, detail }) => [kind, (detail as { attempt?: number }).attempt])).toEqual([
      ["created", undefined],
      ["charge.uncertain", 1],
      ["charge.accepted", 2]
    ])
    expect((await find(order))?.presentation).toEqual(content)
  })

  test("two charges of one order that are recorded together keep what the payer is shown and end the last", async () => {
    for (let round = 0; round < 10; round += 1) {
      const order = await placed()
      await begin(order)
      await passes(order, CHARGE_LEASE_MS)
      await begin(order)
      // Either one may be the accepted one and come first; calls of one turn go in one statement.
      const outcomes = round % 2 === 0 ? (["uncertain", "accepted"] as const) : (["accepted", "uncertain"] as const)
      const attempts = outcomes.map((outcome, i) => () => record(order, i + 1, outcome))
      if (round % 4 > 1) attempts.reverse()
      expect(await Promise.all(attempts.map((report) => report()))).toEqual([true, true])
      expect((await find(order))?.presentation).toEqual(content)
      expect(await begin(order)).toBe(3)
    }
  })

  test("a charge that is recorded after the order has ended is told so, and does not make it payable", async () => {
    const order = await placed({ charging: true })
    await run(store.orders.end(order, "CLOSED", "expired"))
    expect(await record(order, 1, "accepted")).toBe(false)
    expect((await find(order))?.presentation).toBeNull()
    // What the channel was asked is told all the same.
    expect(await kindsOf(order)).toContain("charge.accepted")
    const paid = await placed({ charging: true })
    await run(store.settlements.settle(aSettlement(paid)))
    expect(await record(paid, 1, "accepted")).toBe(false)
    expect(await record(anOrder(), 1, "accepted")).toBe(false)
  })

  test("each of many charges that are recorded at once is told of its own order", async () => {
    const orders = await Promise.all(Array.from({ length: 40 }, () => placed({ charging: true })))
    await Promise.all(
      orders.filter((_, i) => i % 2 === 0).map((order) => run(store.orders.end(order, "CLOSED", "expired")))
    )
    const answers = await Promise.all(orders.map((order) => record(order, 1, "accepted")))
    expect(answers).toEqual(orders.map((_, i) => i % 2 === 1))
  })
})

describe("recording what was shown once", () => {
  const recordAccepted = (order: OrderKey, attempt: number) =>
    run(
      store.charges.recordAccepted({
        ...keyOf(order),
        provider: "sandbox",
        accountId: "acc_1",
        attempt,
        at: new Date("2026-03-15T02:00:00.123Z"),
        durationMs: 12.4,
        detail: { presentation: content }
      })
    )

  test("it is told in the order's story, once, and the order is not written", async () => {
    const order = await placed({ charging: true })
    const version = () => sql`select xmin::text, ctid::text from orders where order_no = ${order.orderNo}`
    const before = await version()
    await recordAccepted(order, 1)
    await recordAccepted(order, 1)
    expect(await version()).toEqual(before)
    const told = {
      attempt: 1,
      provider: "sandbox",
      accountId: "acc_1",
      durationMs: 12,
      detail: { presentation: content }
    }
    expect((await run(store.timeline.of(keyOf(order)))).filter(({ kind }) => kind !== "created")).toEqual([
      { at: new Date("2026-03-15T02:00:00.123Z"), kind: "charge.accepted", detail: told }
    ])
  })

  test("it ends the charge for whoever asks: checks are leased, another may begin", async () => {
    const order = await placed({ charging: true, nextCheckAt: new Date(0) })
    const due = async () => (await run(other.orders.leaseChecks(100, 60_000))).map(({ orderNo }) => orderNo)
    expect(await due()).toEqual([])
    expect(await begin(order)).toBe("busy")
    await recordAccepted(order, 1)
    expect(await due()).toEqual([order.orderNo])
    expect(await begin(order)).toBe(2)
    // An earlier charge's record says nothing of the one that has begun since.
    await run(store.orders.scheduleCheck(keyOf(order), -1))
    expect(await due()).toEqual([])
    expect(await begin(order)).toBe("busy")
  })

  test("at the account that an order has moved to, only the charge there ends it", async () => {
    const order = await placed({ charging: true, nextCheckAt: new Date(0) })
    const due = async () => (await run(other.orders.leaseChecks(100, 60_000))).map(({ orderNo }) => orderNo)
    expect(await move(order, 1, "acc_2")).toBe(2)
    await recordAccepted(order, 1)
    expect(await due()).toEqual([])
    await recordAccepted(order, 2)
    expect(await due()).toEqual([order.orderNo])
  })

  test("many at once are each kept", async () => {
    const orders = await Promise.all(Array.from({ length: 200 }, () => placed({ charging: true })))
    await Promise.all(orders.map((order) => recordAccepted(order, 1)))
    const numbers = orders.map(({ orderNo }) => orderNo)
    const [row] = await sql`select count(*)::int as n from charges where order_no = any(${numbers})`
    expect(row?.n).toBe(200)
  })
})

describe("changing a PENDING order", () => {
  test("it moves to another account before it is charged there, a CLOSED one does not", async () => {
    const order = await placed({ charging: true })
    expect(await move(order, 1, "acc_2")).toBe(2)
    expect(await find(order)).toMatchObject({
      provider: "yinsheng-qrcode",
      accountId: "acc_2",
      feeRateBp: 38,
      reference: { shopdate: "1" }
    })
    expect(await move(order, 2, "acc_3")).toBe(3)
    await run(store.orders.end({ ...order, accountId: "acc_3" }, "CLOSED", "expired"))
    expect(await move(order, 3, "acc_4")).toBeNull()
    expect((await find(order))?.accountId).toBe("acc_3")
    expect((await kindsOf(order)).filter((kind) => kind === "account").length).toBe(2)
  })

  test("a charge that stood still while another has begun moves the order nowhere", async () => {
    const order = await placed({ charging: true })
    await passes(order, CHARGE_LEASE_MS)
    expect(await begin(order)).toBe(2)
    expect(await move(order, 1, "acc_2")).toBeNull()
    expect(await find(order)).toMatchObject({ provider: order.provider, accountId: order.accountId })
    expect(await move(order, 2, "acc_2")).toBe(3)
  })

  test("of ten payers at once one is bound, and all are told which", async () => {
    const order = anOrder({
      jsapi: {
        appId: null,
        miniProgram: false,
        tokenHash: "ef".repeat(32),
        openid: null,
        payUntil: new Date("2100-01-01T00:00:00Z")
      }
    })
    await run(store.orders.create(order))
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => run(store.orders.bindPayer(keyOf(order), `openid-${i}`)))
    )
    expect(new Set(answers).size).toBe(1)
    expect((await run(store.orders.find(keyOf(order))))?.jsapi?.openid).toBe(answers[0] ?? "")
  })

  test("a due check is leased to one asker only, and comes back when the lease ends", async () => {
    const due = Array.from({ length: 30 }, () => anOrder({ merchantId: 3, nextCheckAt: new Date(0) }))
    await Promise.all(due.map((order) => run(store.orders.create(order))))
    const leases = await Promise.all(Array.from({ length: 8 }, () => run(store.orders.leaseChecks(10, 60_000))))
    const taken = leases.flat().map((order) => order.orderNo)
    expect(new Set(taken).size).toBe(taken.length)
    while (taken.length < 30) taken.push(...(await run(store.orders.leaseChecks(10, 60_000))).map((o) => o.orderNo))
    expect(taken.sort()).toEqual(due.map((order) => order.orderNo).sort())
    expect(await run(store.orders.leaseChecks(10, 60_000))).toEqual([])

    const [first] = due
    if (first === undefined) throw new Error("no order")
    await run(store.orders.scheduleCheck(keyOf(first), -1))
    expect((await run(store.orders.leaseChecks(10, 0))).map((order) => order.orderNo)).toEqual([first.orderNo])
    expect((await run(store.orders.leaseChecks(10, 0))).map((order) => order.orderNo)).toEqual([first.orderNo])
    await run(store.orders.scheduleCheck(keyOf(first), null))
    expect(await run(store.orders.leaseChecks(10, 0))).toEqual([])
  })

  test("a due check waits while the order is being charged, and is leased when the charge has ended or died", async () => {
    const recorded = await placed({ charging: true, nextCheckAt: new Date(0) })
    const died = await placed({ nextCheckAt: new Date(0) })
    const idle = await placed({ nextCheckAt: new Date(0) })
    await begin(died)
    const due = async () => (await run(other.orders.leaseChecks(100, 60_000))).map(({ orderNo }) => orderNo)
    expect(await due()).toEqual([idle.orderNo])
    await record(recorded, 1, "rejected")
    expect(await due()).toEqual([])
    await record(recorded, 1, "uncertain")
    expect(await due()).toEqual([recorded.orderNo])
    await passes(died, CHARGE_LEASE_MS)
    expect(await due()).toEqual([died.orderNo])
  })
})

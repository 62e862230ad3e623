import { describe, expect, test } from "bun:test"
import { Effect, Layer, Redacted } from "effect"
import { BOOKKEEPER, type Silent } from "../../tests/harness/bookkeeper.ts"
import { openInProcessGateway, paymentOf } from "../../tests/harness/in-process-gateway.ts"
import { orderKey } from "../../tests/harness/memory-persistence/tables.ts"
import { perTest } from "../../tests/harness/per-test.ts"
import { aJsapi } from "../../tests/harness/sample-orders.ts"
import { until } from "../../tests/harness/until.ts"
import type { ChargeState, CloseState } from "../channel/provider.ts"
import type { Order, OrderStatus } from "../domain/order.ts"
import { Accounts } from "../pipeline/persistence/accounts.ts"
import { Charges } from "../pipeline/persistence/charges.ts"
import { Vault } from "../secrets/vault.ts"
import { reconcileLayer, reconcileOrder } from "./reconcile.ts"
import { CLOSE_GRACE_MS, GIVE_UP_AFTER_EXPIRY_MS } from "./reconcile-schedule.ts"

/** `acc_1` can close orders, `acc_2` cannot. The schedule asks at the ages of 30 s and 60 s, then every 60 s. */
const gateway = perTest(() => openInProcessGateway({ accounts: [{ id: "acc_1" }, { id: "acc_2", closes: false }] }))

const LIFE_MS = 1_800_000
const EXPIRED_MS = LIFE_MS + CLOSE_GRACE_MS

const reconcile = (order: Order) => gateway().run(reconcileOrder(order))
const checkMs = (order: Order) => gateway().tables.orders.get(orderKey(order))?.nextCheckMs ?? null

/** What the provider's book says: of a payment, that of the order. */
type Said = "pending" | "absent" | "paid" | "paid one fen less" | "closed" | "failed" | Silent

const stateOf = (order: Order, said: Said): ChargeState | Silent => {
  switch (said) {
    case "paid":
      return { state: "paid", payment: paymentOf(order) }
    case "paid one fen less":
      return { state: "paid", payment: paymentOf(order, { amountFen: 999 }) }
    case "failed":
      return { state: "failed", reason: "declined" }
    case "silent":
      return "silent"
    default:
      return { state: said }
  }
}

const say = (order: Order, said: Said) => gateway().book.states.set(order.orderNo, stateOf(order, said))

describe("an order that has not expired", () => {
  test.each<[Said, OrderStatus]>([
    ["pending", "PENDING"],
    ["absent", "PENDING"],
    ["silent", "PENDING"],
    ["paid one fen less", "PENDING"],
    ["paid", "PAID"],
    ["closed", "CLOSED"],
    ["failed", "FAILED"]
  ])(
    "and is %s at its channel is %s here; nothing is closed, and what is open is asked about again",
    async (said, status) => {
      const { order, find, book, advance } = gateway()
      const made = await order()
      say(made, said)
      await advance(40_000)
      await reconcile(made)
      expect((await find(made)).status).toBe(status)
      expect(book.queries).toEqual([made.orderNo])
      expect(book.closes).toEqual([])
      expect(checkMs(made)).toBe(status === "PENDING" ? made.createdAt.getTime() + 60_000 : null)
    }
  )
})

describe("an order that has expired", () => {
  type CloseRow = [
    before: Said,
    closed: CloseState["state"] | Silent,
    after: Said,
    status: OrderStatus,
    asked: number,
    closes: number
  ]
  // The grace of 30 s has passed, so no charge that was begun in time can still be under way.
  test.each<CloseRow>([
    ["pending", "closed", "closed", "CLOSED", 2, 1],
    ["pending", "closed", "absent", "CLOSED", 2, 1],
    ["absent", "closed", "absent", "CLOSED", 2, 1],
    // A payment that wins the race against the close is settled.
    ["pending", "paid", "paid", "PAID", 2, 1],
    ["pending", "closed", "paid", "PAID", 2, 1],
    ["pending", "silent", "paid", "PAID", 2, 1],
    // Closed nowhere, as far as anybody knows: open here too.
    ["pending", "silent", "pending", "PENDING", 2, 1],
    ["pending", "silent", "absent", "PENDING", 2, 1],
    ["pending", "closed", "pending", "PENDING", 2, 1],
    ["pending", "closed", "silent", "PENDING", 2, 1],
    ["pending", "paid", "pending", "PENDING", 2, 1],
    ["pending", "closed", "paid one fen less", "PENDING", 2, 1],
    // The channel closed it although its answer was lost.
    ["pending", "silent", "closed", "CLOSED", 2, 1],
    // Nothing to close.
    ["paid", "closed", "paid", "PAID", 1, 0],
    ["closed", "closed", "closed", "CLOSED", 1, 0],
    ["failed", "closed", "failed", "FAILED", 1, 0],
    ["silent", "closed", "silent", "PENDING", 1, 0]
  ])(
    "and is %s, whose close answers %s and which is then %s, becomes %s",
    async (before, closed, after, status, asked, closes) => {
      const { order, find, book, advance } = gateway()
      const made = await order()
      const seen: Array<string> = []
      say(made, before)
      book.onClose = () => {
        seen.push(gateway().tables.orders.get(orderKey(made))?.order.status ?? "gone")
        say(made, after)
        return closed === "silent" ? closed : { state: closed }
      }
      await advance(EXPIRED_MS)
      await reconcile(made)
      expect((await find(made)).status).toBe(status)
      expect([book.queries.length, book.closes.length]).toEqual([asked, closes])
      // There first, then here.
      expect(seen).toEqual(new Array<string>(closes).fill("PENDING"))
      const isOpen = status === "PENDING"
      expect(checkMs(made)).toBe(isOpen ? (await gateway().nowMs()) + 60_000 : null)
    }
  )

  test.each<[Said, OrderStatus]>([
    ["pending", "PENDING"],
    ["absent", "CLOSED"],
    ["closed", "CLOSED"],
    ["silent", "PENDING"],
    ["paid", "PAID"]
  ])("at a channel that cannot close and says %s is %s", async (said, status) => {
    const { order, find, book, advance } = gateway()
    const made = await order({ accountId: "acc_2" })
    say(made, said)
    await advance(EXPIRED_MS)
    await reconcile(made)
    expect((await find(made)).status).toBe(status)
    expect(book.closes).toEqual([])
  })

  test("a millisecond before the grace has passed is only asked about", async () => {
    const { order, find, book, advance } = gateway()
    const made = await order()
    await advance(EXPIRED_MS - 1)
    await reconcile(made)
    expect([(await find(made)).status, book.closes.length]).toEqual(["PENDING", 0])
    expect(checkMs(made)).toBe(made.createdAt.getTime() + EXPIRED_MS)
  })
})

describe("an order that no channel has heard of", () => {
  const waiting = () => gateway().order({ channelCode: "wxpay_js", jsapi: aJsapi("0a".repeat(32)) })

  test("because no payer has come is asked about nowhere, and ends at its expiry", async () => {
    const { find, book, advance } = gateway()
    const made = await waiting()
    await advance(60_000)
    await reconcile(made)
    expect((await find(made)).status).toBe("PENDING")
    await advance(EXPIRED_MS - 60_000)
    await reconcile(made)
    expect((await find(made)).status).toBe("CLOSED")
    expect([book.queries, book.closes]).toEqual([[], []])
  })

  test("is asked about once its payer is bound", async () => {
    const { run, find, book } = gateway()
    const made = await waiting()
    const { merchantId, orderNo } = made
    await run(Effect.flatMap(Charges, (charges) => charges.begin({ merchantId, orderNo, payer: "openid-1" })))
    await reconcile(await find(made))
    expect(book.queries).toEqual([made.orderNo])
  })

  test("because its account cannot be opened stays open and is tried again", async () => {
    const { order, find, book, advance } = gateway()
    const made = await order({ accountId: "acc_gone" })
    await advance(EXPIRED_MS)
    await reconcile(made)
    expect((await find(made)).status).toBe("PENDING")
    expect(checkMs(made)).toBe((await gateway().nowMs()) + 60_000)
    expect(book.queries).toEqual([])
  })
})

describe("a day after its expiry", () => {
  test.each([
    ["has not passed, an order is asked about again", 0, false],
    ["has passed, nobody asks any more", 1, true]
  ])("%s", async (_, laterMs, isOver) => {
    const { order, find, advance } = gateway()
    const made = await order()
    say(made, "silent")
    await advance(LIFE_MS + GIVE_UP_AFTER_EXPIRY_MS + laterMs)
    await reconcile(made)
    expect(checkMs(made) === null).toBe(isOver)
    expect((await find(made)).status).toBe("PENDING")
  })

  test("a payment still ends it", async () => {
    const { order, find, advance } = gateway()
    const made = await order()
    say(made, "paid")
    await advance(LIFE_MS + GIVE_UP_AFTER_EXPIRY_MS + 1)
    await reconcile(made)
    expect((await find(made)).status).toBe("PAID")
  })
})

const addAccount = Effect.fnUntraced(function* ({ id, name }: { readonly id: string; readonly name: string }) {
  const accounts = yield* Accounts
  const vault = yield* Vault
  const sealed = vault.seal(Redacted.make(JSON.stringify({ name, closes: true })), `account:${id}`)
  return yield* accounts.create({ id, provider: BOOKKEEPER, name: id, feeRateBp: 60, sealed })
})

describe("the worker", () => {
  /** Runs reconcile for as long as the test's act. */
  const working = <A>(act: () => Promise<A>): Promise<A> =>
    gateway().run(
      Effect.scoped(
        Effect.andThen(
          Layer.build(reconcileLayer),
          Effect.promise(() => act())
        )
      )
    )
  /** Lets the clock go on by whole seconds; answers the ages in seconds at which the order was asked about. */
  const agesAsked = async (order: Order, seconds: number): Promise<ReadonlyArray<number>> => {
    const { book, advance, nowMs } = gateway()
    const ages: Array<number> = []
    for (let second = 0; second < seconds; second += 1) {
      const before = book.queries.length
      await advance("1 second")
      const age = ((await nowMs()) - order.createdAt.getTime()) / 1_000
      for (const asked of book.queries.slice(before)) if (asked === order.orderNo) ages.push(age)
    }
    return ages
  }

  const dueAt = (order: { readonly createdAt: Date }) => new Date(order.createdAt.getTime() + 30_000)

  test("asks by the order's age, closes it at its expiry, and then asks no more", async () => {
    const { order, find, nowMs, book } = gateway()
    const createdAt = new Date(await nowMs())
    const expiresAt = new Date(createdAt.getTime() + 240_000)
    const made = await order({ createdAt, expiresAt, nextCheckAt: dueAt({ createdAt }) })
    const ages = await working(() => agesAsked(made, 400))
    // At 270 s, the expiry and its grace, twice: before the close and after it.
    expect(ages).toEqual([30, 60, 120, 180, 240, 270, 270])
    expect(book.closes).toEqual([made.orderNo])
    expect((await find(made)).status).toBe("CLOSED")
  })

  test("asks about each order once a round, however many processes work", async () => {
    const { order, nowMs, book, advance } = gateway()
    const createdAt = new Date(await nowMs())
    for (let i = 0; i < 200; i += 1) await order({ createdAt, nextCheckAt: dueAt({ createdAt }) })
    await working(() =>
      working(async () => {
        for (let second = 0; second < 35; second += 1) await advance("1 second")
      })
    )
    expect(book.queries).toHaveLength(200)
    expect(new Set(book.queries).size).toBe(200)
  })

  test("an account that hangs holds up no other account's orders", async () => {
    const { order, nowMs, book, advance, find } = gateway()
    const createdAt = new Date(await nowMs())
    book.hanging.add("acc_1")
    for (let i = 0; i < 400; i += 1) await order({ createdAt, nextCheckAt: new Date(0) })
    const other = await order({ createdAt, accountId: "acc_2", nextCheckAt: new Date(1) })
    say(other, "paid")
    await working(async () => {
      await advance("2 seconds")
      await until("the other account's order is settled", async () => (await find(other)).status === "PAID")
    })
    // No more than its share is under way at the account that hangs.
    expect(book.queries.filter((orderNo) => orderNo !== other.orderNo)).toHaveLength(32)
  })

  test("an order that cannot be reconciled harms no other, and is asked about again when its lease ends", async () => {
    const { order, nowMs, fail, advance, find, book } = gateway()
    const createdAt = new Date(await nowMs())
    const [ill, well] = [
      await order({ createdAt, nextCheckAt: new Date(0) }),
      await order({ createdAt, nextCheckAt: new Date(1) })
    ]
    for (const made of [ill, well]) say(made, "paid")
    fail("settlements.settle", "away")
    await working(async () => {
      await advance("2 seconds")
      expect([(await find(ill)).status, (await find(well)).status]).toEqual(["PENDING", "PAID"])
      await advance("87 seconds")
      expect((await find(ill)).status).toBe("PENDING")
      await advance("3 seconds")
      expect((await find(ill)).status).toBe("PAID")
    })
    expect(book.queries.filter((orderNo) => orderNo === ill.orderNo)).toHaveLength(2)
  })

  test("orders beyond an account's share are checked as soon as those before them have ended", async () => {
    const { order, nowMs, advance, find } = gateway()
    const createdAt = new Date(await nowMs())
    const made: Array<Order> = []
    for (let i = 0; i < 200; i += 1) made.push(await order({ createdAt, nextCheckAt: new Date(i) }))
    for (const each of made) say(each, "paid")
    await working(async () => {
      await advance("1 second")
      await until("every order to be settled", async () =>
        (await Promise.all(made.map(find))).every(({ status }) => status === "PAID")
      )
    })
  })

  test.each([16, 100])("%d accounts that hang hold up no other account's orders", async (count) => {
    const { order, nowMs, book, advance, find, run } = gateway()
    const createdAt = new Date(await nowMs())
    book.hanging.add("slow")
    for (let n = 0; n < count; n += 1) {
      await run(addAccount({ id: `acc_slow_${n}`, name: "slow" }))
      for (let i = 0; i < 40; i += 1) await order({ createdAt, accountId: `acc_slow_${n}`, nextCheckAt: new Date(i) })
    }
    await working(async () => {
      let before = -1
      await until("the checks that hang to become no more", async () => {
        const grown = book.queries.length !== before
        before = book.queries.length
        await advance("1 second")
        return before > 300 && !grown
      })
      const other = await order({ createdAt, accountId: "acc_2", nextCheckAt: new Date(await nowMs()) })
      say(other, "paid")
      await advance("1 second")
      await until("the other account's order is settled", async () => (await find(other)).status === "PAID")
    })
  })

  test("goes on when the store that was away comes back", async () => {
    const { order, nowMs, fail, advance, find } = gateway()
    const createdAt = new Date(await nowMs())
    const made = await order({ createdAt, nextCheckAt: new Date(0) })
    say(made, "paid")
    fail("orders.leaseChecks", "away", "away", "away")
    await working(async () => {
      await advance("1500 millis")
      expect((await find(made)).status).toBe("PENDING")
      await advance("4 seconds")
      expect((await find(made)).status).toBe("PAID")
    })
  })
})

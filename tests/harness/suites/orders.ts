import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import type { NewOrder, OrderFilter } from "../../../core/pipeline/persistence/orders.ts"
import { perTest } from "../per-test.ts"
import { aMerchant } from "../sample-merchants.ts"
import { aJsapi, anOrder, aSettlement } from "../sample-orders.ts"
import { checks, keyOf, type OpenStore, orderActs } from "./store-under-test.ts"

/** The promise of Orders, for every store: see core/pipeline/persistence/orders.ts. */
export const ordersSuite = (name: string, open: OpenStore): void =>
  describe(`Orders on ${name}`, () => {
    const on = perTest(open)
    const { placed, find, end, settle, begin, move, leaseDue } = orderActs(on)

    /** Tries to create an order: the answer, or the failure's tag. */
    const tried = async (order: NewOrder): Promise<string> => {
      const answer = await on().run(Effect.result(on().stores.orders.create(order)))
      return answer._tag === "Success" ? answer.success : answer.failure._tag
    }

    const merchantNamed = async (appId: string) => {
      const { stores, run } = on()
      return (await run(stores.merchants.create(aMerchant(appId)))).id
    }

    describe("creating", () => {
      test("an order comes back as it was stored, PENDING and unpaid", async () => {
        const { stores, run } = on()
        const { nextCheckAt, charging, ...order } = anOrder({
          merchantOrderNo: "订单 'quoted' \\ \"x\"",
          amountFen: 10_000_000_000,
          jsapi: { ...aJsapi("ab".repeat(32)), appId: "wx1", miniProgram: true }
        })
        expect(await run(stores.orders.create({ ...order, nextCheckAt, charging }))).toBe("created")
        const expected = {
          ...order,
          status: "PENDING" as const,
          presentation: null,
          paidAt: null,
          feeFen: null,
          actualFen: null,
          channelTradeNo: null,
          flags: []
        }
        expect(await find(order)).toEqual(expected)
        const { orderNo, merchantOrderNo, channelCode, status, amountFen, actualFen, feeFen, createdAt, paidAt } =
          expected
        const summary = {
          orderNo,
          merchantOrderNo,
          channelCode,
          status,
          amountFen,
          actualFen,
          feeFen,
          createdAt,
          paidAt
        }
        expect(await run(stores.orders.summary(keyOf(order)))).toEqual(summary)
        expect(await run(stores.orders.summaryByMerchantOrderNo(1, order.merchantOrderNo))).toEqual(summary)
        expect(await run(stores.orders.findByOrderNo(order.orderNo))).toEqual(expected)
        expect(await run(stores.orders.findByTokenHash("ab".repeat(32)))).toEqual(expected)
      })

      test("an order is not found under another merchant, number or token", async () => {
        const { stores, run } = on()
        const order = anOrder()
        await run(stores.orders.create(order))
        expect(await run(stores.orders.find({ merchantId: 2, orderNo: order.orderNo }))).toBeNull()
        expect(await run(stores.orders.summary({ merchantId: 2, orderNo: order.orderNo }))).toBeNull()
        expect(await run(stores.orders.summaryByMerchantOrderNo(2, order.merchantOrderNo))).toBeNull()
        expect(await run(stores.orders.findByOrderNo("QR20260315100000ZZZZZZZZ"))).toBeNull()
        expect(await run(stores.orders.findByTokenHash("cd".repeat(32)))).toBeNull()
        expect(await run(stores.orders.known(2, order.merchantOrderNo))).toBe(false)
        expect(await run(stores.orders.known(1, order.merchantOrderNo))).toBe(true)
      })

      test("of 200 calls with one merchant_order_no at once exactly one makes an order", async () => {
        const { stores, run } = on()
        const merchantId = await merchantNamed("pk_test_200")
        const { merchantOrderNo } = anOrder()
        const calls = Array.from({ length: 200 }, () => anOrder({ merchantId, merchantOrderNo }))
        const answers = await Promise.all(calls.map(tried))
        expect(answers.filter((answer) => answer === "created").length).toBe(1)
        expect(answers.filter((answer) => answer === "DuplicateOrder").length).toBe(199)
        const stored = await run(stores.orders.list({ merchantId, limit: 1_000 }))
        expect(stored.map((order) => order.merchantOrderNo)).toEqual([merchantOrderNo])
      })

      test("of 50 calls that are the same to the letter exactly one is told that it made the order", async () => {
        const order = anOrder()
        const answers = await Promise.all(Array.from({ length: 50 }, () => tried(order)))
        expect(answers.filter((answer) => answer === "created").length).toBe(1)
        expect(answers.filter((answer) => answer === "DuplicateOrder").length).toBe(49)
      })

      test("500 orders placed at once are all stored, each once", async () => {
        const { stores, run } = on()
        const merchantId = await merchantNamed("pk_test_500")
        const orders = Array.from({ length: 500 }, () => anOrder({ merchantId }))
        expect(new Set(await Promise.all(orders.map(tried)))).toEqual(new Set(["created"]))
        const stored = await run(stores.orders.list({ merchantId, limit: 1_000 }))
        expect(stored.map((order) => order.orderNo).sort()).toEqual(orders.map((order) => order.orderNo).sort())
      })

      test("a number that the gateway drew before asks for another draw, whoever arrives with it", async () => {
        const { stores, run } = on()
        const taken = anOrder()
        await run(stores.orders.create(taken))
        const again = anOrder({ orderNo: taken.orderNo })
        expect(await Promise.all([anOrder(), again, anOrder()].map(tried))).toEqual([
          "created",
          "order-no-taken",
          "created"
        ])
        expect(await run(stores.orders.known(1, again.merchantOrderNo))).toBe(false)
        expect((await find(taken))?.merchantOrderNo).toBe(taken.merchantOrderNo)
      })

      test("the same number of another merchant is another order", async () => {
        const order = anOrder()
        expect(await tried(order)).toBe("created")
        expect(await tried({ ...order, merchantId: 2 })).toBe("created")
      })

      test("an order without an amount is refused, and its number is not used up", async () => {
        const { stores, run } = on()
        const order = anOrder({ amountFen: 0 })
        expect(await tried(order)).toBe("StoreUnavailable")
        expect(await run(stores.orders.known(1, order.merchantOrderNo))).toBe(false)
      })
    })

    test("the list is newest first, by merchant, status, time and flag, up to the limit", async () => {
      const { stores, run } = on()
      const ids = [await merchantNamed("pk_test_a"), await merchantNamed("pk_test_b")]
      const orders = Array.from({ length: 6 }, (_, i) =>
        anOrder({ merchantId: ids[i % 2] ?? 0, createdAt: new Date(Date.UTC(2026, 2, 15, i)) })
      )
      for (const order of orders) await run(stores.orders.create(order))
      const [o0, , o2, o3, o4, o5] = orders.map((order) => order.orderNo)
      await end(orders[0] ?? anOrder(), "FAILED")
      const flagged = orders[2] ?? anOrder()
      const { payment } = aSettlement(flagged)
      const flag = {
        order: keyOf(flagged),
        anomaly: "amount-mismatch",
        payment,
        source: "query",
        notice: null
      } as const
      await run(stores.notices.flag(flag))
      const numbers = async (filter: OrderFilter) =>
        (await run(stores.orders.list(filter))).map((order): string | undefined => order.orderNo)
      expect(await numbers({ limit: 3 })).toEqual([o5, o4, o3])
      expect(await numbers({ limit: 9, merchantId: ids[0] ?? 0 })).toEqual([o4, o2, o0])
      expect(await numbers({ limit: 9, status: "FAILED" })).toEqual([o0])
      expect(await numbers({ limit: 9, since: new Date(Date.UTC(2026, 2, 15, 4)) })).toEqual([o5, o4])
      expect(await numbers({ limit: 9, flagged: true })).toEqual([o2])
      expect((await numbers({ limit: 9, flagged: false })).length).toBe(5)
    })

    describe("ending", () => {
      test.each([
        ["PENDING", "FAILED", true],
        ["PENDING", "CLOSED", true],
        ["PAID", "CLOSED", false],
        ["PAID", "FAILED", false],
        ["CLOSED", "FAILED", false],
        ["FAILED", "CLOSED", false],
        ["CLOSED", "CLOSED", false],
        ["FAILED", "FAILED", false]
      ] as const)("an order that is %s and is to be %s: %p", async (before, status, answer) => {
        const order = await placed()
        if (before === "PAID") await settle(order)
        else if (before !== "PENDING") expect(await end(order, before)).toBe(true)
        const rows = await on().rowsOf(order)
        expect(await end(order, status, "again")).toBe(answer)
        expect((await find(order))?.status).toBe(answer ? status : before)
        expect(await on().rowsOf(order)).toEqual(answer ? { ...rows, events: rows.events + 1 } : rows)
      })

      test("the reason is told in the order's story", async () => {
        const { stores, run } = on()
        const order = await placed()
        await end(order, "CLOSED", "expired")
        expect((await run(stores.timeline.of(keyOf(order)))).at(-1)).toMatchObject({
          kind: "closed",
          detail: { reason: "expired" }
        })
      })

      test("an ended order is not checked again", async () => {
        const { stores, run } = on()
        const order = await placed({ nextCheckAt: new Date(0) })
        await end(order, "CLOSED", "expired")
        await run(stores.orders.scheduleCheck(keyOf(order), -1))
        expect(await leaseDue()).toEqual([])
      })
    })

    describe("checking", () => {
      test("a due check is leased to one asker only, and comes back when the lease ends", async () => {
        const { stores, run } = on()
        const lease = async (limit: number, leaseMs: number) =>
          (await run(stores.orders.leaseChecks(checks(limit, leaseMs)))).map((order) => order.orderNo)
        const due = await Promise.all(Array.from({ length: 30 }, () => placed({ nextCheckAt: new Date(0) })))
        const leases = await Promise.all(Array.from({ length: 8 }, () => lease(10, 60_000)))
        const taken = leases.flat()
        expect(new Set(taken).size).toBe(taken.length)
        while (taken.length < 30) taken.push(...(await lease(10, 60_000)))
        expect(taken.sort()).toEqual(due.map((order) => order.orderNo).sort())
        expect(await lease(10, 60_000)).toEqual([])
        await on().pass(59_000)
        expect(await lease(10, 60_000)).toEqual([])
        await on().pass(1_000)
        expect((await lease(100, 60_000)).sort()).toEqual(taken)

        const one = due[0] ?? anOrder()
        await run(stores.orders.scheduleCheck(keyOf(one), -1))
        expect(await lease(10, 0)).toEqual([one.orderNo])
        expect(await lease(10, 0)).toEqual([one.orderNo])
        await run(stores.orders.scheduleCheck(keyOf(one), null))
        expect(await lease(10, 0)).toEqual([])
      })

      test("a check waits as long as it was put off", async () => {
        const { stores, run } = on()
        const order = await placed()
        await run(stores.orders.scheduleCheck(keyOf(order), 120_000))
        await on().pass(110_000)
        expect(await leaseDue()).toEqual([])
        await on().pass(10_000)
        expect(await leaseDue()).toEqual([order.orderNo])
      })

      test("the longest due go first", async () => {
        const { stores, run } = on()
        const later = await placed({ nextCheckAt: new Date(2_000) })
        const sooner = await placed({ nextCheckAt: new Date(1_000) })
        const lease = async () =>
          (await run(stores.orders.leaseChecks(checks(1, 60_000)))).map(({ orderNo }) => orderNo)
        expect([await lease(), await lease(), await lease()]).toEqual([[sooner.orderNo], [later.orderNo], []])
      })

      test("accounts take turns: whoever has the least under way is first, and nobody gets more than its share", async () => {
        const { stores, run } = on()
        const accounts = ["acc_a", "acc_a", "acc_a", "acc_b", "acc_b", "acc_c"]
        for (const [index, accountId] of accounts.entries()) await placed({ accountId, nextCheckAt: new Date(index) })
        const lease = async (limit: number, change: Parameters<typeof checks>[2]) =>
          (await run(stores.orders.leaseChecks(checks(limit, 60_000, change)))).map(({ accountId }) => accountId).sort()
        const shares = { perAccount: 3, underWay: [["acc_a", 1]] } as const
        expect(await lease(2, shares)).toEqual(["acc_b", "acc_c"])
        expect(await lease(10, { ...shares, underWay: [["acc_b", 3]] })).toEqual(["acc_a", "acc_a", "acc_a"])
        expect(await lease(10, shares)).toEqual(["acc_b"])
      })

      test("a due check waits while its order is being charged, and is leased when the charge has ended or died", async () => {
        const { stores, run, pass } = on()
        const other = await on().other()
        const due = () => leaseDue(other)
        const record = (order: NewOrder, outcome: "rejected" | "uncertain") =>
          run(
            stores.charges.record({
              ...keyOf(order),
              provider: "sandbox",
              accountId: "acc_1",
              attempt: 1,
              final: outcome === "uncertain",
              at: new Date(stores.clock.nowMs()),
              durationMs: 1,
              outcome,
              presentation: null,
              detail: null
            })
          )
        const recorded = await placed({ charging: true, nextCheckAt: new Date(0) })
        const died = await placed({ nextCheckAt: new Date(0) })
        const idle = await placed({ nextCheckAt: new Date(0) })
        await begin(died)
        expect(await due()).toEqual([idle.orderNo])
        await record(recorded, "rejected")
        expect(await due()).toEqual([])
        await record(recorded, "uncertain")
        expect(await due()).toEqual([recorded.orderNo])
        await run(stores.orders.scheduleCheck(keyOf(idle), null))
        await run(stores.orders.scheduleCheck(keyOf(recorded), null))
        await pass(59_000)
        expect(await due()).toEqual([])
        await pass(1_000)
        expect(await due()).toEqual([died.orderNo])
      })
    })

    test("what another account says ends nothing, before and after the order has moved there", async () => {
      const order = await placed({ charging: true })
      const elsewhere = { ...order, accountId: "acc_2" }
      expect(await end(elsewhere, "CLOSED")).toBe(false)
      expect(await on().rowsOf(order)).toMatchObject({ events: 0 })
      await move(order, 1, "acc_2")
      expect(await end(order, "FAILED")).toBe(false)
      expect(await find(order)).toMatchObject({ status: "PENDING", accountId: "acc_2" })
      expect(await end(elsewhere, "CLOSED")).toBe(true)
    })
  })

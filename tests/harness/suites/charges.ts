import { describe, expect, test } from "bun:test"
import { CHARGE_LEASE_MS, type ChargeRecord } from "../../../core/pipeline/persistence/charges.ts"
import type { NewOrder, OrderKey } from "../../../core/pipeline/persistence/orders.ts"
import { perTest } from "../per-test.ts"
import { aMerchant } from "../sample-merchants.ts"
import { aJsapi, anOrder } from "../sample-orders.ts"
import { keyOf, type OpenStore, orderActs } from "./store-under-test.ts"

/** The promise of Charges, for every store: see core/pipeline/persistence/charges.ts. */
export const chargesSuite = (name: string, open: OpenStore): void =>
  describe(`Charges on ${name}`, () => {
    const on = perTest(open)
    const { placed, find, kindsOf, end, settle, begin, move, leaseDue } = orderActs(on)
    const pass = (ms: number) => on().pass(ms)

    const content = { kind: "qrcode", content: "https://qr.example.com/1" }

    /** What a charge came to. Accepted and uncertain ones end it, a refusal goes on to the next account. */
    const record = (
      order: NewOrder,
      attempt: number,
      outcome: ChargeRecord["outcome"],
      change: Partial<ChargeRecord> = {}
    ): Promise<boolean> =>
      on().run(
        on().stores.charges.record({
          ...keyOf(order),
          provider: "sandbox",
          accountId: "acc_1",
          attempt,
          final: outcome !== "rejected",
          at: new Date(on().stores.clock.nowMs() + attempt),
          durationMs: 12.4,
          outcome,
          presentation: outcome === "accepted" ? content : null,
          detail: outcome === "accepted" ? null : { reason: "closed\u0000" },
          ...change
        })
      )

    const recordAccepted = (order: OrderKey, attempt: number) =>
      on().run(
        on().stores.charges.recordAccepted({
          ...keyOf(order),
          provider: "sandbox",
          accountId: "acc_1",
          attempt,
          at: new Date("2026-03-15T02:00:00.123Z"),
          durationMs: 12.4,
          detail: { presentation: content }
        })
      )

    describe("beginning a charge", () => {
      test("of 20 callers at once in two gateways exactly one begins it, the others are told that it is busy", async () => {
        const other = await on().other()
        for (let round = 0; round < 5; round += 1) {
          const order = await placed()
          const answers = await Promise.all(
            Array.from({ length: 20 }, (_, i) => begin(order, i % 2 === 0 ? on().stores : other))
          )
          expect(answers.sort()).toEqual([1, ...new Array<"busy">(19).fill("busy")])
        }
      })

      test("an order that is charged as soon as it is stored is busy with its first attempt", async () => {
        const other = await on().other()
        // Whatever the clock of the gateway says: the store's own decides who may charge.
        const order = await placed({ charging: true, createdAt: new Date(on().stores.clock.nowMs() - 600_000) })
        expect(await begin(order, other)).toBe("busy")
        expect(await record(order, 1, "uncertain")).toBe(true)
        expect(await begin(order, other)).toBe(2)
      })

      test("an order that has expired, has ended or is paid can not be charged any more", async () => {
        const expired = await placed({ expiresAt: new Date(on().stores.clock.nowMs() - 1) })
        expect(await begin(expired)).toBe("over")
        const ended = await placed()
        await end(ended, "CLOSED")
        expect(await begin(ended)).toBe("over")
        const paid = await placed()
        await settle(paid)
        expect(await begin(paid)).toBe("over")
        expect(await begin(anOrder())).toBe("over")
        // Also while a charge is under way.
        for (const act of ["end", "settle"] as const) {
          const order = await placed({ charging: true })
          if (act === "end") await end(order, "FAILED")
          else await settle(order)
          expect(await begin(order)).toBe("over")
        }
        // No attempt was counted: the order could not be moved as of attempt 1.
        expect(await move(expired, 1, "acc_2")).toBeNull()
        expect(await move(expired, 0, "acc_2")).toBe(1)
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
        const other = await on().other()
        const order = await placed()
        expect(await begin(order)).toBe(1)
        await pass(CHARGE_LEASE_MS - 10_000)
        expect(await begin(order)).toBe("busy")
        await pass(10_000)
        expect(await begin(order, other)).toBe(2)
        expect(await begin(order)).toBe("busy")
      })

      test("moving to another account gives the charge its whole time anew", async () => {
        const order = await placed({ charging: true })
        await pass(CHARGE_LEASE_MS)
        expect(await move(order, 1, "acc_2")).toBe(2)
        await pass(CHARGE_LEASE_MS - 10_000)
        expect(await begin(order)).toBe("busy")
      })

      test("a charge that reports after its time does not let a third begin beside the second", async () => {
        const order = await placed()
        expect(await begin(order)).toBe(1)
        await pass(CHARGE_LEASE_MS)
        expect(await begin(order)).toBe(2)
        expect(await record(order, 1, "uncertain")).toBe(true)
        expect(await begin(order)).toBe("busy")
        expect(await record(order, 2, "accepted")).toBe(true)
        expect(await begin(order)).toBe(3)
        expect(await kindsOf(order)).toEqual(["created", "charge.uncertain", "charge.accepted"])
      })
    })

    describe("a payer", () => {
      const waiting = (change: Partial<NewOrder> = {}) => placed({ jsapi: aJsapi("0a".repeat(32)), ...change })
      const beginFor = (order: OrderKey, payer: string, stores = on().stores) =>
        on().run(stores.charges.begin({ ...keyOf(order), payer }))
      const payerOf = async (order: OrderKey) => (await find(order))?.jsapi?.openid
      const refuse = (order: NewOrder, attempt: number, payer: string) =>
        on().run(
          on().stores.charges.refusePayer({
            ...keyOf(order),
            provider: "sandbox",
            accountId: "acc_1",
            attempt,
            at: new Date(on().stores.clock.nowMs() + attempt),
            durationMs: 1,
            detail: { reason: "invalid openid" },
            payer
          })
        )
      const onlyRefusedBefore = (order: NewOrder, attempt: number) =>
        on().run(on().stores.charges.onlyRefusedBefore({ ...keyOf(order), attempt }))

      test("is bound as the charge begins; of ten at once in two gateways one is, and nothing begins for the others", async () => {
        const other = await on().other()
        const order = await waiting()
        const answers = await Promise.all(
          Array.from({ length: 10 }, (_, i) => beginFor(order, `openid-${i}`, i % 2 === 0 ? on().stores : other))
        )
        expect(answers.toSorted()).toEqual([1, ...new Array<"busy">(9).fill("busy")])
        expect(await payerOf(order)).toBe(`openid-${answers.indexOf(1)}`)
        expect(await kindsOf(order)).toEqual(["created", "payer"])
      })

      test("who is bound may charge again once the charge has ended; another may not", async () => {
        const order = await waiting()
        expect(await beginFor(order, "openid-1")).toBe(1)
        await record(order, 1, "uncertain")
        expect(await beginFor(order, "openid-2")).toBe("busy")
        expect(await beginFor(order, "openid-1")).toBe(2)
        expect((await kindsOf(order)).filter((kind) => kind === "payer").length).toBe(1)
      })

      test("who is refused is bound no longer, and the next one may charge at once", async () => {
        const order = await waiting()
        expect(await beginFor(order, "openid-x")).toBe(1)
        expect(await refuse(order, 1, "openid-x")).toBe(true)
        expect(await payerOf(order)).toBeNull()
        expect(await beginFor(order, "openid-1")).toBe(2)
        expect(await payerOf(order)).toBe("openid-1")
        expect((await kindsOf(order)).toSorted()).toEqual([
          "charge.rejected",
          "created",
          "payer",
          "payer",
          "payer.released"
        ])
        expect(await onlyRefusedBefore(order, 1)).toBe(true)
        expect(await onlyRefusedBefore(order, 2)).toBe(true)
        // Attempt 2 is under way.
        expect(await onlyRefusedBefore(order, 3)).toBe(false)
      })

      test("who may be able to pay by an earlier attempt stays bound", async () => {
        const order = await waiting()
        await beginFor(order, "openid-1")
        await record(order, 1, "uncertain")
        await beginFor(order, "openid-1")
        expect(await refuse(order, 2, "openid-1")).toBe(false)
        expect(await payerOf(order)).toBe("openid-1")
        expect(await onlyRefusedBefore(order, 2)).toBe(false)
        // The charge has ended all the same.
        expect(await beginFor(order, "openid-1")).toBe(3)
        // So does one whose earlier attempt's record is missing: its process died.
        const died = await waiting()
        await beginFor(died, "openid-1")
        await pass(CHARGE_LEASE_MS)
        await beginFor(died, "openid-1")
        expect(await refuse(died, 2, "openid-1")).toBe(false)
        expect(await payerOf(died)).toBe("openid-1")
      })

      test("who is refused after the charge has lost its lease, or its order has ended, changes nothing", async () => {
        const late = await waiting()
        await beginFor(late, "openid-1")
        await pass(CHARGE_LEASE_MS)
        expect(await beginFor(late, "openid-1")).toBe(2)
        expect(await refuse(late, 1, "openid-1")).toBe(false)
        expect(await payerOf(late)).toBe("openid-1")
        expect(await beginFor(late, "openid-1")).toBe("busy")
        const paid = await waiting()
        await beginFor(paid, "openid-1")
        await settle(paid)
        expect(await refuse(paid, 1, "openid-1")).toBe(false)
        expect(await find(paid)).toMatchObject({ status: "PAID", jsapi: { openid: "openid-1" } })
      })

      test("whose login named nobody leaves a line in the order's story", async () => {
        const order = await waiting()
        for (const outcome of ["rejected", "uncertain"] as const) {
          await on().run(
            on().stores.charges.recordLogin({ ...keyOf(order), outcome, detail: { reason: "40163\u0000" } })
          )
        }
        expect(await kindsOf(order)).toEqual(["created", "login.rejected", "login.uncertain"])
      })
    })

    describe("while its merchant or its account is stopped", () => {
      const account = { provider: "sandbox", name: "an account", feeRateBp: 60, sealed: "v1.account" }
      const permits = (order: OrderKey) => on().run(on().stores.charges.permits(keyOf(order)))
      const enable = (id: string, enabled: boolean) => on().run(on().stores.accounts.change(id, { enabled }))

      test("nothing begins for an order, and nothing is bound to it, until it goes on", async () => {
        const { stores, run } = on()
        const merchant = await run(stores.merchants.create(aMerchant("pk_live_stopped")))
        await run(stores.accounts.create({ ...account, id: "acc_stop" }))
        const at = { merchantId: merchant.id, accountId: "acc_stop", jsapi: aJsapi("0b".repeat(32)) }
        const order = await placed(at)
        expect(await permits(order)).toBe(true)
        const stopped = async () => {
          expect(await permits(order)).toBe(false)
          expect(await run(stores.charges.begin({ ...keyOf(order), payer: "openid-1" }))).toBe("stopped")
          expect((await find(order))?.jsapi?.openid).toBeNull()
        }
        await enable("acc_stop", false)
        await stopped()
        await enable("acc_stop", true)
        await run(stores.merchants.update("pk_live_stopped", { active: false }))
        await stopped()
        await run(stores.merchants.update("pk_live_stopped", { active: true }))
        expect(await permits(order)).toBe(true)
        expect(await begin(order)).toBe(1)
        // A charge that is under way goes on.
        await enable("acc_stop", false)
        expect(await record(order, 1, "accepted")).toBe(true)
      })

      test("an order stays where it is; an order that has ended is over all the same", async () => {
        const { stores, run } = on()
        await run(stores.accounts.create({ ...account, id: "acc_next" }))
        const order = await placed({ charging: true })
        await enable("acc_next", false)
        expect(await move(order, 1, "acc_next")).toBe("stopped")
        expect((await find(order))?.accountId).toBe("acc_1")
        await enable("acc_next", true)
        expect(await move(order, 1, "acc_next")).toBe(2)
        expect(await run(stores.accounts.remove("acc_next"))).toBe(1)
        await end({ ...order, accountId: "acc_next" }, "CLOSED")
        expect(await run(stores.accounts.remove("acc_next"))).toBe("removed")
        expect(await permits(order)).toBe(false)
        expect(await begin(order)).toBe("over")
        expect(await permits(anOrder())).toBe(false)
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
        await record(order, 3, "rejected")
        expect((await find(order))?.presentation).toEqual(content)
        expect(await kindsOf(order)).toEqual(["created", "charge.rejected", "charge.accepted", "charge.rejected"])
      })

      test("the second round of a payer's charge is another attempt, and its record is kept as well", async () => {
        const order = await placed({ jsapi: aJsapi("0a".repeat(32)) })
        expect(await begin(order)).toBe(1)
        expect(await record(order, 1, "uncertain")).toBe(true)
        expect(await begin(order)).toBe(2)
        expect(await record(order, 2, "accepted")).toBe(true)
        const story = await on().run(on().stores.timeline.of(keyOf(order)))
        expect(story).toMatchObject([
          { kind: "created" },
          { kind: "charge.uncertain", detail: { attempt: 1 } },
          { kind: "charge.accepted", detail: { attempt: 2 } }
        ])
        expect((await find(order))?.presentation).toEqual(content)
      })

      test("two charges of one order that are recorded together keep what the payer is shown and end the last", async () => {
        for (let round = 0; round < 10; round += 1) {
          const order = await placed()
          await begin(order)
          await pass(CHARGE_LEASE_MS)
          await begin(order)
          // Either one may be the accepted one and come first.
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
        await end(order, "CLOSED", "expired")
        expect(await record(order, 1, "accepted")).toBe(false)
        expect((await find(order))?.presentation).toBeNull()
        // What the channel was asked is told all the same.
        expect(await kindsOf(order)).toContain("charge.accepted")
        const paid = await placed({ charging: true })
        await settle(paid)
        expect(await record(paid, 1, "accepted")).toBe(false)
        expect(await record(anOrder(), 1, "accepted")).toBe(false)
      })

      test("each of many charges that are recorded at once is told of its own order", async () => {
        const orders = await Promise.all(Array.from({ length: 40 }, () => placed({ charging: true })))
        await Promise.all(orders.filter((_, i) => i % 2 === 0).map((order) => end(order, "CLOSED", "expired")))
        const answers = await Promise.all(orders.map((order) => record(order, 1, "accepted")))
        expect(answers).toEqual(orders.map((_, i) => i % 2 === 1))
      })
    })

    describe("recording what was shown once", () => {
      test("it is told in the order's story, once, and the order stays as it was", async () => {
        const order = await placed({ charging: true })
        const before = await find(order)
        await recordAccepted(order, 1)
        await recordAccepted(order, 1)
        expect(await find(order)).toEqual(before)
        const told = {
          attempt: 1,
          provider: "sandbox",
          accountId: "acc_1",
          durationMs: 12,
          detail: { presentation: content }
        }
        const story = await on().run(on().stores.timeline.of(keyOf(order)))
        expect(story.filter(({ kind }) => kind !== "created")).toEqual([
          { at: new Date("2026-03-15T02:00:00.123Z"), kind: "charge.accepted", detail: told }
        ])
      })

      test("it ends the charge for whoever asks: checks are leased, another may begin", async () => {
        const { stores, run } = on()
        const other = await on().other()
        const order = await placed({ charging: true, nextCheckAt: new Date(0) })
        expect(await leaseDue(other)).toEqual([])
        expect(await begin(order)).toBe("busy")
        await recordAccepted(order, 1)
        expect(await leaseDue(other)).toEqual([order.orderNo])
        expect(await begin(order)).toBe(2)
        // An earlier charge's record says nothing of the one that has begun since.
        await run(stores.orders.scheduleCheck(keyOf(order), -1))
        expect(await leaseDue(other)).toEqual([])
        expect(await begin(order)).toBe("busy")
      })

      test("at the account that an order has moved to, only the charge there ends it", async () => {
        const other = await on().other()
        const order = await placed({ charging: true, nextCheckAt: new Date(0) })
        expect(await move(order, 1, "acc_2")).toBe(2)
        await recordAccepted(order, 1)
        expect(await leaseDue(other)).toEqual([])
        await recordAccepted(order, 2)
        expect(await leaseDue(other)).toEqual([order.orderNo])
      })

      test("many at once are each kept", async () => {
        const orders = await Promise.all(Array.from({ length: 200 }, () => placed({ charging: true })))
        await Promise.all(orders.map((order) => recordAccepted(order, 1)))
        const kept = await Promise.all(orders.map(kindsOf))
        expect(kept.filter((kinds) => kinds.filter((kind) => kind === "charge.accepted").length === 1).length).toBe(200)
      })
    })

    describe("moving to another account", () => {
      test("an order moves before it is charged there, a CLOSED one does not", async () => {
        const order = await placed({ charging: true })
        expect(await move(order, 1, "acc_2")).toBe(2)
        expect(await find(order)).toMatchObject({
          provider: "yinsheng-qrcode",
          accountId: "acc_2",
          feeRateBp: 38,
          reference: { shopdate: "1" }
        })
        expect(await move(order, 2, "acc_3")).toBe(3)
        await end({ ...order, accountId: "acc_3" }, "CLOSED", "expired")
        expect(await move(order, 3, "acc_4")).toBeNull()
        expect((await find(order))?.accountId).toBe("acc_3")
        expect((await kindsOf(order)).filter((kind) => kind === "account").length).toBe(2)
      })

      test("a charge that stood still while another has begun moves the order nowhere", async () => {
        const order = await placed({ charging: true })
        await pass(CHARGE_LEASE_MS)
        expect(await begin(order)).toBe(2)
        expect(await move(order, 1, "acc_2")).toBeNull()
        expect(await find(order)).toMatchObject({ provider: order.provider, accountId: order.accountId })
        expect(await move(order, 2, "acc_2")).toBe(3)
      })
    })
  })

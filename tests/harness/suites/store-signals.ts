import { describe, expect, test } from "bun:test"
import type { StoreSignal } from "../../../core/pipeline/persistence/store-signals.ts"
import { perTest } from "../per-test.ts"
import { aMerchant } from "../sample-merchants.ts"
import { until } from "../until.ts"
import { first, type OpenStore, orderActs } from "./store-under-test.ts"

/** The promise of StoreSignals, for every store: see core/pipeline/persistence/store-signals.ts. */
export const storeSignalsSuite = (name: string, open: OpenStore): void =>
  describe(`StoreSignals on ${name}`, () => {
    const on = perTest(open)
    const { placed, settle } = orderActs(on)

    test("what one gateway changes, every listener of another hears, and nothing of what changed nothing", async () => {
      const { stores, run } = on()
      const other = await on().other()
      const heard: ReadonlyArray<Array<StoreSignal>> = [[], []]
      for (const listener of heard) await run(other.signals.listen((signal) => listener.push(signal)))
      const expected: Array<StoreSignal> = []
      const hears = async (signal: StoreSignal) => {
        expected.push(signal)
        for (const listener of heard) {
          await until(`signal ${expected.length}`, () => listener.length >= expected.length)
          expect(listener).toEqual(expected)
        }
      }
      const merchantSignal = { kind: "merchant", id: "pk_test_signal" } as const
      const accountSignal = { kind: "account", id: "acc_s" } as const

      const merchant = await run(stores.merchants.create(aMerchant("pk_test_signal")))
      await hears(merchantSignal)
      await run(stores.merchants.update("pk_test_signal", { active: false }))
      await hears(merchantSignal)
      await run(stores.merchants.addSecret(merchant.id, "s2", new Date(stores.clock.nowMs() + 60_000)))
      await hears(merchantSignal)
      const { id } = first((await run(stores.merchants.findById(merchant.id)))?.secrets ?? [])
      await run(stores.merchants.secretUsed(merchant.id, id, new Date(0)))
      await hears(merchantSignal)
      await run(stores.merchants.resealSecret(merchant.id, id, "s3"))
      await hears(merchantSignal)
      // These change nothing, so nobody has to forget anything.
      await run(stores.merchants.secretUsed(merchant.id, id, new Date(0)))
      await run(stores.merchants.update("pk_test_nobody", { active: false }))
      await run(stores.accounts.change("acc_nobody", { enabled: false }))
      await run(stores.accounts.create({ id: "acc_s", provider: "p", name: "n", feeRateBp: 1, sealed: "s" }))
      await hears(accountSignal)
      await run(stores.accounts.create({ id: "acc_s", provider: "p", name: "again", feeRateBp: 1, sealed: "s" }))
      await run(stores.accounts.change("acc_s", { enabled: false }))
      await hears(accountSignal)
      await run(stores.accounts.reseal("acc_s", "s4"))
      await hears(accountSignal)
      await run(stores.accounts.remove("acc_s"))
      await hears(accountSignal)
      await run(stores.accounts.remove("acc_nobody"))
      const order = await placed()
      await settle(order)
      await hears({ kind: "webhook-due" })
    })

    test("a webhook that is resent wakes the senders", async () => {
      const { stores, run } = on()
      const order = await placed()
      await settle(order)
      const heard: Array<StoreSignal> = []
      const other = await on().other()
      await run(other.signals.listen((signal) => heard.push(signal)))
      expect(await run(stores.outbox.resend(order))).toBe(true)
      await until("the senders are woken", () => heard.some(({ kind }) => kind === "webhook-due"))
    })
  })

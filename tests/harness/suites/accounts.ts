import { describe, expect, test } from "bun:test"
import { perTest } from "../per-test.ts"
import { keyOf, type OpenStore, orderActs } from "./store-under-test.ts"

/** The promise of Accounts, for every store: see core/pipeline/persistence/accounts.ts. */
export const accountsSuite = (name: string, open: OpenStore): void =>
  describe(`Accounts on ${name}`, () => {
    const on = perTest(open)
    const anAccount = (id: string) => ({ id, provider: "sandbox", name: id, feeRateBp: 60, sealed: "v1.account" })

    test("an account is made once; another one of its id changes nothing", async () => {
      const { stores, run } = on()
      const made = await run(stores.accounts.create(anAccount("acc_once")))
      expect(made).toEqual({ ...anAccount("acc_once"), enabled: true, removed: false, createdAt: expect.any(Date) })
      expect(await run(stores.accounts.create({ ...anAccount("acc_once"), name: "other" }))).toEqual(made)
      expect(await run(stores.accounts.find("acc_once"))).toEqual(made)
      expect(await run(stores.accounts.find("acc_none"))).toBeNull()
    })

    test("the list is in the order of adding, without the removed, which are still found and listed among all", async () => {
      const { stores, run } = on()
      for (const id of ["acc_z", "acc_a", "acc_m"]) await run(stores.accounts.create(anAccount(id)))
      await run(stores.accounts.remove("acc_a"))
      expect((await run(stores.accounts.list())).map(({ id }) => id)).toEqual(["acc_z", "acc_m"])
      expect((await run(stores.accounts.listAll())).map(({ id }) => id)).toEqual(["acc_z", "acc_a", "acc_m"])
      expect(await run(stores.accounts.find("acc_a"))).toMatchObject({ removed: true })
    })

    test("an account with PENDING orders is not removed; once they have ended it is", async () => {
      const { stores, run } = on()
      const { placed, end } = orderActs(on)
      await run(stores.accounts.create(anAccount("acc_busy")))
      const due = await placed({ accountId: "acc_busy" })
      const abandoned = await placed({ accountId: "acc_busy" })
      await run(stores.orders.scheduleCheck(keyOf(abandoned), null))
      await placed({ accountId: "acc_other" })
      expect(await run(stores.accounts.remove("acc_busy"))).toBe(2)
      await end(due, "FAILED")
      expect(await run(stores.accounts.remove("acc_busy"))).toBe(1)
      expect(await run(stores.accounts.find("acc_busy"))).toMatchObject({ removed: false, enabled: true })
      await end(abandoned, "CLOSED")
      expect(await run(stores.accounts.remove("acc_busy"))).toBe("removed")
      expect(await run(stores.accounts.find("acc_busy"))).toMatchObject({ removed: true })
      expect(await run(stores.accounts.remove("acc_none"))).toBeNull()
    })

    test("rate, enabled and sealed settings change", async () => {
      const { stores, run } = on()
      const made = await run(stores.accounts.create(anAccount("acc_change")))
      const changed = { ...made, enabled: false, feeRateBp: 38 }
      expect(await run(stores.accounts.change("acc_change", { enabled: false, feeRateBp: 38 }))).toEqual(changed)
      await run(stores.accounts.reseal("acc_change", "v1.again"))
      expect(await run(stores.accounts.find("acc_change"))).toEqual({ ...changed, sealed: "v1.again" })
      expect(await run(stores.accounts.change("acc_none", { enabled: true }))).toBeNull()
    })
  })

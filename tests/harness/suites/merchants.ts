import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { perTest } from "../per-test.ts"
import { aMerchant } from "../sample-merchants.ts"
import { first, type OpenStore } from "./store-under-test.ts"

/** The promise of Merchants, for every store: see core/pipeline/persistence/merchants.ts. */
export const merchantsSuite = (name: string, open: OpenStore): void =>
  describe(`Merchants on ${name}`, () => {
    const on = perTest(open)
    const secretsOf = async (id: number) => (await on().run(on().stores.merchants.findById(id)))?.secrets ?? []

    test("a merchant comes back as it was made, with its secret, by app_id and by number", async () => {
      const { stores, run } = on()
      const given = aMerchant("pk_test_made", { allowIps: ["203.0.113.0/24", "2001:db8::1"] })
      const made = await run(stores.merchants.create(given))
      const { sealedSecret: _, ...fields } = given
      expect(made).toEqual({ ...fields, id: made.id, active: true, createdAt: expect.any(Date) })
      const found = await run(stores.merchants.find("pk_test_made"))
      expect(found?.merchant).toEqual(made)
      expect(found?.secrets).toEqual([
        { id: expect.any(Number), sealed: "v1.sealed", createdAt: expect.any(Date), expiresAt: null, firstUsedAt: null }
      ])
      expect(await run(stores.merchants.findById(made.id))).toEqual(found)
      expect(await run(stores.merchants.find("pk_test_other"))).toBeNull()
      expect(await run(stores.merchants.findById(made.id + 1))).toBeNull()
      expect(await run(stores.merchants.list())).toEqual([made])
    })

    test("an app_id is one merchant's", async () => {
      const { stores, run } = on()
      const made = await run(stores.merchants.create(aMerchant("pk_test_once")))
      const again = await run(Effect.flip(stores.merchants.create(aMerchant("pk_test_once", { name: "another" }))))
      expect(again._tag).toBe("StoreUnavailable")
      expect(await run(stores.merchants.list())).toEqual([made])
    })

    test("a change touches what it names and nothing else", async () => {
      const { stores, run } = on()
      const update = (change: Parameters<typeof stores.merchants.update>[1], appId = "pk_test_change") =>
        run(stores.merchants.update(appId, change))
      const made = await run(stores.merchants.create(aMerchant("pk_test_change", { accounts: ["acc_1"] })))
      const rule = { count: 100, windowMs: 1000 }
      expect(await update({ throttle: rule, active: false })).toEqual({ ...made, throttle: rule, active: false })
      const change = {
        name: "n",
        callbackUrl: "https://a.example.com",
        allowIps: ["203.0.113.7"],
        throttle: "off",
        accounts: null
      } as const
      expect(await update(change)).toEqual({ ...made, ...change, active: false })
      expect(await update({ throttle: null, callbackUrl: null })).toMatchObject({ throttle: null, callbackUrl: null })
      expect(await update({})).toMatchObject({ name: "n" })
      expect(await update({ name: "x" }, "pk_test_nobody")).toBeNull()
      expect(await run(stores.merchants.find("pk_test_change"))).toMatchObject({
        merchant: { ...made, ...change, active: false, throttle: null, callbackUrl: null }
      })
    })

    test("a new secret lets the others live on for the overlap only, and shortens no earlier end", async () => {
      const { stores, run, pass } = on()
      const { id } = await run(stores.merchants.create(aMerchant("pk_test_rotate")))
      const soon = new Date(stores.clock.nowMs() + 60_000)
      const later = new Date(stores.clock.nowMs() + 3_600_000)
      await run(stores.merchants.addSecret(id, "v1.second", soon))
      await run(stores.merchants.addSecret(id, "v1.third", later))
      expect((await secretsOf(id)).map((secret) => [secret.sealed, secret.expiresAt])).toEqual([
        ["v1.sealed", soon],
        ["v1.second", later],
        ["v1.third", null]
      ])
      await pass(70_000)
      expect((await secretsOf(id)).map((secret) => secret.sealed)).toEqual(["v1.second", "v1.third"])
      await run(stores.merchants.addSecret(id, "v1.fourth", new Date(stores.clock.nowMs() - 1)))
      expect((await secretsOf(id)).map((secret) => secret.sealed)).toEqual(["v1.fourth"])
    })

    test("the first use of a secret is noted once", async () => {
      const { stores, run } = on()
      const { id } = await run(stores.merchants.create(aMerchant("pk_test_used")))
      const secret = first(await secretsOf(id))
      const at = new Date("2026-03-15T02:00:00Z")
      await run(stores.merchants.secretUsed(id, secret.id, at))
      await run(stores.merchants.secretUsed(id, secret.id, new Date("2026-03-15T02:00:01Z")))
      expect(await secretsOf(id)).toEqual([{ ...secret, firstUsedAt: at }])
    })

    test("a secret that is sealed anew keeps everything else", async () => {
      const { stores, run } = on()
      const { id } = await run(stores.merchants.create(aMerchant("pk_test_reseal")))
      const secret = first(await secretsOf(id))
      await run(stores.merchants.resealSecret(id, secret.id, "v1.again"))
      await run(stores.merchants.resealSecret(id + 1, secret.id, "v1.of another merchant"))
      expect(await secretsOf(id)).toEqual([{ ...secret, sealed: "v1.again" }])
    })
  })

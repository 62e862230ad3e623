import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import type { NewMerchant } from "../../core/pipeline/persistence/merchants.ts"
import { sharedPostgres } from "../../tests/harness/postgres.ts"
import type { Stores } from "../../tests/harness/stores.ts"
import { openStore, run } from "./fixture.ts"

setDefaultTimeout(30_000)

let store: Stores
let close: () => Promise<void>

beforeAll(async () => {
  ;({ store, close } = await openStore(await (await sharedPostgres()).createDatabase()))
})
afterAll(() => close())

const aMerchant = (appId: string): NewMerchant => ({
  appId,
  name: "咖啡店",
  mode: "test",
  callbackUrl: null,
  allowIps: ["203.0.113.0/24", "2001:db8::1"],
  throttle: null,
  accounts: null,
  sealedSecret: "v1.sealed"
})

describe("merchants", () => {
  test("a merchant comes back as it was made, with its secret, by app_id and by number", async () => {
    const made = await run(store.merchants.create(aMerchant("pk_test_made")))
    const { sealedSecret: _, ...fields } = aMerchant("pk_test_made")
    expect(made).toEqual({ ...fields, id: made.id, active: true, createdAt: expect.any(Date) })
    const found = await run(store.merchants.find("pk_test_made"))
    expect(found?.merchant).toEqual(made)
    expect(found?.secrets).toEqual([
      { id: expect.any(Number), sealed: "v1.sealed", createdAt: expect.any(Date), expiresAt: null, firstUsedAt: null }
    ])
    expect(await run(store.merchants.findById(made.id))).toEqual(found)
    expect(await run(store.merchants.find("pk_test_other"))).toBeNull()
    expect(await run(store.merchants.list())).toContainEqual(made)
  })

  test("a change touches what it names and nothing else", async () => {
    const made = await run(store.merchants.create({ ...aMerchant("pk_test_change"), accounts: ["acc_1"] }))
    const rule = { count: 100, windowMs: 1000 }
    expect(await run(store.merchants.update("pk_test_change", { throttle: rule, active: false }))).toEqual({
      ...made,
      throttle: rule,
      active: false
    })
    const change = {
      name: "n",
      callbackUrl: "https://a.example.com",
      allowIps: [],
      throttle: "off",
      accounts: null
    } as const
    expect(await run(store.merchants.update("pk_test_change", change))).toEqual({ ...made, ...change, active: false })
    expect(await run(store.merchants.update("pk_test_change", { throttle: null, callbackUrl: null }))).toMatchObject({
      throttle: null,
      callbackUrl: null
    })
    expect(await run(store.merchants.update("pk_test_change", {}))).toMatchObject({ name: "n" })
    expect(await run(store.merchants.update("pk_test_nobody", { name: "x" }))).toBeNull()
  })

  test("a new secret lets the others live on for the overlap only, and shortens no earlier end", async () => {
    const { id } = await run(store.merchants.create(aMerchant("pk_test_rotate")))
    const soon = new Date(Date.now() + 60_000)
    const later = new Date(Date.now() + 3_600_000)
    await run(store.merchants.addSecret(id, "v1.second", soon))
    await run(store.merchants.addSecret(id, "v1.third", later))
    const secrets = (await run(store.merchants.findById(id)))?.secrets
    expect(secrets?.map((secret) => [secret.sealed, secret.expiresAt])).toEqual([
      ["v1.sealed", soon],
      ["v1.second", later],
      ["v1.third", null]
    ])
    await run(store.merchants.addSecret(id, "v1.fourth", new Date(Date.now() - 1)))
    expect((await run(store.merchants.findById(id)))?.secrets.map((secret) => secret.sealed)).toEqual(["v1.fourth"])
  })

  test("the first use of a secret is noted once", async () => {
    const { id } = await run(store.merchants.create(aMerchant("pk_test_used")))
    const secretId = (await run(store.merchants.findById(id)))?.secrets[0]?.id ?? 0
    const at = new Date("2026-03-15T02:00:00Z")
    await run(store.merchants.secretUsed(id, secretId, at))
    await run(store.merchants.secretUsed(id, secretId, new Date()))
    expect((await run(store.merchants.findById(id)))?.secrets[0]?.firstUsedAt).toEqual(at)
  })
})

describe("channel accounts", () => {
  const anAccount = (id: string) => ({ id, provider: "sandbox", name: id, feeRateBp: 60, sealed: "v1.account" })

  test("an account is made once; another one of its id changes nothing", async () => {
    const made = await run(store.accounts.create(anAccount("acc_once")))
    expect(made).toEqual({ ...anAccount("acc_once"), enabled: true, removed: false, createdAt: expect.any(Date) })
    expect(await run(store.accounts.create({ ...anAccount("acc_once"), name: "other" }))).toEqual(made)
    expect(await run(store.accounts.find("acc_once"))).toEqual(made)
    expect(await run(store.accounts.find("acc_none"))).toBeNull()
  })

  test("the list is in the order of adding, without the removed, which are still found", async () => {
    for (const id of ["acc_z", "acc_a", "acc_m"]) await run(store.accounts.create(anAccount(id)))
    await run(store.accounts.change("acc_a", { removed: true }))
    const ids = (await run(store.accounts.list())).map((account) => account.id)
    expect(ids.filter((id) => ["acc_z", "acc_a", "acc_m"].includes(id))).toEqual(["acc_z", "acc_m"])
    expect(await run(store.accounts.find("acc_a"))).toMatchObject({ removed: true })
  })

  test("rate, enabled and sealed settings change", async () => {
    await run(store.accounts.create(anAccount("acc_change")))
    expect(await run(store.accounts.change("acc_change", { enabled: false, feeRateBp: 38 }))).toMatchObject({
      enabled: false,
      feeRateBp: 38
    })
    await run(store.accounts.reseal("acc_change", "v1.again"))
    expect(await run(store.accounts.find("acc_change"))).toMatchObject({ sealed: "v1.again", enabled: false })
    expect(await run(store.accounts.change("acc_none", { enabled: true }))).toBeNull()
  })
})

describe("the channels' book", () => {
  test("what was never written is null", async () => {
    expect(await run(store.facts.get("wechat-jsapi", "token"))).toBeNull()
  })

  test("of 30 updates of one entry at once none is lost", async () => {
    const add = (value: unknown) => ({ count: Number((value as { count?: number } | null)?.count ?? 0) + 1 })
    const answers = await Promise.all(Array.from({ length: 30 }, () => run(store.facts.update("p", "counter", add))))
    expect(await run(store.facts.get("p", "counter"))).toEqual({ count: 30 })
    expect(new Set(answers.map((value) => value.count)).size).toBe(30)
    expect(await run(store.facts.get("q", "counter"))).toBeNull()
  })
})

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { Effect, Layer, ManagedRuntime, Redacted } from "effect"
import { openPersistence } from "../../plugins/postgres/index.ts"
import { sharedPostgres } from "../../tests/harness/postgres.ts"
import { ownUrlLayer } from "../../tests/harness/stores.ts"
import { Channels } from "../cashier/channels.ts"
import type { AnyProvider } from "../cashier/opened-account.ts"
import { Accounts } from "../pipeline/persistence/accounts.ts"
import { ChannelFacts } from "../pipeline/persistence/channel-facts.ts"
import { Merchants } from "../pipeline/persistence/merchants.ts"
import { Vault } from "../secrets/vault.ts"
import { DEMO_MERCHANT_FACT, ensureFirstStart } from "./first-start.ts"

setDefaultTimeout(60_000)

const MASTER_KEY = Redacted.make(Buffer.alloc(32, 7).toString("base64"))

/** Only the parts of a provider that a first start uses. */
const provider = (id: string, testMode?: AnyProvider["testMode"]) =>
  ({ id, products: [], testMode }) as unknown as AnyProvider
const testProvider = provider("playground", {
  newAccount: () => ({ key: "a-secret-of-the-playground" }),
  feeRateBp: 60
})

const open = (url: string) => {
  const persistence = Layer.effectContext(openPersistence({ url: Redacted.make(url), maxConnections: 3 }))
  const stores = Layer.mergeAll(persistence, Vault.layer(MASTER_KEY), ownUrlLayer())
  return ManagedRuntime.make(Channels.layer([provider("bank"), testProvider]).pipe(Layer.provideMerge(stores)))
}
type Gateway = ReturnType<typeof open>

let createDatabase: () => Promise<string>
const gateways: Gateway[] = []
const gatewayOn = (url: string) => {
  const gateway = open(url)
  gateways.push(gateway)
  return gateway
}
beforeAll(async () => {
  ;({ createDatabase } = await sharedPostgres())
})
afterAll(() => Promise.all(gateways.map((gateway) => gateway.dispose())))

const merchantsOf = (gateway: Gateway) => gateway.runPromise(Effect.flatMap(Merchants, (merchants) => merchants.list()))
const demoFactOf = (gateway: Gateway) =>
  gateway.runPromise(Effect.flatMap(ChannelFacts, (facts) => facts.get(...DEMO_MERCHANT_FACT)))

test("the first start makes one test merchant, returns its secret once, and makes the test account", async () => {
  const gateway = gatewayOn(await createDatabase())
  const made = await gateway.runPromise(ensureFirstStart(true))
  expect(made?.app_id).toMatch(/^pk_test_/)
  expect(await merchantsOf(gateway)).toMatchObject([
    {
      appId: made?.app_id,
      name: "Demo",
      mode: "test",
      active: true,
      callbackUrl: null,
      throttle: { count: 20, windowMs: 1000 }
    }
  ])
  expect(await demoFactOf(gateway)).toEqual({ app_id: made?.app_id ?? "" })
  const account = await gateway.runPromise(
    Effect.gen(function* () {
      const accounts = yield* Accounts
      const merchants = yield* Merchants
      const vault = yield* Vault
      const merchant = yield* merchants.find(made?.app_id ?? "")
      const secret = yield* vault.open(merchant?.secrets[0]?.sealed ?? "", `merchant:${made?.app_id}`)
      expect(Redacted.value(secret)).toBe(Redacted.value(made?.app_secret ?? Redacted.make("")))
      const account = yield* accounts.find("playground")
      const settings = yield* vault.open(account?.sealed ?? "", "account:playground")
      expect(JSON.parse(Redacted.value(settings))).toEqual({ key: "a-secret-of-the-playground" })
      return account
    })
  )
  expect(account).toMatchObject({ provider: "playground", feeRateBp: 60, enabled: true, removed: false })
  expect(account?.sealed).not.toContain("a-secret")

  expect(await gateway.runPromise(ensureFirstStart(true))).toBeNull()
  expect(await merchantsOf(gateway)).toHaveLength(1)
})

test("without the demo, a start makes the test account and no merchant; a later start with it makes one", async () => {
  const gateway = gatewayOn(await createDatabase())
  expect(await gateway.runPromise(ensureFirstStart(false))).toBeNull()
  expect(await merchantsOf(gateway)).toHaveLength(0)
  expect(await demoFactOf(gateway)).toBeNull()
  const account = await gateway.runPromise(Effect.flatMap(Accounts, (accounts) => accounts.find("playground")))
  expect(account).toMatchObject({ enabled: true })

  expect((await gateway.runPromise(ensureFirstStart(true)))?.app_id).toMatch(/^pk_test_/)
})

test("gateways that start at once on an empty database make one merchant, and one of them returns its secret", async () => {
  const url = await createDatabase()
  const together = Array.from({ length: 4 }, () => gatewayOn(url))
  await Promise.all(together.map((gateway) => merchantsOf(gateway)))
  const answers = await Promise.all(together.map((gateway) => gateway.runPromise(ensureFirstStart(true))))
  const told = answers.filter((answer) => answer !== null)
  expect(told).toHaveLength(1)
  const merchants = await merchantsOf(together[0] as Gateway)
  expect(merchants.map(({ appId }) => appId)).toEqual(told.map(({ app_id }) => app_id))
})

test("a database that has a merchant gets no test merchant", async () => {
  const gateway = gatewayOn(await createDatabase())
  await gateway.runPromise(
    Effect.flatMap(Merchants, (merchants) =>
      merchants.create({
        appId: "pk_live_1",
        name: "Tea House",
        mode: "live",
        callbackUrl: null,
        allowIps: [],
        throttle: null,
        accounts: null,
        sealedSecret: "x"
      })
    )
  )
  expect(await gateway.runPromise(ensureFirstStart(true))).toBeNull()
  expect(await demoFactOf(gateway)).toBeNull()
  expect(await merchantsOf(gateway)).toHaveLength(1)
})

test("a first start that died half-way is finished by the next start, with the same merchant", async () => {
  const gateway = gatewayOn(await createDatabase())
  const begun = (at: number) =>
    gateway.runPromise(
      Effect.gen(function* () {
        const facts = yield* ChannelFacts
        const vault = yield* Vault
        const sealed = vault.seal(Redacted.make("sk_test_begun"), "merchant:pk_test_begun")
        yield* facts.update(...DEMO_MERCHANT_FACT, () => ({ app_id: "pk_test_begun", sealed, at }))
      })
    )
  await begun(Date.now())
  // The other gateway may still be at work, so this one does not print its merchant.
  expect(await gateway.runPromise(ensureFirstStart(true))).toBeNull()
  expect(await merchantsOf(gateway)).toHaveLength(0)

  await begun(Date.now() - 60_000)
  const answers = await Promise.all([
    gateway.runPromise(ensureFirstStart(true)),
    gateway.runPromise(ensureFirstStart(true))
  ])
  const told = answers.filter((answer) => answer !== null)
  expect(told.map(({ app_id, app_secret }) => [app_id, Redacted.value(app_secret)])).toEqual([
    ["pk_test_begun", "sk_test_begun"]
  ])
  expect((await merchantsOf(gateway)).map(({ appId }) => appId)).toEqual(["pk_test_begun"])
})

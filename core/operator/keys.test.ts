import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Exit, Layer, Redacted } from "effect"
import { postgres } from "../../plugins/postgres/index.ts"
import { sharedPostgres } from "../../tests/harness/postgres.ts"
import { ownUrlLayer } from "../../tests/harness/stores.ts"
import { Channels } from "../cashier/channels.ts"
import { Settings } from "../config/gateway-config.ts"
import { Accounts } from "../pipeline/persistence/accounts.ts"
import { Merchants } from "../pipeline/persistence/merchants.ts"
import type { Persistence } from "../pipeline/persistence/persistence.ts"
import { masterKeysOf } from "../secrets/master-key.ts"
import { makeVault, Vault } from "../secrets/vault.ts"
import { readConfig } from "../start/environment.ts"
import { checkMasterKey } from "./key-check.ts"
import { keyRotate } from "./keys.ts"
import type { OperatorServices } from "./operation.ts"

setDefaultTimeout(60_000)

const operator = { kind: "operator", name: "test" } as const
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "payhub-keys-"))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A database with one merchant and one removed account, sealed with the key that `variables` name. */
const house = async (variables: Record<string, string>) => {
  const url = Redacted.make(await (await sharedPostgres()).createDatabase())
  const persistence = postgres({ url, maxConnections: 2 }).persistence ?? Layer.empty
  /** Each act reads the keys again, like a separate process. */
  const act = async <A, E>(change: Record<string, string>, effect: Effect.Effect<A, E, OperatorServices>) => {
    const config = await Effect.runPromise(readConfig({ ...variables, ...change }))
    const keys = await Effect.runPromise(masterKeysOf(config, "make"))
    const stores = Layer.mergeAll(
      persistence as Layer.Layer<Persistence>,
      Vault.layer(keys),
      ownUrlLayer(),
      Layer.succeed(Settings, config)
    )
    return Effect.runPromiseExit(Effect.provide(effect, Channels.layer([]).pipe(Layer.provideMerge(stores))))
  }
  const prepare = Effect.gen(function* () {
    yield* checkMasterKey
    const vault = yield* Vault
    const merchants = yield* Merchants
    const accounts = yield* Accounts
    const appId = "pk_live_rotation0000000000000000000"
    yield* merchants.create({
      appId,
      name: "R",
      mode: "live",
      callbackUrl: null,
      allowIps: [],
      throttle: null,
      accounts: null,
      sealedSecret: vault.seal(Redacted.make("sk_live_secret"), `merchant:${appId}`)
    })
    const sealed = vault.seal(Redacted.make('{"key":"k"}'), "account:acc_1")
    yield* accounts.create({ id: "acc_1", provider: "bank", name: "B", feeRateBp: 0, sealed })
    yield* accounts.remove("acc_1")
  })
  expect(Exit.isSuccess(await act({}, prepare))).toBe(true)
  return { act }
}

const readAll = Effect.gen(function* () {
  yield* checkMasterKey
  const vault = yield* Vault
  const merchants = yield* Merchants
  const accounts = yield* Accounts
  const stored = yield* merchants.find("pk_live_rotation0000000000000000000")
  const account = yield* accounts.find("acc_1")
  return [
    Redacted.value(yield* vault.open(stored?.secrets[0]?.sealed ?? "", `merchant:${stored?.merchant.appId}`)),
    Redacted.value(yield* vault.open(account?.sealed ?? "", "account:acc_1"))
  ]
})

const A = Buffer.alloc(32, 1).toString("base64")
const B = Buffer.alloc(32, 2).toString("base64")

test("one command rotates a key file while a gateway runs that has read the old key", async () => {
  const data = join(folder, "file")
  const { act } = await house({ PAYHUB_DATA: data })
  const path = join(data, "master.key")
  const before = readFileSync(path, "utf8")
  const running = makeVault(
    await Effect.runPromise(masterKeysOf(await Effect.runPromise(readConfig({ PAYHUB_DATA: data })), "make"))
  )

  const rotated = await act({}, keyRotate.run(operator, {}))
  const result = Exit.isSuccess(rotated) ? rotated.value : undefined
  const kept = result?.old_key ?? ""
  expect(result).toEqual({ merchants: 1, accounts: 1, key: path, old_key: kept })
  expect(kept).toMatch(/master\.key\.\d{8}T\d{6}Z$/)
  expect(readFileSync(kept, "utf8")).toBe(before)
  expect(statSync(kept).mode & 0o777).toBe(0o600)
  const after = readFileSync(path, "utf8")
  expect(after).not.toBe(before)
  expect(after.trim().split("\n")).toHaveLength(1)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  const read = await act({}, readAll)
  expect(Exit.isSuccess(read) && read.value).toEqual(["sk_live_secret", '{"key":"k"}'])

  const sealed = await act(
    {},
    Effect.map(Vault, (vault) => vault.seal(Redacted.make("new"), "p"))
  )
  const opened = await Effect.runPromise(running.open(Exit.isSuccess(sealed) ? sealed.value : "", "p"))
  expect(Redacted.value(opened)).toBe("new")
})

test("a key in the environment is rotated with the old key in PAYHUB_MASTER_KEY_OLD, which is not needed afterwards", async () => {
  const { act } = await house({ PAYHUB_MASTER_KEY: A, PAYHUB_DATA: join(folder, "env") })
  const unprepared = await act({}, Effect.flip(keyRotate.run(operator, {})))
  expect(Exit.isSuccess(unprepared) && unprepared.value.message).toContain("PAYHUB_MASTER_KEY_OLD")

  const strange = await act({ PAYHUB_MASTER_KEY: B }, Effect.flip(checkMasterKey))
  expect(Exit.isSuccess(strange) && strange.value.variable).toBe("PAYHUB_MASTER_KEY")

  const rotated = await act({ PAYHUB_MASTER_KEY: B, PAYHUB_MASTER_KEY_OLD: A }, keyRotate.run(operator, {}))
  expect(Exit.isSuccess(rotated) && rotated.value).toEqual({
    merchants: 1,
    accounts: 1,
    key: "environment",
    old_key: null
  })
  const again = await act({ PAYHUB_MASTER_KEY: B, PAYHUB_MASTER_KEY_OLD: A }, keyRotate.run(operator, {}))
  expect(Exit.isSuccess(again) && again.value).toEqual({
    merchants: 0,
    accounts: 0,
    key: "environment",
    old_key: null
  })
  const read = await act({ PAYHUB_MASTER_KEY: B }, readAll)
  expect(Exit.isSuccess(read) && read.value).toEqual(["sk_live_secret", '{"key":"k"}'])
})

test("a sealed secret opens neither for another purpose nor after any character of it has changed", async () => {
  const vault = makeVault({ current: Redacted.make(A), others: () => [] })
  const sealed = vault.seal(Redacted.make("sk_live_secret"), "merchant:one")
  expect(Redacted.value(await Effect.runPromise(vault.open(sealed, "merchant:one")))).toBe("sk_live_secret")
  expect(sealed).not.toContain("sk_live")
  const refused = (text: string, purpose: string) => Effect.runPromise(Effect.flip(vault.open(text, purpose)))
  expect((await refused(sealed, "merchant:two"))._tag).toBe("VaultRefused")
  for (let at = 0; at < sealed.length; at++) {
    // The last characters of Base64 may carry unused bits.
    if (at >= sealed.length - 3) continue
    const other = sealed[at] === "A" ? "B" : "A"
    expect((await refused(sealed.slice(0, at) + other + sealed.slice(at + 1), "merchant:one"))._tag).toBe(
      "VaultRefused"
    )
  }
})

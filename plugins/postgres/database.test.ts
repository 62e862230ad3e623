import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { createServer } from "node:net"
import { Cause, Effect, Exit, Redacted } from "effect"
import sqlClient from "postgres"
import type { StoreSignal } from "../../core/pipeline/persistence.ts"
import { StartRefused } from "../../core/plugin.ts"
import { sharedPostgres, startPostgres } from "../../tests/services/postgres.ts"
import { storableJson } from "./connection.ts"
import { anOrder, aSettlement, eventually, openStore, run } from "./fixture.ts"
import { openPersistence } from "./index.ts"

setDefaultTimeout(30_000)

/** Why a start on this URL is refused. */
const refusal = async (url: string): Promise<StartRefused> => {
  const exit = await Effect.runPromiseExit(Effect.scoped(openPersistence({ url: Redacted.make(url) })))
  const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  if (!(error instanceof StartRefused)) throw new Error(`not refused: ${String(error)}`)
  return error
}

describe("starting", () => {
  test("an empty database is migrated by whichever of four gateways comes first", async () => {
    const pg = await sharedPostgres()
    const admin = sqlClient(pg.url, { max: 1 })
    await admin`create database empty_for_four`
    await admin.end()
    const url = pg.url.replace(/\/postgres$/, "/empty_for_four")
    const stores = await Promise.all(Array.from({ length: 4 }, () => openStore(url)))
    expect(await run(stores[3]?.store.orders.create(anOrder()) ?? Effect.succeed("none"))).toBe("created")
    for (const { close } of stores) await close()
  })

  test("a database that a newer PayHub has migrated is refused", async () => {
    const url = await (await sharedPostgres()).createDatabase()
    const sql = sqlClient(url, { max: 1 })
    await sql`insert into payhub_migrations (number, name) values (999999, 'from the future')`
    await sql.end()
    const { variable, message } = await refusal(url)
    expect(variable).toBe("DATABASE_URL")
    expect(message).toContain("too new")
  })

  test("a wrong password is named, and neither it nor the URL is repeated", async () => {
    const url = new URL((await sharedPostgres()).url)
    url.password = "not-the-password"
    const { variable, message } = await refusal(url.href)
    expect(variable).toBe("DATABASE_URL")
    expect(message).toContain("password")
    expect(message).not.toContain("not-the-password")
  })

  test("a database that does not exist is named", async () => {
    const { message } = await refusal((await sharedPostgres()).url.replace(/\/postgres$/, "/nowhere"))
    expect(message).toContain("does not exist")
  })

  test("a port where nobody listens, and one where nobody answers, are refused within seven seconds", async () => {
    const silent = createServer(() => {})
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve))
    const { port } = silent.address() as { port: number }
    const closed = createServer()
    await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve))
    const { port: closedPort } = closed.address() as { port: number }
    await new Promise((resolve) => closed.close(resolve))
    const start = performance.now()
    const refusals = await Promise.all([
      refusal(`postgres://u:secret@127.0.0.1:${port}/db`),
      refusal(`postgres://u:secret@127.0.0.1:${closedPort}/db`)
    ])
    expect(performance.now() - start).toBeLessThan(7_000)
    for (const { message } of refusals) {
      expect(message).toContain("does not answer")
      expect(message).not.toContain("secret")
    }
    silent.close()
  }, 15_000)
})

describe("a store whose database goes away", () => {
  test("says StoreUnavailable while it is away, and works again by itself", async () => {
    const pg = await startPostgres()
    try {
      const { store, close } = await openStore(await pg.createDatabase())
      const signals: StoreSignal[] = []
      await run(store.listen((signal) => signals.push(signal)))
      const kept = anOrder()
      await run(store.orders.create(kept))
      const settle = Array.from({ length: 8 }, () => run(store.ping()))
      await Promise.all(settle)
      await pg.pause()
      const answers = await Promise.all(
        [
          store.orders.create(anOrder()),
          store.orders.find(kept),
          store.ping(),
          store.orders.settle(aSettlement(kept))
        ].map((act) => run(Effect.result<unknown, unknown, never>(act)))
      )
      expect(answers.map((answer) => answer._tag)).toEqual(["Failure", "Failure", "Failure", "Failure"])
      await pg.resume()
      await eventually("ping answers", () => run(Effect.isSuccess(store.ping())))
      expect((await run(store.orders.find(kept)))?.orderNo).toBe(kept.orderNo)
      expect(await run(store.orders.create(anOrder()))).toBe("created")
      await eventually("listeners are told to forget everything", () => signals.some(({ kind }) => kind === "all"))
      await run(store.orders.settle(aSettlement(kept)))
      await eventually("signals arrive again", () => signals.some(({ kind }) => kind === "webhook-due"))
      await close()
    } finally {
      await pg.stop()
    }
  }, 60_000)

  test("a server that stalls is given up after seconds, not waited for", async () => {
    const pg = await startPostgres()
    try {
      const { store, close } = await openStore(await pg.createDatabase())
      await run(store.ping())
      await pg.freeze()
      const start = performance.now()
      const answers = await Promise.all(
        [store.orders.create(anOrder()), store.ping()].map((act) => run(Effect.result<unknown, unknown, never>(act)))
      )
      expect(answers.map((answer) => answer._tag)).toEqual(["Failure", "Failure"])
      expect(performance.now() - start).toBeLessThan(20_000)
      await pg.thaw()
      await eventually("the store works again", () => run(Effect.isSuccess(store.orders.create(anOrder()))))
      await close()
    } finally {
      await pg.thaw()
      await pg.stop()
    }
  }, 60_000)
})

describe("signals", () => {
  test("what one gateway changes, another hears, and it hears nothing of what was not committed", async () => {
    const url = await (await sharedPostgres()).createDatabase()
    const [one, other] = [await openStore(url), await openStore(url)]
    const heard: StoreSignal[] = []
    await run(other.store.listen((signal) => heard.push(signal)))
    const merchant = await run(
      one.store.merchants.create({
        appId: "pk_test_signal",
        name: "n",
        mode: "test",
        callbackUrl: null,
        allowIps: [],
        throttle: null,
        accounts: null,
        sealedSecret: "s"
      })
    )
    const expected: StoreSignal[] = [{ kind: "merchant", id: "pk_test_signal" }]
    const hears = async (signal: StoreSignal | null) => {
      if (signal !== null) expected.push(signal)
      await eventually(`signal ${expected.length}`, () => heard.length >= expected.length)
      expect(heard).toEqual(expected)
    }
    await hears(null)
    await run(one.store.merchants.update("pk_test_signal", { active: false }))
    await hears({ kind: "merchant", id: "pk_test_signal" })
    await run(one.store.merchants.addSecret(merchant.id, "s2", new Date()))
    await hears({ kind: "merchant", id: "pk_test_signal" })
    const id = (await run(one.store.merchants.findById(merchant.id)))?.secrets[0]?.id ?? 0
    await run(one.store.merchants.secretUsed(merchant.id, id, new Date()))
    await hears({ kind: "merchant", id: "pk_test_signal" })
    // These change nothing, so nobody has to forget anything.
    await run(one.store.merchants.secretUsed(merchant.id, id, new Date()))
    await run(one.store.merchants.update("pk_test_nobody", { active: false }))
    await run(one.store.accounts.create({ id: "acc_s", provider: "p", name: "n", feeRateBp: 1, sealed: "s" }))
    await hears({ kind: "account", id: "acc_s" })
    await run(one.store.accounts.change("acc_s", { enabled: false }))
    await hears({ kind: "account", id: "acc_s" })
    const order = anOrder()
    await run(one.store.orders.create(order))
    await run(one.store.orders.settle(aSettlement(order)))
    await hears({ kind: "webhook-due" })
    await one.close()
    await other.close()
  })
})

test.each([
  [{ a: "x\u0000y" }, '{"a":"x\\ufffdy"}'],
  [{ a: "\ud800" }, '{"a":"\\ufffd"}'],
  [{ a: "\\u0000" }, '{"a":"\\\\u0000"}'],
  [{ a: "😀\u0001" }, '{"a":"😀\\u0001"}'],
  [null, "null"]
])("JSON %p is stored as %s", (value, text) => {
  expect(storableJson(value)).toBe(text)
})

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { createServer } from "node:net"
import { Cause, Effect, Exit, Redacted } from "effect"
import sqlClient from "postgres"
import { StartRefused } from "../../../core/config/start-refused.ts"
import { StoreUnavailable } from "../../../core/domain/errors.ts"
import type { StoreSignal } from "../../../core/pipeline/persistence/store-signals.ts"
import { sharedPostgres, startPostgres } from "../../../tests/harness/postgres.ts"
import { anOrder, aSettlement } from "../../../tests/harness/sample-orders.ts"
import { startTcpProxy } from "../../../tests/harness/tcp-proxy.ts"
import { until } from "../../../tests/harness/until.ts"
import { openStore, run } from "../fixture.ts"
import { openPersistence } from "../index.ts"
import { storableJson } from "./connection.ts"
import { unavailable } from "./database.ts"
import { connectionLost } from "./socket.ts"

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

  test("a database that is not encoded in UTF-8, or takes no writes, is refused", async () => {
    const pg = await sharedPostgres()
    const admin = sqlClient(pg.url, { max: 1 })
    await admin.unsafe("create database in_latin1 encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0")
    await admin.unsafe("create database in_ruins")
    await admin.unsafe("alter database in_ruins set default_transaction_read_only = on")
    await admin.end()
    expect((await refusal(pg.url.replace(/\/postgres$/, "/in_latin1"))).message).toContain("LATIN1")
    expect((await refusal(pg.url.replace(/\/postgres$/, "/in_ruins"))).message).toContain("takes no writes")
  })

  test("of several hosts, the first that takes a connection is used", async () => {
    const url = new URL(await (await sharedPostgres()).createDatabase())
    const { store, close } = await openStore(url.href.replace(`@${url.host}`, `@127.0.0.1:1,${url.host}`))
    expect(await run(store.orders.create(anOrder()))).toBe("created")
    await close()
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
      await run(store.signals.listen((signal) => signals.push(signal)))
      const kept = anOrder()
      await run(store.orders.create(kept))
      const settle = Array.from({ length: 8 }, () => run(store.status.ping()))
      await Promise.all(settle)
      await pg.pause()
      const answers = await Promise.all(
        [
          store.orders.create(anOrder()),
          store.orders.find(kept),
          store.status.ping(),
          store.settlements.settle(aSettlement(kept))
        ].map((act) => run(Effect.result<unknown, unknown, never>(act)))
      )
      expect(answers.map((answer) => answer._tag)).toEqual(["Failure", "Failure", "Failure", "Failure"])
      await pg.resume()
      await until("ping answers", () => run(Effect.isSuccess(store.status.ping())))
      expect((await run(store.orders.find(kept)))?.orderNo).toBe(kept.orderNo)
      expect(await run(store.orders.create(anOrder()))).toBe("created")
      await until("listeners are told to forget everything", () => signals.some(({ kind }) => kind === "all"))
      await run(store.settlements.settle(aSettlement(kept)))
      await until("signals arrive again", () => signals.some(({ kind }) => kind === "webhook-due"))
      await close()
    } finally {
      await pg.stop()
    }
  }, 60_000)

  test("a server that stalls is given up after seconds, not waited for", async () => {
    const pg = await startPostgres()
    try {
      const { store, close } = await openStore(await pg.createDatabase())
      await run(store.status.ping())
      await pg.freeze()
      const start = performance.now()
      const answers = await Promise.all(
        [store.orders.create(anOrder()), store.status.ping()].map((act) =>
          run(Effect.result<unknown, unknown, never>(act))
        )
      )
      expect(answers.map((answer) => answer._tag)).toEqual(["Failure", "Failure"])
      expect(performance.now() - start).toBeLessThan(20_000)
      await pg.thaw()
      await until("the store works again", () => run(Effect.isSuccess(store.orders.create(anOrder()))))
      await close()
    } finally {
      await pg.thaw()
      await pg.stop()
    }
  }, 60_000)
})

describe("whether what failed may have happened", () => {
  /** What a store says of a failed act; fails where it succeeds. */
  const failureOf = async (act: Effect.Effect<unknown, unknown>): Promise<StoreUnavailable> => {
    const error = await run(Effect.flip(act))
    if (!(error instanceof StoreUnavailable)) throw new Error(`not StoreUnavailable: ${String(error)}`)
    return error
  }

  test("it may when the connection ends during the statement, by the server's hand or the network's", async () => {
    const url = await (await sharedPostgres()).createDatabase()
    const serverPort = Number(new URL(url).port)
    const proxy = await startTcpProxy(() => serverPort)
    const { store, close } = await openStore(url.replace(`:${serverPort}/`, `:${proxy.port}/`))
    const sql = sqlClient(url, { max: 2 })
    try {
      for (const end of ["server", "network"] as const) {
        const order = anOrder()
        await run(store.orders.create(order))
        const acts = [
          store.orders.end(order, "CLOSED", "expired"),
          // A batched one, held up by the very row that it wants to make.
          store.orders.create({ ...anOrder(), orderNo: `${order.orderNo}-${end}` })
        ]
        let failures: Promise<ReadonlyArray<StoreUnavailable>> = Promise.resolve([])
        await sql
          .begin(async (lock) => {
            await lock`select from orders where order_no = ${order.orderNo} for update`
            await lock`
              insert into orders select (jsonb_populate_record(o, ${lock.json({
                order_no: `${order.orderNo}-${end}`,
                merchant_order_no: `other-${end}`
              })})).* from orders o where order_no = ${order.orderNo}`
            failures = Promise.all(acts.map(failureOf))
            const waiting = () => sql<Array<{ pid: number }>>`
              select pid from pg_stat_activity
              where datname = current_database() and application_name = 'payhub' and wait_event_type = 'Lock'`
            await until("both statements wait", async () => (await waiting()).length === acts.length)
            if (end === "network") proxy.cut()
            else for (const { pid } of await waiting()) await sql`select pg_terminate_backend(${pid})`
            await failures
            throw new Error("roll back")
          })
          .catch((cause: Error) => expect(cause.message).toBe("roll back"))
        expect((await failures).map(({ mayHaveHappened }) => mayHaveHappened)).toEqual([true, true])
      }
    } finally {
      await sql.end()
      await close()
      await proxy.close()
    }
  })

  test("it did not where nobody listens, and it says nothing of it", async () => {
    const url = await (await sharedPostgres()).createDatabase()
    const serverPort = Number(new URL(url).port)
    const proxy = await startTcpProxy(() => serverPort)
    const { store, close } = await openStore(url.replace(`:${serverPort}/`, `:${proxy.port}/`))
    await run(store.status.ping())
    await proxy.close()
    await until("the connections of before are gone", async () => {
      const { cause } = await failureOf(store.status.ping())
      return String(cause).includes("ECONNREFUSED")
    })
    for (const act of [
      store.orders.create(anOrder()),
      store.settlements.settle(aSettlement(anOrder())),
      store.status.ping()
    ]) {
      expect(await failureOf(act)).not.toHaveProperty("mayHaveHappened")
    }
    await close()
  })

  test("it did not where the table refuses the row", async () => {
    const { store, close } = await openStore(await (await sharedPostgres()).createDatabase())
    expect(await failureOf(store.orders.create(anOrder({ amountFen: 0 })))).not.toHaveProperty("mayHaveHappened")
    const order = anOrder()
    await run(store.orders.create(order))
    const odd = store.settlements.settle(aSettlement(order, { feeFen: 7 }))
    expect(await failureOf(odd)).not.toHaveProperty("mayHaveHappened")
    await close()
    // Nor where the store is closed: it is not asked.
    expect(await failureOf(store.status.ping())).not.toHaveProperty("mayHaveHappened")
  })

  const coded = (code: string, message = "said the server") => Object.assign(new Error(message), { code })

  test.each([
    ["a full disk", coded("53100"), undefined],
    ["no connection left", coded("53300"), undefined],
    ["a row beyond the limits", coded("54000"), undefined],
    ["a statement that took too long", coded("57014"), undefined],
    ["a standby that does not write", coded("25006"), undefined],
    ["a deadlock", coded("40P01"), undefined],
    ["an end that nobody knows", coded("40003"), true],
    ["a server that shuts down", coded("57P01"), true],
    ["a network that resets", coded("ECONNRESET"), true],
    ["a lost connection", connectionLost(), true],
    ["a pool without a free connection", new Error("no connection within 13000 ms"), undefined],
    ["a pool whose connection does not answer", new Error("no answer within 13000 ms"), true],
    ["a text that only names a refusal", coded("XX000", "no connection within, ECONNREFUSED, 23505"), true],
    ["a bug", new TypeError("undefined is not a function"), true]
  ])("%s", (_, cause, mayHaveHappened) => {
    expect(unavailable(cause).mayHaveHappened).toBe(mayHaveHappened)
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

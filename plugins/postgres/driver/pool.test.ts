import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { connect, createServer, type Server, type Socket } from "node:net"
import { Redacted } from "effect"
import postgres from "postgres"
import { sharedPostgres } from "../../../tests/harness/postgres.ts"
import { until } from "../../../tests/harness/until.ts"
import { makePool } from "./pool.ts"

setDefaultTimeout(30_000)

/** A network between us and the server that can be told to swallow what passes on the connections of now. */
let network: Server
let url: Redacted.Redacted<string>
let swallowing = new Set<Socket>()
/** What was sent to the server. */
let sent = ""
const passing = new Set<Socket>()

beforeAll(async () => {
  const target = new URL((await sharedPostgres()).url)
  const serverPort = Number(target.port)
  network = createServer((near) => {
    passing.add(near)
    const far = connect(serverPort, target.hostname)
    near.on("data", (chunk: Buffer) => {
      sent += chunk.toString("latin1")
      if (!swallowing.has(near)) far.write(chunk)
    })
    far.on("data", (chunk) => swallowing.has(near) || near.write(chunk))
    for (const [one, other] of [
      [near, far],
      [far, near]
    ] as const) {
      one.on("error", () => {})
      one.on("close", () => other.destroy())
    }
    near.on("close", () => passing.delete(near))
  })
  await new Promise<void>((resolve) => network.listen(0, "127.0.0.1", resolve))
  target.port = String((network.address() as { port: number }).port)
  url = Redacted.make(target.href)
})
afterAll(() => {
  network.close()
  for (const socket of passing) socket.destroy()
})

/** A statement that runs until the test lets it end. */
const holdLock = async () => {
  const key = Math.floor(Math.random() * 2 ** 31)
  const holder = postgres((await sharedPostgres()).url, { max: 1 })
  await holder`select pg_advisory_lock(${key})`
  return {
    wait: (sql: postgres.Sql) => sql`select pg_advisory_lock(${key}), 1 as n`,
    isAwaited: async () =>
      (await holder`select from pg_locks where locktype = 'advisory' and objid = ${key} and not granted`).length > 0,
    release: () => holder.end()
  }
}

const swallow = (): void => {
  swallowing = new Set(passing)
}

test("a connection that a network has swallowed is given up, and the next statement gets a new one", async () => {
  const pool = makePool(url, 1, null, 2_000)
  expect(await pool.use((sql) => sql`select 1 as n`)).toMatchObject([{ n: 1 }])
  swallow()
  const lost = await pool.use((sql) => sql`select 2 as n`).catch((cause: Error) => cause.message)
  expect(lost).toBe("no answer within 2000 ms")
  expect(await pool.use((sql) => sql`select 3 as n`)).toMatchObject([{ n: 3 }])
  await pool.close()
})

test("a slow statement holds up no other while a connection is free", async () => {
  const pool = makePool(url, 2)
  const lock = await holdLock()
  let isOver = false
  const slow = pool.use(lock.wait).finally(() => {
    isOver = true
  })
  for (let i = 0; i < 5; i += 1) await pool.use((sql) => sql`select 1`)
  expect(isOver).toBe(false)
  await lock.release()
  await slow
  await pool.close()
})

test("more statements than connections are all answered, in turn", async () => {
  await until("the other tests' connections are gone", () => passing.size === 0)
  const pool = makePool(url, 3)
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, i) => pool.use((sql) => sql`select ${i}::int as n`))
  )
  expect(answers.map(([row]) => row?.n)).toEqual(Array.from({ length: 100 }, (_, i) => i))
  expect(passing.size).toBe(3)
  await pool.close()
})

test("a pool that closes finishes what runs and refuses what waits or comes later", async () => {
  const pool = makePool(url, 1)
  const lock = await holdLock()
  const runs = pool.use(lock.wait)
  const waits = pool.use((sql) => sql`select 2`).catch((cause: Error) => cause.message)
  await until("the first one runs", lock.isAwaited)
  const closing = pool.close()
  const late = pool.use((sql) => sql`select 3`).catch((cause: Error) => cause.message)
  expect(await Promise.all([waits, late])).toEqual(["the store is closed", "the store is closed"])
  await lock.release()
  expect(await runs).toMatchObject([{ n: 1 }])
  await closing
})

test("a connection takes its role once, before its first statement", async () => {
  const admin = postgres((await sharedPostgres()).url, { max: 1 })
  await admin`create role of_the_pool`
  await admin.end()
  await until("the other tests' connections are gone", () => passing.size === 0)
  sent = ""
  const pool = makePool(url, 3, "of_the_pool")
  const users = await Promise.all(Array.from({ length: 30 }, () => pool.use((sql) => sql`select current_user as name`)))
  expect(new Set(users.map(([row]) => row?.name))).toEqual(new Set(["of_the_pool"]))
  expect(sent.split("set role").length - 1).toBe(3)
  await pool.close()
})

test("a server that has become read-only is left: its connections are closed, and new ones are made", async () => {
  const pool = makePool(url, 3)
  const pids = () =>
    Promise.all(
      Array.from({ length: 3 }, () =>
        pool.use((sql) => sql<[{ pid: number }]>`select pg_backend_pid() as pid, pg_sleep(0.05)`)
      )
    ).then((rows) => rows.map(([{ pid }]) => pid).sort())
  const before = await pids()
  // At the same time, so that all three connections have become read-only.
  const become = (sql: postgres.Sql) =>
    sql.unsafe("set default_transaction_read_only = on; select pg_sleep(0.05)").simple()
  await Promise.all([pool.use(become), pool.use(become), pool.use(become)])
  await expect(pool.use((sql) => sql`create table never_made ()`)).rejects.toMatchObject({ code: "25006" })
  const after = await pids()
  expect(after.filter((pid) => before.includes(pid))).toEqual([])
  await pool.close()
})

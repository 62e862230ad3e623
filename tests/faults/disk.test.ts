import { describe, expect, setDefaultTimeout, test } from "bun:test"
import process from "node:process"
import postgres from "postgres"
import { type PostgresService, startPostgres } from "../harness/postgres.ts"
import { requireTool } from "../harness/require-tool.ts"
import { seeded } from "../harness/seeded.ts"
import { MOUNT_HOW, mountSmallDisk, mountsAllowed, type SmallDisk } from "../harness/small-disk.ts"
import { until } from "../harness/until.ts"
import { type GatewayUnderLoad, lasts, NOTHING_BROKEN, startUnderLoad } from "./gateway-under-load.ts"

/*
 * The database's disks run full under load, first the disk of its tables, then that of its log. Somebody makes room and,
 * where PostgreSQL has stopped itself, starts it again.
 */

setDefaultTimeout(120_000)

const withMounts = requireTool({
  ...{ name: "the right to mount", found: mountsAllowed() },
  ...{ suite: "tests/faults/disk", how: MOUNT_HOW }
})

/** The templates and one database take 50 MiB; the log is two or three segments of 16 MiB. */
const DATA_MIB = 96
const WAL_MIB = 64

const refusals = (underLoad: GatewayUnderLoad) => underLoad.load.placed.filter(({ code }) => code === 503)

const takesOrders = (underLoad: GatewayUnderLoad) =>
  until("orders to be taken again", async () => (await underLoad.shop.qrcodePay()).code === 200)

/** The tables cannot grow: the server lives on, reads, and says so (53100). */
const fillTables = async (underLoad: GatewayUnderLoad, disk: SmallDisk): Promise<void> => {
  const from = underLoad.load.placed.length
  disk.fill()
  await underLoad.refuses(40)
  const meanwhile = underLoad.load.placed.slice(from).filter(({ plan, code }) => plan === "" && code !== null)
  disk.free()
  // Every call had a definite answer.
  expect(meanwhile.map(({ code }) => code).filter((code) => code !== 200 && code !== 503)).toEqual([])
  await takesOrders(underLoad)
}

/** The log's segment ends and no other can be made: the server stops itself and cannot come back by itself. */
const fillLog = async (
  underLoad: GatewayUnderLoad,
  disk: SmallDisk,
  server: PostgresService,
  databaseUrl: string
): Promise<void> => {
  disk.fill()
  await until("PostgreSQL to stop itself", async () => {
    if (!isAlive(server.pid())) return true
    // Without fetch_types: the driver's own query for types would be rejected unhandled when its connection is ended.
    const sql = postgres(databaseUrl, { max: 1, fetch_types: false, onnotice: () => {} })
    // A switch takes less; one that hangs on the full disk is given up.
    await Promise.race([sql`select pg_switch_wal()`.catch(() => undefined), lasts(100)])
    await sql.end({ timeout: 0 })
    return false
  })
  await underLoad.refuses(10)
  disk.free()
  await server.resume()
  await takesOrders(underLoad)
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe.skipIf(!withMounts)("a database whose disk is full", () => {
  test("refuses orders with 503 while the tables' or the log's disk is full, and loses and invents nothing", async () => {
    const [data, wal] = [mountSmallDisk(DATA_MIB), mountSmallDisk(WAL_MIB)]
    const settings = { max_wal_size: "32MB", min_wal_size: "32MB" }
    const server = await startPostgres({ durable: true, dataDisk: data.path, walDisk: wal.path, settings })
    try {
      const databaseUrl = await server.createDatabase()
      const underLoad = await startUnderLoad({ databaseUrl, random: seeded(51) })
      try {
        await underLoad.serves(20)
        await fillTables(underLoad, data)
        await underLoad.serves(20)
        await fillLog(underLoad, wal, server, databaseUrl)
        await underLoad.serves(20)
        const verdict = await underLoad.verdict("all")
        expect(verdict).toMatchObject(NOTHING_BROKEN)
        expect(verdict.paid).toBeGreaterThan(10)
        expect(underLoad.load.broken()).toBe(0)
        expect(new Set(refusals(underLoad).map(({ message }) => message))).toEqual(new Set(["服务繁忙,请稍后重试"]))
      } finally {
        await underLoad.close()
      }
    } finally {
      await server.stop()
      data.unmount()
      wal.unmount()
    }
  })
})

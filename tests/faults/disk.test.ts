import { describe, expect, setDefaultTimeout, test } from "bun:test"
import process from "node:process"
import postgres from "postgres"
import { type PostgresService, startPostgres } from "../harness/postgres.ts"
import { requireTool } from "../harness/require-tool.ts"
import { seeded } from "../harness/seeded.ts"
import { MOUNT_HOW, mountSmallDisk, mountsAllowed, type SmallDisk } from "../harness/small-disk.ts"
import { until } from "../harness/until.ts"
import { openScene, type Scene, WELL } from "./scene.ts"

/*
 * The database's disks run full under load, first that of its tables, then that of its log; somebody makes room, and
 * starts PostgreSQL again where it stopped itself.
 */

setDefaultTimeout(120_000)

const withMounts = requireTool({
  ...{ name: "the right to mount", found: mountsAllowed() },
  ...{ suite: "tests/faults/disk", how: MOUNT_HOW }
})

/** The templates and one database take 50 MiB; a segment of the log 16, of which there are two or three. */
const DATA_MIB = 96
const WAL_MIB = 64

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const refusals = (scene: Scene) => scene.load.placed.filter(({ code }) => code === 503)

/** Orders are refused, then taken again. */
const refusesOrders = (scene: Scene, count: number) => {
  const before = refusals(scene).length
  return until(`${count} orders to be refused`, () => refusals(scene).length >= before + count)
}
const takesOrders = (scene: Scene) =>
  until("orders to be taken again", async () => (await scene.shop.qrcodePay()).code === 200)

/** The tables cannot grow; the server lives, reads, and says so (53100). */
const fillTables = async (scene: Scene, disk: SmallDisk): Promise<void> => {
  const from = scene.load.placed.length
  disk.fill()
  await refusesOrders(scene, 40)
  const meanwhile = scene.load.placed.slice(from).filter(({ plan, code }) => plan === "" && code !== null)
  disk.free()
  // It said what it did: nobody is left to wonder.
  expect(meanwhile.map(({ code }) => code).filter((code) => code !== 200 && code !== 503)).toEqual([])
  await takesOrders(scene)
}

/** The log's segment ends and no other can be made: the server stops itself, and cannot come back by itself. */
const fillLog = async (scene: Scene, disk: SmallDisk, server: PostgresService, databaseUrl: string): Promise<void> => {
  disk.fill()
  while (isAlive(server.pid())) {
    // The driver's own question for types would be rejected to nobody when the connection is ended under it.
    const sql = postgres(databaseUrl, { max: 1, fetch_types: false, onnotice: () => {} })
    sql`select pg_switch_wal()`.catch(() => undefined)
    await pause(100)
    await sql.end({ timeout: 0 })
  }
  await refusesOrders(scene, 10)
  disk.free()
  await server.resume()
  await takesOrders(scene)
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe.skipIf(!withMounts)("a database whose disk is full", () => {
  test("refuses orders with 503 while it is so, be it the tables' or the log's, and loses and invents nothing", async () => {
    const [data, wal] = [mountSmallDisk(DATA_MIB), mountSmallDisk(WAL_MIB)]
    const settings = { max_wal_size: "32MB", min_wal_size: "32MB" }
    const server = await startPostgres({ durable: true, dataDisk: data.path, walDisk: wal.path, settings })
    try {
      const databaseUrl = await server.createDatabase()
      const scene = await openScene({ databaseUrl, random: seeded(51) })
      try {
        await pause(500)
        await fillTables(scene, data)
        await pause(500)
        await fillLog(scene, wal, server, databaseUrl)
        await pause(500)
        const verdict = await scene.verdict("all")
        expect(verdict).toMatchObject(WELL)
        expect(verdict.paid).toBeGreaterThan(10)
        expect(scene.load.broken()).toBe(0)
        expect(new Set(refusals(scene).map(({ message }) => message))).toEqual(new Set(["服务繁忙,请稍后重试"]))
      } finally {
        await scene.close()
      }
    } finally {
      await server.stop()
      data.unmount()
      wal.unmount()
    }
  })
})

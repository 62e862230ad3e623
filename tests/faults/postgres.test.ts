import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import process from "node:process"
import { type PostgresService, startPostgres } from "../harness/postgres.ts"
import { seeded } from "../harness/seeded.ts"
import { startTcpProxy } from "../harness/tcp-proxy.ts"
import { until } from "../harness/until.ts"
import {
  type GatewayUnderLoad,
  lasts,
  NOTHING_BROKEN,
  startUnderLoad,
  type UnderLoadOptions
} from "./gateway-under-load.ts"

/* The database goes away under load and comes back: the gateway lives on, refuses in the envelope and recovers. */

setDefaultTimeout(120_000)

/** Kills the server and all its processes as a power cut does, and waits until they are gone. */
const killServer = async (postmaster: number): Promise<void> => {
  const children = await readFile(`/proc/${postmaster}/task/${postmaster}/children`, "utf8").catch(() => "")
  const all = [postmaster, ...children.split(" ").filter(Boolean).map(Number)]
  for (const pid of all) signal(pid, "SIGKILL")
  await until("the server's processes to end", () => !all.some((pid) => isAlive(pid)))
}
const signal = (pid: number, name: NodeJS.Signals | 0): boolean => {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}
/** Signal 0 only asks. A zombie that nobody has waited for yet counts as gone. */
const isAlive = (pid: number): boolean => signal(pid, 0)

const hurtUnderLoad = async (
  options: Omit<UnderLoadOptions, "random">,
  seed: number,
  hurt: (underLoad: GatewayUnderLoad) => Promise<void>
) => {
  const underLoad = await startUnderLoad({ ...options, random: seeded(seed) })
  try {
    await underLoad.serves(30)
    await hurt(underLoad)
    await underLoad.serves(30)
    const verdict = await underLoad.verdict("all")
    expect(verdict).toMatchObject(NOTHING_BROKEN)
    expect(verdict.paid).toBeGreaterThan(10)
    // The gateway lived: no call was cut off.
    expect(underLoad.load.broken()).toBe(0)
    // It serves as before the fault.
    expect((await underLoad.shop.qrcodePay()).code).toBe(200)
  } finally {
    await underLoad.close()
  }
}

const withServer = async (use: (server: PostgresService) => Promise<void>) => {
  const server = await startPostgres({ durable: true })
  try {
    await use(server)
  } finally {
    await server.stop()
  }
}

describe.concurrent("under load", () => {
  test("a PostgreSQL that is killed for 0.3 s and then shut down for 3 s costs no order and no webhook", () =>
    withServer(async (server) => {
      await hurtUnderLoad({ databaseUrl: await server.createDatabase() }, 21, async (underLoad) => {
        for (const [name, goneMs] of [
          ["SIGKILL", 300],
          ["SIGQUIT", 3_000]
        ] as const) {
          if (name === "SIGKILL") await killServer(server.pid())
          else {
            const pid = server.pid()
            signal(pid, name)
            await until("the server to shut down", () => !isAlive(pid))
          }
          await lasts(goneMs)
          await server.resume()
          await underLoad.serves(30)
        }
      })
    }))

  test("an embedded PostgreSQL that is killed with its gateway, or alone, loses nothing that was acknowledged", () =>
    withEmbedded())

  test("a network to PostgreSQL that is slow, is cut and stalls for 3 s costs no order and no webhook", () =>
    withServer(async (server) => {
      const target = new URL(await server.createDatabase())
      const port = Number(target.port)
      const proxy = await startTcpProxy(() => port)
      target.port = String(proxy.port)
      try {
        await hurtUnderLoad({ databaseUrl: target.href }, 22, async (underLoad) => {
          proxy.delay(30)
          await underLoad.serves(20)
          proxy.delay(0)
          for (let time = 0; time < 3; time++) {
            proxy.cut()
            await underLoad.serves(5)
          }
          proxy.stall()
          await lasts(3_000)
          proxy.flow()
          proxy.down()
          await underLoad.refuses(1)
          proxy.flow()
        })
      } finally {
        await proxy.close()
      }
    }))

  test("a network to PostgreSQL that stalls for 16 s delays no answer beyond 30 s and costs no order and no webhook", () =>
    withServer(async (server) => {
      const target = new URL(await server.createDatabase())
      const port = Number(target.port)
      const proxy = await startTcpProxy(() => port)
      target.port = String(proxy.port)
      try {
        await hurtUnderLoad({ databaseUrl: target.href }, 23, async () => {
          proxy.stall()
          await lasts(16_000)
          proxy.flow()
        })
      } finally {
        await proxy.close()
      }
    }))
})

const withEmbedded = async (): Promise<void> => {
  const underLoad = await startUnderLoad({ databaseUrl: "embedded", random: seeded(24) })
  try {
    await underLoad.serves(30)
    const [first = ""] = (await readFile(join(underLoad.gateway.dataFolder, "postgres/postmaster.pid"), "utf8")).split(
      "\n"
    )
    // The machine loses power: both at once.
    await Promise.all([underLoad.gateway.kill(), killServer(Number(first))])
    await underLoad.restart()
    await underLoad.serves(30)
    // The gateway alone dies: its database lives on and is found again.
    await underLoad.gateway.kill()
    await underLoad.restart()
    await underLoad.serves(20)
    // The database alone dies: the gateway refuses in the envelope until the operator starts it again.
    const [again = ""] = (await readFile(join(underLoad.gateway.dataFolder, "postgres/postmaster.pid"), "utf8")).split(
      "\n"
    )
    await killServer(Number(again))
    expect([500, 503]).toContain((await underLoad.shop.qrcodePay()).code)
    await underLoad.restart()
    await underLoad.serves(20)
    const verdict = await underLoad.verdict("all")
    expect(verdict).toMatchObject(NOTHING_BROKEN)
    expect(verdict.paid).toBeGreaterThan(10)
  } finally {
    await underLoad.close()
  }
}

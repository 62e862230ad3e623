import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import process from "node:process"
import { type PostgresService, startPostgres } from "../harness/postgres.ts"
import { seeded } from "../harness/seeded.ts"
import { startTcpProxy } from "../harness/tcp-proxy.ts"
import { openScene, type Scene, type SceneOptions, WELL } from "./scene.ts"

/* The database goes away under load and comes back; the gateway lives on, refuses in the envelope and recovers. */

setDefaultTimeout(120_000)

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Ends the server and all its processes as a power cut does, and waits until they are gone. */
const killServer = async (postmaster: number): Promise<void> => {
  const children = await readFile(`/proc/${postmaster}/task/${postmaster}/children`, "utf8").catch(() => "")
  const all = [postmaster, ...children.split(" ").filter(Boolean).map(Number)]
  for (const pid of all) signal(pid, "SIGKILL")
  while (all.some((pid) => isAlive(pid))) await pause(10)
}
const signal = (pid: number, name: NodeJS.Signals | 0): boolean => {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}
/** A zombie that nobody has waited for yet is gone, too. */
const isAlive = (pid: number): boolean => signal(pid, 0)

const withScene = async (
  options: Omit<SceneOptions, "random">,
  seed: number,
  hurt: (scene: Scene) => Promise<void>
) => {
  const scene = await openScene({ ...options, random: seeded(seed) })
  try {
    await pause(1_000)
    await hurt(scene)
    await pause(1_500)
    const verdict = await scene.verdict("all")
    expect(verdict).toMatchObject(WELL)
    expect(verdict.paid).toBeGreaterThan(10)
    // The gateway lived: every call had its answer.
    expect(scene.load.broken()).toBe(0)
    // It serves as before.
    expect((await scene.shop.qrcodePay()).code).toBe(200)
  } finally {
    await scene.close()
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
  test("a PostgreSQL that is killed and shut down at once, gone for 0.3 s and for 3 s, costs no order and no webhook", () =>
    withServer(async (server) => {
      await withScene({ databaseUrl: await server.createDatabase() }, 21, async () => {
        for (const [name, goneMs] of [
          ["SIGKILL", 300],
          ["SIGQUIT", 3_000]
        ] as const) {
          if (name === "SIGKILL") await killServer(server.pid())
          else {
            const pid = server.pid()
            signal(pid, name)
            while (isAlive(pid)) await pause(10)
          }
          await pause(goneMs)
          await server.resume()
          await pause(1_500)
        }
      })
    }))

  test("an embedded PostgreSQL that is killed with its gateway costs nothing that was acknowledged", () =>
    withEmbedded())

  test("a wire to PostgreSQL that is slow, is cut, and stands still for 3 s costs nothing", () =>
    withServer(async (server) => {
      const target = new URL(await server.createDatabase())
      const port = Number(target.port)
      const proxy = await startTcpProxy(() => port)
      target.port = String(proxy.port)
      try {
        await withScene({ databaseUrl: target.href }, 22, async () => {
          proxy.delay(30)
          await pause(1_500)
          proxy.delay(0)
          for (let time = 0; time < 3; time++) {
            proxy.cut()
            await pause(400)
          }
          proxy.stall()
          await pause(3_000)
          proxy.flow()
          proxy.down()
          await pause(1_000)
          proxy.flow()
        })
      } finally {
        await proxy.close()
      }
    }))

  test("a wire to PostgreSQL that stands still for 16 s is answered for within 30 s, and afterwards all is well", () =>
    withServer(async (server) => {
      const target = new URL(await server.createDatabase())
      const port = Number(target.port)
      const proxy = await startTcpProxy(() => port)
      target.port = String(proxy.port)
      try {
        await withScene({ databaseUrl: target.href }, 23, async () => {
          proxy.stall()
          await pause(16_000)
          proxy.flow()
        })
      } finally {
        await proxy.close()
      }
    }))
})

const withEmbedded = async (): Promise<void> => {
  const scene = await openScene({ databaseUrl: "embedded", random: seeded(24) })
  try {
    await pause(1_000)
    const [first = ""] = (await readFile(join(scene.gateway.dataFolder, "postgres/postmaster.pid"), "utf8")).split("\n")
    // The machine loses power: both at once.
    await Promise.all([scene.gateway.kill(), killServer(Number(first))])
    await scene.restart()
    await pause(1_500)
    // The gateway alone dies; its database lives on and is found again.
    await scene.gateway.kill()
    await scene.restart()
    await pause(1_000)
    // The database alone dies: the gateway refuses in the envelope until the operator starts it again.
    const [again = ""] = (await readFile(join(scene.gateway.dataFolder, "postgres/postmaster.pid"), "utf8")).split("\n")
    await killServer(Number(again))
    expect([500, 503]).toContain((await scene.shop.qrcodePay()).code)
    await scene.restart()
    await pause(1_000)
    const verdict = await scene.verdict("all")
    expect(verdict).toMatchObject(WELL)
    expect(verdict.paid).toBeGreaterThan(10)
  } finally {
    await scene.close()
  }
}

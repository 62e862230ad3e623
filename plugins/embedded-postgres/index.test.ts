import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { Cause, Effect, Exit, Layer, Redacted, Scope } from "effect"
import sqlClient from "postgres"
import { StartRefused } from "../../core/config/start-refused.ts"
import { anOrder } from "../../tests/harness/sample-orders.ts"
import { storesOf } from "../../tests/harness/stores.ts"
import { until } from "../../tests/harness/until.ts"
import { run } from "../postgres/fixture.ts"
import { findBinaries } from "./binaries.ts"
import { isAlive, openCluster } from "./cluster.ts"
import { embeddedPostgres, openEmbedded } from "./index.ts"
import { ensureServer, stopServer } from "./server.ts"
import { urlOf } from "./usage.ts"

setDefaultTimeout(30_000)

let base: string
let folder: string
let children: ChildProcess[]

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), "payhub-test-embedded-"))
  folder = join(base, "data")
  children = []
})
afterEach(async () => {
  for (const child of children) child.kill("SIGKILL")
  const pid = await postmasterPid().catch(() => 0)
  if (pid > 0 && isAlive(pid)) {
    process.kill(pid, "SIGQUIT")
    await until("the server's end", () => !existsSync(join(folder, "postgres", "postmaster.pid")))
  }
  await rm(base, { recursive: true, force: true })
})

const postmasterPid = async (): Promise<number> =>
  Number((await readFile(join(folder, "postgres", "postmaster.pid"), "utf8")).split("\n")[0])

const open = async (mode: "gateway" | "command") => {
  const { persistence } = embeddedPostgres({ dataFolder: folder, mode })
  if (persistence === undefined) throw new Error("no persistence")
  const scope = await run(Scope.make())
  const context = await run(Layer.buildWithScope(persistence, scope)).catch(async (cause: unknown) => {
    await run(Scope.close(scope, Exit.void))
    throw cause
  })
  return { store: storesOf(context), close: () => run(Scope.close(scope, Exit.void)) }
}

/** A gateway's server without a store on it. */
const openUrl = async (dataFolder: string) => {
  const scope = await run(Scope.make())
  const url = await run(openEmbedded({ dataFolder, mode: "gateway" }).pipe(Scope.provide(scope)))
  return { url: new URL(Redacted.value(url)), close: () => run(Scope.close(scope, Exit.void)) }
}

/** Copies a folder with its owners, modes and links. */
const copyAll = async (from: string, to: string): Promise<void> => {
  const status = await new Promise((resolve) => spawn("cp", ["-a", from, to]).on("close", resolve))
  expect(status).toBe(0)
}

/** A gateway or command in its own process. */
const launch = (mode: "gateway" | "command") => {
  const script = fileURLToPath(new URL("./process.fixture.ts", import.meta.url))
  const child = spawn(process.execPath, [script, mode, folder], { stdio: ["pipe", "pipe", "inherit"] })
  children.push(child)
  let said = ""
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString("utf8")
  })
  const says = (text: string) => until(text, () => said.includes(text))
  return {
    says,
    finish: async () => {
      child.stdin.end()
      await says("stopped")
      return said
    },
    kill: async () => {
      child.kill("SIGKILL")
      await until("the child's end", () => child.signalCode !== null)
    }
  }
}

const refusal = async (mode: "gateway" | "command"): Promise<StartRefused> => {
  const exit = await Effect.runPromiseExit(Effect.scoped(openEmbedded({ dataFolder: folder, mode })))
  const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
  if (!(error instanceof StartRefused)) throw new Error(`not refused: ${String(error)}`)
  return error
}

describe("a gateway on its own database", () => {
  test("makes it at the first start, stops it at the end, and finds what was stored at the next start", async () => {
    const first = await open("gateway")
    const order = anOrder()
    await run(first.store.orders.create(order))
    const pid = await postmasterPid()
    await first.close()
    expect(existsSync(join(folder, "postgres", "postmaster.pid"))).toBe(false)
    await until("the process to end", () => !isAlive(pid))
    const second = await open("gateway")
    expect(await run(second.store.orders.known(1, order.merchantOrderNo))).toBe(true)
    await second.close()
  })

  test("the database listens on loopback only, asks for its password, and lets no other user read it or the data", async () => {
    const { url, close } = await openUrl(folder)
    const sql = sqlClient(url.href, { max: 1 })
    const [row] = await sql`
      select current_setting('listen_addresses') as addresses, current_setting('fsync') as fsync,
        current_setting('synchronous_commit') as commit, current_setting('full_page_writes') as pages`
    expect({ ...row }).toEqual({ addresses: "127.0.0.1", fsync: "on", commit: "on", pages: "on" })
    await sql.end()
    url.password = "wrong"
    const stranger = sqlClient(url.href, { max: 1 })
    expect(await stranger`select 1`.catch((cause: { code?: string }) => cause.code)).toBe("28P01")
    await stranger.end()
    expect((await stat(join(folder, "postgres"))).mode & 0o777).toBe(0o700)
    expect((await stat(join(folder, "postgres", "payhub.password"))).mode & 0o777).toBe(0o600)
    expect((await stat(folder)).mode & 0o066).toBe(0)
    await close()
  })

  test("a second gateway on the folder is refused, and the first one goes on", async () => {
    const first = await open("gateway")
    const { variable, message } = await refusal("gateway")
    expect(variable).toBe("PAYHUB_DATA")
    expect(message).toContain(folder)
    await run(first.store.status.ping())
    await first.close()
  })

  test("a server that a killed gateway left running is taken over and stopped at the end", async () => {
    const killed = launch("gateway")
    await killed.says("ready")
    const pid = await postmasterPid()
    await killed.kill()
    expect(isAlive(pid)).toBe(true)
    const next = await open("gateway")
    expect(await postmasterPid()).toBe(pid)
    await next.close()
    await until("the process to end", () => !isAlive(pid))
  })

  test("it starts after a crash of the machine, even if another program has the old server's pid", async () => {
    const first = await open("gateway")
    const order = anOrder()
    await run(first.store.orders.create(order))
    const pid = await postmasterPid()
    const left = await readFile(join(folder, "postgres", "postmaster.pid"), "utf8")
    process.kill(pid, "SIGKILL")
    await until("the process to end", () => !isAlive(pid))
    await first.close()
    // The pid of this test: alive, of the same user, and not a PostgreSQL.
    const lines = [String(process.pid), ...left.split("\n").slice(1)]
    await writeFile(join(folder, "postgres", "postmaster.pid"), lines.join("\n"))
    const next = await open("gateway")
    expect(await run(next.store.orders.known(1, order.merchantOrderNo))).toBe(true)
    await next.close()
  })

  test("what a first start left when it was killed halfway is removed, and the database is made", async () => {
    await mkdir(join(folder, "postgres.new-4194302-abc", "cluster"), { recursive: true })
    await writeFile(join(folder, "postgres.new-4194302-abc", "cluster", "PG_VERSION"), "18\n")
    const gateway = await open("gateway")
    await run(gateway.store.status.ping())
    expect((await readdir(folder)).sort()).toEqual(["postgres", "postgres.log"])
    await gateway.close()
  })

  test("a gateway that is killed at any moment of its first start leaves a folder on which the next one starts", async () => {
    for (const delayMs of [50, 200, 350, 500, 700]) {
      const gateway = launch("gateway")
      await new Promise((resolve) => setTimeout(resolve, delayMs))
      await gateway.kill()
    }
    const gateway = await open("gateway")
    await run(gateway.store.status.ping())
    await gateway.close()
  }, 60_000)

  test("a gateway on a copied folder does not join the original's server", async () => {
    const original = await open("gateway")
    const copy = join(base, "copy")
    await mkdir(copy)
    await copyAll(join(folder, "postgres"), join(copy, "postgres"))
    const { url, close } = await openUrl(copy)
    const sql = sqlClient(url.href, { max: 1 })
    const [row] = await sql`select current_setting('data_directory') as folder`
    expect(row?.folder).toBe(join(copy, "postgres"))
    await sql.end()
    await close()
    await run(original.store.status.ping())
    await original.close()
  })

  test("a database that a newer PayHub migrated is refused with the folder's name", async () => {
    const { url, close } = await openUrl(folder)
    const { persistence } = embeddedPostgres({ dataFolder: folder, mode: "command" })
    if (persistence === undefined) throw new Error("no persistence")
    await Effect.runPromise(Effect.scoped(Layer.build(persistence)))
    const sql = sqlClient(url.href, { max: 1 })
    await sql`insert into payhub_migrations (number, name) values (999999, 'from the future')`
    await sql.end()
    const exit = await Effect.runPromiseExit(Effect.scoped(Layer.build(persistence)))
    const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
    expect(error).toBeInstanceOf(StartRefused)
    expect(error).toMatchObject({ variable: "PAYHUB_DATA", message: expect.stringContaining("too new") })
    expect(String(error)).not.toContain("DATABASE_URL")
    await close()
  })

  test("a data folder that is a file is refused with a sentence that says so", async () => {
    await writeFile(folder, "")
    const { variable, message } = await refusal("gateway")
    expect(variable).toBe("PAYHUB_DATA")
    expect(message).toContain("not a folder")
    await rm(folder)
  })

  test("a folder name with spaces, quotes and dollar signs works", async () => {
    folder = join(base, "a b'$x\" 数据")
    const gateway = await open("gateway")
    await run(gateway.store.status.ping())
    await gateway.close()
  })

  test.skipIf(process.getuid?.() !== 0)("root may keep PayHub in a folder that only root enters", async () => {
    const native = dirname(dirname((await findBinaries()).postgres))
    const copy = join(base, "native")
    await copyAll(native, copy)
    expect((await stat(base)).mode & 0o077).toBe(0)
    const binaries = { postgres: join(copy, "bin", "postgres"), initdb: join(copy, "bin", "initdb") }
    const cluster = await openCluster(binaries, join(folder, "postgres"), true)
    const server = await ensureServer(binaries, cluster, { logFile: join(folder, "postgres.log") })
    const sql = sqlClient(urlOf(cluster, server), { max: 1 })
    expect(await sql`select 1 as n`).toMatchObject([{ n: 1 }])
    await sql.end()
    await stopServer(cluster, server)
  })

  test("a log over 5 MB is renamed at the next start", async () => {
    await mkdir(folder)
    await chmod(folder, 0o700)
    await writeFile(join(folder, "postgres.log"), "x".repeat(5_000_001))
    const gateway = await open("gateway")
    await gateway.close()
    expect((await stat(join(folder, "postgres.log"))).size).toBeLessThan(100_000)
    expect((await stat(join(folder, "postgres.log.1"))).size).toBe(5_000_001)
  })
})

test("a server that is killed under a running gateway is started again, and the gateway finds its orders", async () => {
  const { store, close } = await open("gateway")
  const before = await postmasterPid()
  const order = anOrder()
  await run(store.orders.create(order))
  process.kill(before, "SIGKILL")
  for (;;) {
    const found = await run(Effect.result(store.orders.find(order)))
    const pid = await postmasterPid().catch(() => before)
    if (pid !== before && found._tag === "Success") {
      expect(found.success?.merchantOrderNo).toBe(order.merchantOrderNo)
      break
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  await close()
  const after = await postmasterPid().catch(() => 0)
  expect(after).toBe(0)
})

describe("a command", () => {
  test("uses the server of a running gateway and leaves it running", async () => {
    const gateway = await open("gateway")
    const order = anOrder()
    await run(gateway.store.orders.create(order))
    const pid = await postmasterPid()
    const command = await open("command")
    expect(await run(command.store.orders.known(1, order.merchantOrderNo))).toBe(true)
    await command.close()
    expect(await postmasterPid()).toBe(pid)
    await run(gateway.store.status.ping())
    await gateway.close()
    await until("the process to end", () => !isAlive(pid))
  })

  test("starts and stops the server when it is alone", async () => {
    const command = await open("command")
    const pid = await postmasterPid()
    await run(command.store.status.ping())
    await command.close()
    await until("the process to end", () => !isAlive(pid))
  })

  test("keeps its server when the gateway stops first, and stops it at its own end", async () => {
    const gateway = await open("gateway")
    const pid = await postmasterPid()
    const command = await open("command")
    await gateway.close()
    await run(command.store.status.ping())
    await command.close()
    await until("the process to end", () => !isAlive(pid))
  })

  test("four commands at once on an empty folder, each in its own process, do not disturb one another", async () => {
    const commands = Array.from({ length: 4 }, () => launch("command"))
    const said = await Promise.all(
      commands.map(async (command) => {
        await command.says("ready")
        return command.finish()
      })
    )
    expect(said).toEqual(commands.map(() => "ready\nstopped\n"))
    expect(existsSync(join(folder, "postgres", "postmaster.pid"))).toBe(false)
  })

  test("finds a working database each time when commands overlap twenty times", async () => {
    const once = async () => {
      const command = await open("command")
      await run(command.store.status.ping())
      await command.close()
    }
    await once()
    for (let round = 0; round < 5; round += 1) await Promise.all(Array.from({ length: 4 }, once))
    expect(existsSync(join(folder, "postgres", "postmaster.pid"))).toBe(false)
  }, 60_000)
})

import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { type ChildProcess, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { Cause, Effect, Exit, Layer, Redacted, Scope } from "effect"
import { StartRefused } from "../../core/config/start-refused.ts"
import { sqlOf } from "../../tests/harness/postgres.ts"
import { anOrder } from "../../tests/harness/sample-orders.ts"
import { storesOf } from "../../tests/harness/stores.ts"
import { until } from "../../tests/harness/until.ts"
import { migrate } from "../postgres/driver/migrate.ts"
import { run } from "../postgres/fixture.ts"
import { findBinaries } from "./binaries.ts"
import { isAlive, openCluster } from "./cluster.ts"
import { embeddedPostgres, openEmbedded } from "./index.ts"
import { ensureServer, stopServer, tcpPlace } from "./server.ts"
import { urlsOf } from "./usage.ts"

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

/** Where the running server listens. */
const placeNow = async () => {
  const [, , , port, socketFolder = ""] = (await readFile(join(folder, "postgres", "postmaster.pid"), "utf8")).split(
    "\n"
  )
  return { port: Number(port), socketFolder }
}

/** The URLs of the running server. */
const urlsNow = async () => {
  const cluster = await openCluster(await findBinaries(), join(folder, "postgres"))
  const { url, ownerUrl } = urlsOf(cluster, { pid: await postmasterPid(), ...(await placeNow()) })
  return { url: Redacted.value(url), ownerUrl: Redacted.value(ownerUrl) }
}

/** What /proc/PID/status says that a process may do. */
const rightsOf = (status: string) => {
  const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1]?.trim()
  return {
    inheritable: field("CapInh"),
    permitted: field("CapPrm"),
    effective: field("CapEff"),
    ambient: field("CapAmb"),
    noNewPrivileges: field("NoNewPrivs")
  }
}
const NONE = "0000000000000000"
const NO_RIGHTS = { inheritable: NONE, permitted: NONE, effective: NONE, ambient: NONE, noNewPrivileges: "1" }

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
  const urls = await run(openEmbedded({ dataFolder, mode: "gateway" }).pipe(Scope.provide(scope)))
  return {
    url: Redacted.value(urls.url),
    ownerUrl: Redacted.value(urls.ownerUrl),
    close: () => run(Scope.close(scope, Exit.void))
  }
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

  test("the database listens on a socket that only its user reaches, asks for a password, and is durable", async () => {
    const { url, ownerUrl, close } = await openUrl(folder)
    const sql = sqlOf(ownerUrl, { max: 1 })
    const [row] = await sql`
      select current_setting('listen_addresses') as addresses, current_setting('unix_socket_directories') as sockets,
        current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit,
        current_setting('full_page_writes') as pages`
    const cluster = join(folder, "postgres")
    expect({ ...row }).toEqual({ addresses: "", sockets: cluster, fsync: "on", commit: "on", pages: "on" })
    await sql.end()
    for (const each of [url, ownerUrl]) {
      const stranger = sqlOf(each.replace(/:[^:@]+@/, ":wrong@"), { max: 1 })
      expect(await stranger`select 1`.catch((cause: { code?: string }) => cause.code)).toBe("28P01")
      await stranger.end()
    }
    expect((await stat(cluster)).mode & 0o777).toBe(0o700)
    expect((await stat(join(cluster, "payhub.password"))).mode & 0o777).toBe(0o600)
    expect((await stat(folder)).mode & 0o066).toBe(0)
    await close()
  })

  test("the gateway's login is a member of nothing, and may neither rewrite what happened nor read files", async () => {
    const gateway = await open("gateway")
    const { url } = await urlsNow()
    const sql = sqlOf(url, { max: 1, onnotice: () => {} })
    const [row] = await sql`
      select rolname as name, rolsuper as super, rolcreaterole as creates, (select count(*)::int from pg_auth_members
        where member = r.oid) as memberships from pg_roles r where rolname = session_user`
    expect({ ...row }).toEqual({ name: "payhub_gateway", super: false, creates: false, memberships: 0 })
    for (const statement of [
      "reset role; delete from events",
      "set role payhub",
      "set session authorization payhub",
      "create table mine (n int)",
      "copy (select 1) to program 'true'",
      "select pg_read_file('payhub.password')"
    ]) {
      const code = await sql.unsafe(statement).catch((cause: { code?: string }) => cause.code)
      expect([statement, code]).toEqual([statement, "42501"])
    }
    await sql.end()
    await gateway.close()
  })

  test.skipIf(process.platform !== "linux")("its processes have no capabilities and cannot get any", async () => {
    const { close } = await openUrl(folder)
    const postmaster = await postmasterPid()
    const children = await readFile(`/proc/${postmaster}/task/${postmaster}/children`, "utf8")
    for (const pid of [postmaster, ...children.trim().split(" ")]) {
      expect(rightsOf(await readFile(`/proc/${pid}/status`, "utf8"))).toEqual(NO_RIGHTS)
    }
    await close()
  })

  test.skipIf(process.getuid?.() !== 0)(
    "another user of the machine cannot connect, not even to use up its connections",
    async () => {
      const { close } = await openUrl(folder)
      await chmod(base, 0o755)
      const socket = join(folder, "postgres", ".s.PGSQL.5432")
      const script = `require("net").connect(${JSON.stringify(socket)}).on("error", (e) => console.log(e.code)).on("connect", () => { console.log("connected"); process.exit() })`
      const [program, uid] = ["/usr/bin/setpriv", "--reuid=61234"]
      const child = spawn(program, [uid, "--regid=61234", "--clear-groups", "node", "-e", script], { cwd: "/" })
      let said = ""
      for (const stream of [child.stdout, child.stderr])
        stream.on("data", (chunk: Buffer) => (said += chunk.toString()))
      await new Promise((resolve) => child.on("close", resolve))
      expect(said.trim()).toBe("EACCES")
      await close()
    }
  )

  test("a data folder with a long name has its socket in a closed folder elsewhere, which goes with the server", async () => {
    folder = join(base, "x".repeat(120))
    const gateway = await open("gateway")
    const command = await open("command")
    const { socketFolder } = await placeNow()
    expect((await stat(socketFolder)).mode & 0o777).toBe(0o700)
    await run(command.store.status.ping())
    await command.close()
    await gateway.close()
    expect(existsSync(socketFolder)).toBe(false)
  })

  test("a folder of an earlier version is upgraded at the next start, even if its server still runs on TCP", async () => {
    const cluster = await openCluster(await findBinaries(), join(folder, "postgres"), true)
    const options = { logFile: join(folder, "postgres.log"), place: await tcpPlace() }
    const server = await ensureServer(await findBinaries(), cluster, options)
    const old = sqlOf(Redacted.value(urlsOf(cluster, server).ownerUrl), { max: 1, onnotice: () => {} })
    await migrate(old, async () => {})
    await old`insert into merchants (app_id, name, mode) values ('kept', 'Shop', 'live')`
    await old.end()
    const gateway = await open("gateway")
    expect(isAlive(server.pid)).toBe(false)
    expect((await placeNow()).socketFolder).toBe(join(folder, "postgres"))
    expect((await run(gateway.store.merchants.list()))[0]).toMatchObject({ name: "Shop" })
    await gateway.close()
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
    // Alive, of the server's user, and not a PostgreSQL.
    const { uid, gid } = await stat(join(folder, "postgres"))
    const other = spawn("sleep", ["60"], process.getuid?.() === 0 ? { uid, gid } : {})
    children.push(other)
    for (const name of ["postmaster.pid", ".s.PGSQL.5432.lock"]) {
      const path = join(folder, "postgres", name)
      await writeFile(
        path,
        (name === "postmaster.pid" ? left : await readFile(path, "utf8")).replace(/^\d+/, String(other.pid))
      )
    }
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
    const { ownerUrl, close } = await openUrl(copy)
    const sql = sqlOf(ownerUrl, { max: 1 })
    const [row] = await sql`select current_setting('data_directory') as folder`
    expect(row?.folder).toBe(join(copy, "postgres"))
    await sql.end()
    await close()
    await run(original.store.status.ping())
    await original.close()
  })

  test("a database that a newer PayHub migrated is refused with the folder's name", async () => {
    const { ownerUrl, close } = await openUrl(folder)
    const { persistence } = embeddedPostgres({ dataFolder: folder, mode: "command" })
    if (persistence === undefined) throw new Error("no persistence")
    await Effect.runPromise(Effect.scoped(Layer.build(persistence)))
    const sql = sqlOf(ownerUrl, { max: 1 })
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
    const sql = sqlOf(Redacted.value(urlsOf(cluster, server).ownerUrl), { max: 1 })
    expect(await sql`select 1 as n`).toMatchObject([{ n: 1 }])
    expect(rightsOf(await readFile(`/proc/${server.pid}/status`, "utf8"))).toMatchObject(NO_RIGHTS)
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

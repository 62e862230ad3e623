import { spawn, spawnSync } from "node:child_process"
import { chmod, mkdtemp, readFile, rm, symlink } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import process from "node:process"
import postgres from "postgres"
import { findBinaries } from "../../plugins/embedded-postgres/binaries.ts"
import { type Cluster, openCluster, SUPERUSER } from "../../plugins/embedded-postgres/cluster.ts"
import { ensureServer, type Place, type Server, stopServer, tcpPlace } from "../../plugins/embedded-postgres/server.ts"
import { migrate } from "../../plugins/postgres/driver/migrate.ts"

/** A temporary PostgreSQL on a free port, with a migrated template from which databases are cloned. */
export interface PostgresService {
  /** The URL of an empty, unmigrated database of the server. */
  readonly url: string
  /** Creates a database, migrated unless told otherwise, and returns its URL. Takes about 20 ms. */
  readonly createDatabase: (options?: { readonly migrated?: boolean }) => Promise<string>
  /** Stops the server. `resume` starts it again on the same port. */
  readonly pause: () => Promise<void>
  readonly resume: () => Promise<void>
  /** Stops the server's processes (SIGSTOP) until `thaw`: connections stay open and nothing answers. */
  readonly freeze: () => Promise<void>
  readonly thaw: () => Promise<void>
  /** The process id of the postmaster. */
  readonly pid: () => number
  /** Stops the server and removes its folder. */
  readonly stop: () => Promise<void>
}

const TEMPLATE = "payhub_template"

export interface PostgresServiceOptions {
  /** Leaves fsync on, for tests that kill the server or measure it. */
  readonly durable?: boolean
  /** Folders for its data and for its log (pg_wal), instead of the system's temporary folder. */
  readonly dataDisk?: string
  readonly walDisk?: string
  /** Override the harness's own server settings. */
  readonly settings?: Readonly<Record<string, string>>
}

export const startPostgres = async (options: PostgresServiceOptions = {}): Promise<PostgresService> => {
  const folder = await mkdtemp(join(options.dataDisk ?? tmpdir(), "payhub-test-postgres-"))
  await chmod(folder, 0o711)
  const binaries = await findBinaries()
  const cluster = await openCluster(binaries, join(folder, "postgres"), true)
  if (options.walDisk !== undefined) await moveWal(cluster, options.walDisk)
  const speed: Record<string, string> =
    options.durable === true ? {} : { fsync: "off", synchronous_commit: "off", full_page_writes: "off" }
  const start = (place: Place): Promise<Server> =>
    ensureServer(binaries, cluster, {
      logFile: join(folder, "postgres.log"),
      settings: { max_connections: "200", ...speed, ...options.settings },
      place
    })
  let server = await start(await tcpPlace())
  let watchdog = watch(server.pid, folder)
  const admin = postgres(urlOf(cluster, server.port, "postgres"), { max: 1, onnotice: () => {} })
  await admin`create database ${admin(TEMPLATE)}`
  const template = postgres(urlOf(cluster, server.port, TEMPLATE), { max: 1 })
  await migrate(template, async () => {})
  await template.end()
  let databases = 0
  return {
    url: urlOf(cluster, server.port, "postgres"),
    createDatabase: async ({ migrated = true } = {}) => {
      databases += 1
      const name = `test_${databases}`
      await admin`create database ${admin(name)} template ${admin(migrated ? TEMPLATE : "template1")}`
      return urlOf(cluster, server.port, name)
    },
    pause: async () => {
      process.kill(watchdog, "SIGKILL")
      await stopServer(cluster, server)
    },
    resume: async () => {
      server = await start(server)
      watchdog = watch(server.pid, folder)
    },
    freeze: async () => signalAll(server.pid, "SIGSTOP"),
    thaw: async () => signalAll(server.pid, "SIGCONT"),
    pid: () => server.pid,
    stop: async () => {
      await admin.end({ timeout: 1 })
      await stopServer(cluster, server)
      await rm(folder, { recursive: true, force: true })
    }
  }
}

/** postgres.js on a URL that may name a Unix socket as libpq does: `postgres://user:password@%2Ffolder:5432/database`. */
export const sqlOf = (url: string, options: postgres.Options<Record<string, never>> = {}): postgres.Sql => {
  const { hostname, port, username, password, pathname } = new URL(url)
  if (!/^%2f/i.test(hostname)) return postgres(url, options)
  const host = decodeURIComponent(hostname)
  return postgres({ ...options, host, port: Number(port), username, password, database: pathname.slice(1) })
}

let shared: Promise<PostgresService> | undefined

/** The one server of this test process. It ends with the process, however that ends. */
export const sharedPostgres = (): Promise<PostgresService> => {
  shared ??= startPostgres()
  return shared
}

const urlOf = (cluster: Cluster, port: number, database: string): string =>
  `postgres://${SUPERUSER}:${cluster.password}@127.0.0.1:${port}/${database}`

/** Moves a stopped server's log to another disk, as an operator does: the files keep their owner. */
const moveWal = async (cluster: Cluster, disk: string): Promise<void> => {
  const wal = join(cluster.folder, "pg_wal")
  const target = join(disk, "pg_wal")
  const { status, stderr } = spawnSync("mv", [wal, target], { encoding: "utf8" })
  if (status !== 0) throw new Error(`pg_wal could not be moved: ${stderr}`)
  await symlink(target, wal)
}

/** Signals a server and its backends. Linux only. */
const signalAll = async (pid: number, signal: NodeJS.Signals): Promise<void> => {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8")
  for (const one of [pid, ...children.trim().split(" ").map(Number)]) {
    try {
      process.kill(one, signal)
    } catch (cause) {
      // A backend may end before its signal is sent.
      if ((cause as { readonly code?: string }).code !== "ESRCH") throw cause
    }
  }
}

/** Starts a process that outlives a killed test run until it has ended the server and removed its folder. */
const watch = (serverPid: number, folder: string): number => {
  const script = `
    while kill -0 ${process.pid} 2>/dev/null && kill -0 ${serverPid} 2>/dev/null; do sleep 0.5; done
    kill -QUIT ${serverPid} 2>/dev/null
    for i in 1 2 3 4 5 6 7 8 9 10; do kill -0 ${serverPid} 2>/dev/null || break; sleep 0.3; done
    kill -0 ${process.pid} 2>/dev/null || rm -rf "$0"`
  const child = spawn("/bin/sh", ["-c", script, folder], { detached: true, stdio: "ignore", cwd: "/" })
  child.unref()
  return child.pid ?? 0
}

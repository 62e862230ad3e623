import { spawn } from "node:child_process"
import {
  chown,
  mkdir,
  mkdtemp,
  open,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  rmdir,
  stat,
  writeFile
} from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import process from "node:process"
import { setTimeout as sleep } from "node:timers/promises"
import type { Binaries } from "./binaries.ts"
import { type Cluster, cleanEnvironment, isAlive } from "./cluster.ts"
import { launchAs } from "./owner.ts"

/** Where a server listens: on a Unix socket, or on 127.0.0.1. */
export interface Place {
  /** The folder of the socket, which only the server's user enters; null = TCP. */
  readonly socketFolder: string | null
  /** Of TCP, and the number in the socket's name. */
  readonly port: number
}

/** A PostgreSQL server that accepts connections. */
export interface Server extends Place {
  readonly pid: number
}

interface ServerOptions {
  readonly logFile: string
  /** Where it listens if it has to be started; absent = on a socket where the platform has them. */
  readonly place?: Place
  /** Added to SETTINGS, and stronger. */
  readonly settings?: Readonly<Record<string, string>>
}

/** A crash recovery may have to replay minutes of log. */
const READY_MAX_MS = 300_000
const STOP_MAX_MS = 30_000
const POLL_MS = 10
const LOG_BYTES_MAX = 5_000_000

/** For a small machine and a quick start. Every setting that makes commits durable keeps PostgreSQL's default. */
const SETTINGS: Readonly<Record<string, string>> = {
  unix_socket_permissions: "0700",
  max_connections: "60",
  shared_buffers: "64MB",
  wal_level: "minimal",
  max_wal_senders: "0",
  max_wal_size: "1GB",
  checkpoint_timeout: "15min",
  // A database of this size has no use for helper processes.
  io_method: "sync",
  max_worker_processes: "2",
  max_parallel_workers: "0",
  max_parallel_workers_per_gather: "0",
  max_logical_replication_workers: "0",
  autovacuum_max_workers: "1",
  jit: "off",
  // Keeps row values and statements out of the log.
  log_min_messages: "warning",
  log_error_verbosity: "terse",
  log_min_error_statement: "panic",
  timezone: "UTC",
  log_timezone: "UTC"
}

/**
 * The server of a cluster: the one that is running (another command's, or one that a killed gateway left), else a new
 * one. Of two processes that start one at once PostgreSQL lets one win, and the other finds the winner's. Rejects when
 * PostgreSQL does not start in five attempts, or is not ready within five minutes.
 */
export const ensureServer = async (binaries: Binaries, cluster: Cluster, options: ServerOptions): Promise<Server> => {
  const deadline = Date.now() + READY_MAX_MS
  let starts = 0
  while (Date.now() < deadline) {
    const found = await readPostmaster(cluster)
    if (found?.alive === true) {
      if (found.status === "ready") return found
      await sleep(POLL_MS)
      continue
    }
    if (found !== null && isAlive(found.pid)) await disownPid(cluster, found)
    starts += 1
    const started = await startServer(binaries, cluster, options)
    if (started !== null) return started
    // It ended at once: its port was taken in the meantime, or another process started the server first.
    if (starts >= 5) throw new Error(`PostgreSQL did not start; the reason is at the end of ${options.logFile}`)
    await sleep(100)
  }
  throw new Error(`PostgreSQL was not ready within ${READY_MAX_MS / 1000} s; see ${options.logFile}`)
}

const startServer = async (binaries: Binaries, cluster: Cluster, options: ServerOptions): Promise<Server | null> => {
  const place = options.place ?? (await choosePlace(cluster))
  const { socketFolder, port } = place
  const args = ["-D", cluster.folder, "-p", String(port)]
  const listen = {
    listen_addresses: socketFolder === null ? "127.0.0.1" : "",
    unix_socket_directories: socketFolder ?? ""
  }
  for (const [name, value] of Object.entries({ ...SETTINGS, ...listen, ...options.settings }))
    args.push("-c", `${name}=${value}`)
  const launch = await launchAs(cluster.owner, binaries.postgres, args, cluster.folder)
  const log = await openLog(options.logFile)
  let ended = false
  try {
    // Detached, so that Ctrl-C in the terminal reaches only the gateway, which stops the database after its own work.
    const child = spawn(launch.program, launch.args, {
      ...launch.options,
      cwd: "/",
      detached: true,
      env: cleanEnvironment(),
      stdio: ["ignore", log.fd, log.fd]
    })
    child.on("exit", () => {
      ended = true
    })
    child.on("error", () => {
      ended = true
    })
    child.unref()
    const deadline = Date.now() + READY_MAX_MS
    while (!ended && Date.now() < deadline) {
      const found = await readPostmaster(cluster)
      const here = found?.port === port && found.socketFolder === socketFolder
      if (found?.alive === true && here && found.status === "ready") return found
      await sleep(POLL_MS)
    }
    return null
  } finally {
    await log.close()
  }
}

/** Fast shutdown: connections end, everything is written. Resolves when the server is gone, after 40 s at most. */
export const stopServer = async (cluster: Cluster, server: Server): Promise<void> => {
  const gone = async (): Promise<boolean> => {
    const found = await readPostmaster(cluster)
    return found === null || found.pid !== server.pid || !isAlive(server.pid)
  }
  for (const [signal, waitMs] of [
    ["SIGINT", STOP_MAX_MS],
    // Skips the last checkpoint; the next start replays the log.
    ["SIGQUIT", 5_000],
    ["SIGKILL", 5_000]
  ] as const) {
    try {
      process.kill(server.pid, signal)
    } catch {
      return
    }
    const deadline = Date.now() + waitMs
    while (Date.now() < deadline) {
      if (await gone()) {
        // Only an empty folder goes, so never the cluster's.
        if (server.socketFolder !== null) await rmdir(server.socketFolder).catch(() => undefined)
        return
      }
      await sleep(POLL_MS)
    }
  }
}

interface Postmaster extends Server {
  /** PostgreSQL's own words: starting, ready, stopping … */
  readonly status: string
  /** Whether that pid is a PostgreSQL on this folder, and not another program that was given the pid since. */
  readonly alive: boolean
  readonly lines: ReadonlyArray<string>
}

/** What postmaster.pid says; null = no server, or one that has not written its pid yet. */
const readPostmaster = async (cluster: Cluster): Promise<Postmaster | null> => {
  const text = await readFile(join(cluster.folder, "postmaster.pid"), "utf8").catch(() => "")
  const lines = text.split("\n")
  const pid = Math.abs(Number(lines[0]))
  if (!Number.isInteger(pid) || pid === 0) return null
  const alive = isAlive(pid) && (await worksIn(pid, cluster.folder))
  const [, , , port, folder = ""] = lines
  const socketFolder = folder.trim() === "" ? null : folder.trim()
  return { pid, port: Number(port ?? 0), socketFolder, status: (lines[7] ?? "starting").trim(), alive, lines }
}

// A postmaster's working directory is its data folder, even after that was moved. Only Linux tells.
const worksIn = async (pid: number, folder: string): Promise<boolean> => {
  if (process.platform !== "linux") return true
  const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => "")
  return cwd === (await realpath(folder))
}

/**
 * After a crash of the machine another program may have the pid in postmaster.pid, and PostgreSQL would refuse to start
 * for ever. A pid that no process has lets it start and keeps its check for orphaned backends.
 */
const disownPid = async (cluster: Cluster, found: Postmaster): Promise<void> => {
  let unused = 4_194_303
  while (isAlive(unused)) unused -= 1
  await writeFile(join(cluster.folder, "postmaster.pid"), [unused, ...found.lines.slice(1)].join("\n"))
  // The socket's lock holds the same pid.
  await rm(join(cluster.folder, `${SOCKET}.lock`), { force: true })
}

const openLog = async (path: string) => {
  await mkdir(dirname(path), { recursive: true })
  const size = await stat(path).then(
    (found) => found.size,
    () => 0
  )
  if (size > LOG_BYTES_MAX) await rename(path, `${path}.1`)
  return open(path, "a", 0o600)
}

const SOCKET_PORT = 5432
const SOCKET = `.s.PGSQL.${SOCKET_PORT}`
/** Bytes of a socket's path, without the zero at its end, that macOS takes; Linux takes 107. */
const SOCKET_PATH_MAX = 103

/** Whether a socket may be in `folder`: its path is short, and nobody has to quote or encode it. */
const takesSocket = (folder: string): boolean =>
  /^\/[\w./-]*$/.test(folder) && join(folder, SOCKET).length <= SOCKET_PATH_MAX

/**
 * A socket in the cluster's own folder, which PostgreSQL keeps closed to everyone else; where the folder's name is too
 * long or odd, in a new folder (0700) among the temporary ones.
 */
const choosePlace = async (cluster: Cluster): Promise<Place> => {
  if (process.platform === "win32") return tcpPlace()
  if (takesSocket(cluster.folder)) return { socketFolder: cluster.folder, port: SOCKET_PORT }
  const temporary = await realpath(tmpdir())
  const socketFolder = await mkdtemp(
    join(takesSocket(join(temporary, "payhub-123456")) ? temporary : "/tmp", "payhub-")
  )
  if (cluster.owner !== null) await chown(socketFolder, cluster.owner.uid, cluster.owner.gid)
  return { socketFolder, port: SOCKET_PORT }
}

/** A free port on 127.0.0.1. */
export const tcpPlace = async (): Promise<Place> => ({ socketFolder: null, port: await freePort() })

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer()
    probe.on("error", reject)
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0))
    })
  })

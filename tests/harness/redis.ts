import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createClient } from "redis"
import { until } from "./until.ts"

/** A temporary Redis on the loopback. `stop` removes its folder. */
export interface RedisServer {
  readonly url: string
  readonly port: number
  /** The redis-server's process id, for SIGSTOP and SIGCONT. Changes with `restart`. */
  readonly pid: number
  /** Ends the server and removes its folder. */
  readonly stop: () => Promise<void>
  /** Kills the server as a crash does. The port is free until `restart`. */
  readonly kill: () => Promise<void>
  /** Starts an empty server on the same port, killing the old one where it still runs. */
  readonly restart: () => Promise<void>
  /** Runs one command on a connection of its own. */
  readonly command: (...words: ReadonlyArray<string>) => Promise<unknown>
}

export interface RedisServerOptions {
  readonly password?: string
  /** More arguments for redis-server, such as ["--maxmemory", "2mb"]. */
  readonly args?: ReadonlyArray<string>
}

export const redisAvailable = (): boolean => spawnSync("redis-server", ["--version"]).status === 0

/** For requireTool. */
export const REDIS_HOW = "apt install redis-server"

const START_TRIES = 5

export const startRedis = async (options: RedisServerOptions = {}): Promise<RedisServer> => {
  const password = options.password === undefined ? [] : ["--requirepass", options.password]
  const login = options.password === undefined ? "" : `:${encodeURIComponent(options.password)}@`
  return startServer((port) => ["--port", String(port), ...password, ...(options.args ?? [])], login)
}

export interface RedisCluster {
  /** redis+cluster://… with all three masters. */
  readonly url: string
  readonly masters: ReadonlyArray<RedisServer>
  readonly stop: () => Promise<void>
}

/** Starts three masters that share the slots, without replicas. */
export const startRedisCluster = async (): Promise<RedisCluster> => {
  const masters = await Promise.all(
    [0, 1, 2].map(() =>
      startServer((port) => ["--port", String(port), "--cluster-enabled", "yes", "--cluster-node-timeout", "2000"])
    )
  )
  const [first] = masters as [RedisServer]
  const stop = async () => void (await Promise.all(masters.map((master) => master.stop())))
  try {
    const share = Math.ceil(16_384 / masters.length)
    for (const [index, master] of masters.entries()) {
      const from = index * share
      const slots = Array.from({ length: Math.min(share, 16_384 - from) }, (_, i) => String(from + i))
      await master.command("CLUSTER", "ADDSLOTS", ...slots)
      if (master !== first) await master.command("CLUSTER", "MEET", "127.0.0.1", String(first.port))
    }
    await until("the cluster's nodes to agree", async () => {
      const infos = await Promise.all(masters.map((master) => master.command("CLUSTER", "INFO")))
      return infos.every((info) => /cluster_state:ok[\s\S]*cluster_known_nodes:3/.test(String(info)))
    })
  } catch (error) {
    await stop()
    throw error
  }
  return { url: `redis+cluster://${masters.map(({ port }) => `127.0.0.1:${port}`).join(",")}`, masters, stop }
}

export interface RedisSentinel {
  /** redis+sentinel://…/payhub */
  readonly url: string
  readonly master: RedisServer
  readonly replica: RedisServer
  readonly stop: () => Promise<void>
}

/** Starts a master named `payhub`, its replica, and a sentinel that promotes the replica once the master is gone for 1 s. */
export const startRedisSentinel = async (): Promise<RedisSentinel> => {
  const master = await startRedis({ args: ["--repl-diskless-sync-delay", "0"] })
  const replica = await startRedis({
    args: ["--replicaof", "127.0.0.1", String(master.port), "--repl-diskless-sync-delay", "0"]
  })
  await until("the replica to follow", async () =>
    /master_link_status:up/.test(String(await replica.command("INFO", "replication")))
  )
  const sentinel = await startServer(async (port, folder) => {
    const file = join(folder, "sentinel.conf")
    const settings = `port ${port}\ndir ${folder}\nsentinel monitor payhub 127.0.0.1 ${master.port} 1\nsentinel down-after-milliseconds payhub 1000\nsentinel failover-timeout payhub 5000\n`
    await writeFile(file, settings)
    return [file, "--sentinel"]
  })
  await until("the sentinel to know the replica", async () =>
    String(await sentinel.command("SENTINEL", "REPLICAS", "payhub")).includes(`127.0.0.1:${replica.port}`)
  )
  return {
    url: `redis+sentinel://127.0.0.1:${sentinel.port}/payhub`,
    master,
    replica,
    stop: async () => void (await Promise.all([sentinel, replica, master].map((server) => server.stop())))
  }
}

type Arguments = (port: number, folder: string) => ReadonlyArray<string> | Promise<ReadonlyArray<string>>

const startServer = async (argumentsFor: Arguments, login = ""): Promise<RedisServer> => {
  const folder = await mkdtemp(join(tmpdir(), "payhub-redis-"))
  let running: Running | undefined
  let port = 0
  for (let tries = 1; running === undefined; tries++) {
    port = await freePort()
    try {
      running = await run(await argumentsFor(port, folder), folder, port)
    } catch (error) {
      // Another program may have taken the port meanwhile.
      if (tries === START_TRIES) {
        await rm(folder, { recursive: true, force: true })
        throw error
      }
    }
  }
  let server: Running = running
  const url = `redis://${login}127.0.0.1:${port}`
  return {
    url,
    port,
    get pid() {
      return server.pid
    },
    stop: async () => {
      await server.end()
      await rm(folder, { recursive: true, force: true })
    },
    kill: () => server.end(),
    restart: async () => {
      await server.end()
      server = await run(await argumentsFor(port, folder), folder, port)
    },
    command: (...words) => oneCommand(url, words)
  }
}

interface Running {
  readonly pid: number
  readonly end: () => Promise<void>
}

/**
 * A shell between this process and redis-server. It reads from a pipe and kills redis-server when the pipe closes, which
 * happens also when this process is killed.
 */
const LEASH = `
redis-server "$@" </dev/null >server.log 2>&1 &
trap 'kill -9 $!; exit' INT TERM HUP
echo $!
read -r _
kill -9 $!
wait
`

const run = async (args: ReadonlyArray<string>, folder: string, port: number): Promise<Running> => {
  const settings = ["--bind", "127.0.0.1", "--dir", folder, "--save", "", "--daemonize", "no"]
  const words = args.includes("--sentinel") ? args : [...settings, ...args]
  const shell: ChildProcess = spawn("sh", ["-c", LEASH, "redis", ...words], {
    cwd: folder,
    stdio: ["pipe", "pipe", "ignore"]
  })
  const gone = new Promise<void>((resolve) => shell.once("exit", () => resolve()))
  const pid = Number(
    await new Promise<string>((resolve) => shell.stdout?.once("data", (data) => resolve(String(data))))
  )
  const end = async () => {
    shell.stdin?.end()
    await gone
    await until(`port ${port} to be free`, () => !isAlive(pid))
  }
  try {
    await until(`redis-server on port ${port}`, async () => {
      if (!isAlive(pid)) throw new Error(`redis-server did not start on port ${port} (see ${folder}/server.log)`)
      return oneCommand(`redis://127.0.0.1:${port}`, ["PING"]).then(
        () => true,
        (error: unknown) => /NOAUTH|WRONGPASS/.test(String(error))
      )
    })
  } catch (error) {
    await end()
    throw error
  }
  return { pid, end }
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const oneCommand = async (url: string, words: ReadonlyArray<string>): Promise<unknown> => {
  const client = createClient({ url, RESP: 2, socket: { reconnectStrategy: false, connectTimeout: 1_000 } })
  client.on("error", () => {})
  try {
    await client.connect()
    return await client.sendCommand([...words])
  } finally {
    client.destroy()
  }
}

/** A free port from 20,000 to 54,999 whose bus port, 10,000 above, is free too: a cluster node uses both. */
const freePort = async (): Promise<number> => {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 35_000)
    if ((await isFree(port)) && (await isFree(port + 10_000))) return port
  }
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once("error", () => resolve(false))
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)))
  })

import { spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { existsSync } from "node:fs"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import postgres from "postgres"
import type * as GatewayHarnessModule from "../harness/gateway.ts"
import type { Gateway, Runtime } from "../harness/gateway.ts"
import type { MerchantCredentials } from "../harness/merchant-client.ts"
import { type PostgresService, startPostgres } from "../harness/postgres.ts"
import { ended, endsWithUs } from "../harness/reaper.ts"
import { type RedisServer, redisAvailable, startRedis } from "../harness/redis.ts"

/** Every setting of the gateways that a benchmark changes. */
const GATEWAY_ENV = {
  PAYHUB_THROTTLE: "off",
  // A week: otherwise each gateway soon asks the channel about every order that the others have placed.
  PAYHUB_RECONCILE_SCHEDULE: "604800"
}

/** The settings that the figures depend on, read from the running server. */
const SETTINGS_SHOWN = [
  "server_version",
  "fsync",
  "synchronous_commit",
  "full_page_writes",
  "wal_sync_method",
  "wal_level",
  "shared_buffers",
  "max_connections"
]

export type Store = "memory" | "redis"

type GatewayHarness = typeof GatewayHarnessModule

/** This checkout. */
const HERE = resolve(import.meta.dirname, "../..")

/** A checkout's gateway harness; checkouts of before it moved have it in tests/services. */
const harnessOf = (checkout: string): string => {
  const path = join(checkout, "tests/harness/gateway.ts")
  return existsSync(path) ? path : join(checkout, "tests/services/gateway.ts")
}

export interface RunningGateway {
  readonly gateway: Gateway
  readonly runtime: Runtime
  readonly store: Store
  readonly workers: number
  readonly checkout: string | undefined
}

/** PostgreSQL, Redis and a folder; `stop` ends and removes all of it. */
export interface Rig {
  readonly postgres: PostgresService
  /** undefined = no redis-server on PATH. */
  readonly redis: RedisServer | undefined
  readonly settings: Readonly<Record<string, string>>
  readonly folder: string
  /** Makes a database with a merchant and an account, and the means to start gateways on it. */
  readonly newDatabase: () => Promise<BenchDatabase>
  readonly stop: () => Promise<void>
}

export interface BenchDatabase {
  readonly rig: Rig
  readonly databaseUrl: string
  /** For statements of the benchmark's own, outside the measured time. */
  readonly sql: postgres.Sql
  /** Starts a gateway; the first one creates the merchant and the account. */
  readonly start: (options: GatewayChoice) => Promise<RunningGateway>
  readonly merchant: () => MerchantCredentials
  readonly merchantId: () => number
  /** The bench channel's account and its key. */
  readonly account: () => { readonly id: string; readonly key: string }
}

export interface GatewayChoice {
  readonly runtime: Runtime
  readonly store: Store
  readonly workers?: number
  readonly env?: Readonly<Record<string, string>>
  /** Another checkout of PayHub to start instead of this one. */
  readonly checkout?: string
}

export const startRig = async (): Promise<Rig> => {
  // pgbench takes one connection for each of its 256 clients, each gateway takes ten.
  const server = await startPostgres({ durable: true, settings: { max_connections: "400" } })
  const redis = redisAvailable() ? await startRedis() : undefined
  const folder = await mkdtemp(join(tmpdir(), "payhub-bench-"))
  const gateways: Array<Gateway> = []
  const connections: Array<postgres.Sql> = []
  const connect = (url: string): postgres.Sql => {
    const sql = postgres(url, { max: 2, onnotice: () => {} })
    connections.push(sql)
    return sql
  }

  const rig: Rig = {
    postgres: server,
    redis,
    settings: await settingsOf(connect(server.url)),
    folder,
    newDatabase: async () => {
      // The gateway migrates it: another checkout may be older than this one.
      const databaseUrl = await server.createDatabase({ migrated: false })
      const sql = connect(databaseUrl)
      const masterKey = randomBytes(32).toString("base64")
      let identity: Identity | undefined
      const known = (): Identity => {
        if (identity === undefined) throw new Error("no gateway has been started yet")
        return identity
      }
      return {
        rig,
        databaseUrl,
        sql,
        merchant: () => known().merchant,
        merchantId: () => known().merchantId,
        account: () => known().account,
        start: async ({ runtime, store, workers = 1, env = {}, checkout = HERE }) => {
          if (store === "redis" && redis === undefined) throw new Error("redis-server is not on PATH")
          const { startGateway } = (await import(harnessOf(checkout))) as GatewayHarness
          const gateway = await startGateway({
            runtime,
            databaseUrl,
            workers,
            env: {
              ...GATEWAY_ENV,
              NODE_ENV: "production",
              PAYHUB_MASTER_KEY: masterKey,
              PAYHUB_CHANNELS: join(checkout, "tests/bench/channel"),
              REDIS_URL: store === "redis" ? (redis?.url ?? "") : "",
              ...env
            }
          })
          gateways.push(gateway)
          identity ??= await makeIdentity(gateway, sql, folder)
          return { gateway, runtime, store, workers, checkout: checkout === HERE ? undefined : checkout }
        }
      }
    },
    stop: async () => {
      await Promise.all(gateways.map((gateway) => gateway.stop()))
      await Promise.all(connections.map((sql) => sql.end({ timeout: 1 })))
      await redis?.stop()
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    }
  }
  return rig
}

interface Identity {
  readonly merchant: MerchantCredentials
  readonly merchantId: number
  readonly account: { readonly id: string; readonly key: string }
}

/** Creates a live merchant and an account at the bench channel by the operator's commands. */
const makeIdentity = async (gateway: Gateway, sql: postgres.Sql, folder: string): Promise<Identity> => {
  const key = randomBytes(16).toString("hex")
  const file = join(folder, "account.json")
  await writeFile(file, JSON.stringify({ key }))
  const added = await gateway.command([
    "channel",
    "add",
    "bench",
    "--name",
    "bench",
    "--account",
    file,
    "--fee-rate-bp",
    "60"
  ])
  const client = await gateway.merchant({ name: "bench", test: false, throttle: "off" })
  const [row] = await sql<Array<{ id: number }>>`select id::int from merchants where app_id = ${client.appId}`
  return {
    merchant: { app_id: client.appId, app_secret: client.secret },
    merchantId: row?.id ?? 0,
    account: { id: String(added.id), key }
  }
}

const settingsOf = async (sql: postgres.Sql): Promise<Readonly<Record<string, string>>> => {
  const settings: Record<string, string> = {}
  for (const name of SETTINGS_SHOWN) {
    const [row] = await sql.unsafe<Array<Record<string, string>>>(`show ${name}`)
    settings[name] = Object.values(row ?? {})[0] ?? ""
  }
  if (settings.fsync !== "on" || settings.synchronous_commit !== "on") throw new Error("PostgreSQL is not durable")
  return settings
}

/** Starts a program of this folder that prints its URL and serves until `stop`. */
export const startProgram = async (
  file: string,
  args: ReadonlyArray<string> = []
): Promise<{ readonly url: string; readonly pid: number; readonly stop: () => Promise<void> }> => {
  const child = spawn(process.execPath, [join(import.meta.dirname, file), ...args], {
    stdio: ["ignore", "pipe", "inherit"]
  })
  const pid = child.pid ?? 0
  endsWithUs(pid)
  const gone = new Promise<void>((done) => child.once("exit", () => done()))
  const url = await new Promise<string>((done, fail) => {
    child.stdout?.once("data", (chunk: Buffer) => done(chunk.toString("utf8").trim()))
    child.once("exit", (code) => fail(new Error(`${file} ended with ${code}`)))
  })
  return {
    url,
    pid,
    stop: async () => {
      child.kill("SIGTERM")
      await gone
      ended(pid)
    }
  }
}

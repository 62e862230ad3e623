import process from "node:process"
import { Effect, Exit, Redacted, Scope } from "effect"
import type { AnyProvider } from "../../cashier/opened-account.ts"
import type { GatewayConfig } from "../../config/gateway-config.ts"
import { StartRefused } from "../../config/start-refused.ts"
import { LogWriter } from "../../observe/log-writer.ts"
import { exposition } from "../../observe/metrics.ts"
import { figuresOfAll, type WorkerPlace } from "../../observe/worker-figures.ts"
import { runtimeCommand, runtimeName } from "../../runtime.ts"
import { createGateway, type Gateway } from "../gateway.ts"
import type { Plugin } from "../plugin.ts"
import { forgetGateway, noteGateway } from "../running-gateway.ts"
import { openPipe } from "./pipe.ts"
import { isPortFree, startProcesses, WORKER_VARIABLE } from "./supervisor.ts"
import { launcherGone, nextSignal } from "./told-to-stop.ts"

/** What payhub.ts knows and core may not: which plugins and channels there are. */
export interface House {
  /** @param maxConnections most connections of this process to the database; absent = the plugin's own limit */
  readonly plugins: (
    config: GatewayConfig,
    mode: "gateway" | "command",
    maxConnections?: number
  ) => ReadonlyArray<Plugin>
  readonly channels: (config: GatewayConfig) => Promise<ReadonlyArray<AnyProvider>>
  /** Starts the embedded database for several processes; it ends with the scope. */
  readonly embeddedUrls: (
    config: GatewayConfig
  ) => Effect.Effect<Record<"url" | "ownerUrl", Redacted.Redacted<string>>, StartRefused, Scope.Scope>
  /** The program's file, which every process runs. */
  readonly entry: string
}

/** `payhub start`: serves in `processes` processes until it is told to stop, and returns the exit code. */
export const startGateway = async (house: House, config: GatewayConfig, processes: number): Promise<number> => {
  try {
    if (processes > 1) return await startTogether(house, config, processes)
    const role = process.env[WORKER_VARIABLE]
    await (role === undefined ? startAlone(house, config) : startWorker(house, config, JSON.parse(role) as WorkerRole))
    // Everything is drained; a forgotten timer must not keep the process alive.
    process.exit(0)
  } catch (error) {
    if (!(error instanceof StartRefused)) throw error
    process.stderr.write(`${error.message}\n`)
    // A worker's open stdin would keep it alive.
    if (process.env[WORKER_VARIABLE] !== undefined) process.exit(1)
    return 1
  }
}

const startAlone = async (house: House, config: GatewayConfig): Promise<void> => {
  const channels = await house.channels(config)
  const gateway = await createGateway({ config, plugins: house.plugins(config, "gateway"), channels })
  const stopped = Promise.race([nextSignal(), launcherGone()])
  await noteGateway(config, gateway)
  process.stdout.write(readyText(config, gateway))
  await stopped
  // A second signal ends the process at once: nothing acknowledged is lost, but the drain is cut short.
  nextSignal().then(() => process.exit(130))
  await forgetGateway(config)
  await gateway.stop()
}

/** What a worker process gets in WORKER_VARIABLE. */
interface WorkerRole extends WorkerPlace {
  /** Most connections to the database. */
  readonly connections: number
}

/** What a worker process tells its parent over their pipe once it listens. */
interface WorkerReady {
  readonly url: string
  readonly publicUrl: string
  readonly firstMerchant: { readonly app_id: string; readonly app_secret: string } | null
}

/** Runs one of several processes on a port. */
const startWorker = async (house: House, config: GatewayConfig, role: WorkerRole): Promise<void> => {
  const channels = await house.channels(config)
  const plugins = house.plugins(config, "gateway", role.connections)
  const orphaned = new Promise<void>((resolve) => process.stdin.once("end", resolve).once("error", resolve))
  const parent = openPipe({ input: process.stdin, output: process.stdout, answer: exposition })
  const figures = () => figuresOfAll(role, parent.ask)
  const gateway = await createGateway({ config, plugins, channels, reusePort: true, figures })
  const { url, publicUrl, firstMerchant, stop } = gateway
  const stopped = Promise.race([nextSignal(), orphaned])
  const secret = firstMerchant && { ...firstMerchant, app_secret: Redacted.value(firstMerchant.app_secret) }
  parent.tell({ url, publicUrl, firstMerchant: secret } satisfies WorkerReady)
  await stopped
  nextSignal().then(() => process.exit(130))
  await stop()
}

/** Connections that workers share of the embedded server's 60; each worker uses one more than its pool, for LISTEN. */
const EMBEDDED_CONNECTIONS = 48
const CONNECTIONS_PER_WORKER = 10

/** Runs several processes on one port; this one runs the embedded database if no other is configured. */
const startTogether = async (house: House, config: GatewayConfig, count: number): Promise<number> => {
  const connectionsEach = await checkTogether(config, count)
  const scope = Scope.makeUnsafe()
  const log = new LogWriter()
  const stopped = Promise.race([nextSignal(), launcherGone()])
  try {
    const embedded =
      config.databaseUrl === null
        ? await Effect.runPromise(house.embeddedUrls(config).pipe(Effect.provideService(Scope.Scope, scope)))
        : undefined
    const connections =
      embedded === undefined ? CONNECTIONS_PER_WORKER : Math.min(connectionsEach, CONNECTIONS_PER_WORKER)
    const processes = await startProcesses<WorkerReady>({
      count,
      command: [...runtimeCommand(), house.entry, "start"],
      env: (number, first) => ({
        [WORKER_VARIABLE]: JSON.stringify({ number, count, connections } satisfies WorkerRole),
        ...(embedded === undefined
          ? {}
          : { DATABASE_URL: Redacted.value(embedded.url), PAYHUB_OWNER_URL: Redacted.value(embedded.ownerUrl) }),
        ...(first === undefined ? {} : { PAYHUB_PORT: new URL(first.url).port })
      }),
      log: (message, detail) =>
        log.line(`${JSON.stringify({ timestamp: new Date().toISOString(), level: "ERROR", message, ...detail })}\n`)
    })
    if (processes === null) return 1
    const { url, publicUrl, firstMerchant } = processes.first
    await noteGateway(config, { url, publicUrl })
    const merchant = firstMerchant && { ...firstMerchant, app_secret: Redacted.make(firstMerchant.app_secret) }
    process.stdout.write(readyText(config, { url, publicUrl, firstMerchant: merchant }, count))
    const signal = await stopped
    nextSignal().then(() => {
      processes.kill()
      process.exit(130)
    })
    await forgetGateway(config)
    await processes.stop(signal)
    return 0
  } finally {
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }
}

/** Refuses what several processes cannot share; returns each one's share of the embedded database's connections. */
const checkTogether = async (config: GatewayConfig, count: number): Promise<number> => {
  if (config.redisUrl === null) {
    const message = `REDIS_URL is needed for ${count} workers: throttle and nonces must be counted across all of them.`
    throw new StartRefused({ variable: "REDIS_URL", message })
  }
  const each = Math.floor(EMBEDDED_CONNECTIONS / count) - 1
  if (config.databaseUrl === null && each < 2) {
    const message = `DATABASE_URL is needed for ${count} workers: the embedded database has connections for at most 16.`
    throw new StartRefused({ variable: "DATABASE_URL", message })
  }
  if (config.port !== 0 && !(await isPortFree(config.host, config.port))) {
    const message = `PAYHUB_PORT: ${config.host}:${config.port} is taken by another program, or cannot be listened on.`
    throw new StartRefused({ variable: "PAYHUB_PORT", message })
  }
  return each
}

const readyText = (
  { demo }: GatewayConfig,
  { url, publicUrl, firstMerchant }: Omit<Gateway, "stop">,
  workers = 1
): string => {
  const lines = [`PayHub listening on ${url}`]
  if (publicUrl !== url) lines.push(`  public     ${publicUrl}`)
  if (demo) lines.push(`  demo       ${publicUrl}/demo`)
  lines.push(`  API docs   ${publicUrl}/swagger`, `  runtime    ${runtimeName()}`)
  if (workers > 1) lines.push(`  workers    ${workers}`)
  if (firstMerchant !== null) {
    lines.push(
      "",
      "A test merchant was made for this empty database. Its secret is shown only this once:",
      `  app_id     ${firstMerchant.app_id}`,
      `  app_secret ${Redacted.value(firstMerchant.app_secret)}`
    )
  }
  return `${lines.join("\n")}\n`
}

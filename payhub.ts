#!/usr/bin/env bun
/** The front door: reads the configuration, chooses plugins, finds channels, starts; also the command line. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { parseEnv } from "node:util"
import { Effect, Exit, Layer, Redacted, Schema, Scope } from "effect"
import sandbox, { type SandboxAccount, sandboxPay } from "./channels/sandbox/index.ts"
import { type AnyProvider, Channels } from "./core/cashier/channels.ts"
import { runCli } from "./core/cli/index.ts"
import { assetResponse } from "./core/http/web/assets.ts"
import { siteResponse } from "./core/http/web/site-page.ts"
import { exposition } from "./core/observe/metrics.ts"
import { figuresOfAll, type WorkerPlace } from "./core/observe/worker-figures.ts"
import { hinted, OrderNo } from "./core/operator/inputs.ts"
import { OperatorConfig, OperatorError, operation } from "./core/operator/operation.ts"
import { runtimeCommand, runtimeName } from "./core/runtime.ts"
import { masterKeysOf } from "./core/secrets/master-key.ts"
import type { GatewayConfig } from "./core/start/environment.ts"
import { createGateway, type Gateway } from "./core/start/gateway.ts"
import { loadChannels } from "./core/start/load-channels.ts"
import { type Plugin, StartRefused } from "./core/start/plugin.ts"
import { openPipe } from "./core/start/processes/pipe.ts"
import { isPortFree, startWorkers, WORKER_VARIABLE } from "./core/start/processes/supervisor.ts"
import { forgetGateway, gatewayUrl, noteGateway } from "./core/start/running-gateway.ts"
import { operatorLayer } from "./core/start/services.ts"
import { embeddedPostgres, openEmbedded } from "./plugins/embedded-postgres/index.ts"
import { memory } from "./plugins/memory/index.ts"
import { postgres } from "./plugins/postgres/index.ts"
import { redis } from "./plugins/redis/index.ts"
import { swagger } from "./plugins/swagger/index.ts"

const home = dirname(fileURLToPath(import.meta.url))
const { version } = JSON.parse(readFileSync(join(home, "package.json"), "utf8")) as { readonly version: string }

/** Technologies by what is configured: embedded until DATABASE_URL and REDIS_URL say otherwise. */
const pluginsFor = (
  config: GatewayConfig,
  mode: "gateway" | "command",
  maxConnections?: number
): ReadonlyArray<Plugin> => [
  memory,
  swagger,
  config.databaseUrl === null
    ? embeddedPostgres({ dataFolder: config.dataFolder, mode })
    : postgres({ url: config.databaseUrl, ...(maxConnections === undefined ? {} : { maxConnections }) }),
  ...(config.redisUrl === null ? [] : [redis({ url: config.redisUrl, down: config.redisDown })])
]

const channelsFor = (config: GatewayConfig): Promise<ReadonlyArray<AnyProvider>> =>
  loadChannels(join(home, "channels"), config.channels)

const start = async (config: GatewayConfig, workers: number): Promise<number> => {
  try {
    if (workers > 1) return await startTogether(config, workers)
    const role = process.env[WORKER_VARIABLE]
    await (role === undefined ? startAlone(config) : startWorker(config, JSON.parse(role) as WorkerRole))
    // All is drained: a timer that something forgot may not hold the process for its rest.
    process.exit(0)
  } catch (error) {
    if (!(error instanceof StartRefused)) throw error
    process.stderr.write(`${error.message}\n`)
    // A worker reads from its parent, which would hold it.
    if (process.env[WORKER_VARIABLE] !== undefined) process.exit(1)
    return 1
  }
}

const startAlone = async (config: GatewayConfig): Promise<void> => {
  const channels = await channelsFor(config)
  const gateway = await createGateway({ config, plugins: pluginsFor(config, "gateway"), channels })
  const signalled = nextSignal()
  await noteGateway(config, gateway.url)
  process.stdout.write(readyText(gateway))
  await signalled
  // A second signal ends the process at once: nothing acknowledged is lost, but drains are cut short.
  nextSignal().then(() => process.exit(130))
  await forgetGateway(config)
  await gateway.stop()
}

/** What a worker is told when it is started. */
interface WorkerRole extends WorkerPlace {
  /** To the database, at most. */
  readonly connections: number
}

/** What a worker tells its parent, over their pipe. */
interface WorkerReady {
  readonly url: string
  readonly publicUrl: string
  readonly firstMerchant: { readonly app_id: string; readonly app_secret: string } | null
}

/** One of several on a port. */
const startWorker = async (config: GatewayConfig, role: WorkerRole): Promise<void> => {
  const channels = await channelsFor(config)
  const plugins = pluginsFor(config, "gateway", role.connections)
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

/** The embedded server has 60 connections; each worker listens on one more than its pool has. */
const EMBEDDED_CONNECTIONS = 48
const CONNECTIONS_PER_WORKER = 10

/** Workers on one port, with the embedded database in this process where no other is configured. */
const startTogether = async (config: GatewayConfig, count: number): Promise<number> => {
  if (config.redisUrl === null) {
    const message = `REDIS_URL is needed for ${count} workers: throttle and nonces must be counted for all of them together.`
    throw new StartRefused({ variable: "REDIS_URL", message })
  }
  const shared = Math.floor(EMBEDDED_CONNECTIONS / count) - 1
  if (config.databaseUrl === null && shared < 2) {
    const message = `DATABASE_URL is needed for ${count} workers: the embedded database has connections for 16 at most.`
    throw new StartRefused({ variable: "DATABASE_URL", message })
  }
  if (config.port !== 0 && !(await isPortFree(config.host, config.port))) {
    const message = `PAYHUB_PORT: ${config.host}:${config.port} is taken by another program, or may not be listened on.`
    throw new StartRefused({ variable: "PAYHUB_PORT", message })
  }
  const scope = Scope.makeUnsafe()
  const signalled = nextSignal()
  try {
    const embedded = config.databaseUrl === null ? await embeddedUrl(config, scope) : undefined
    const connections = embedded === undefined ? CONNECTIONS_PER_WORKER : Math.min(shared, CONNECTIONS_PER_WORKER)
    const workers = await startWorkers<WorkerReady>({
      count,
      command: [...runtimeCommand(), fileURLToPath(import.meta.url), "start"],
      env: (number, first) => ({
        [WORKER_VARIABLE]: JSON.stringify({ number, count, connections } satisfies WorkerRole),
        ...(embedded === undefined ? {} : { DATABASE_URL: Redacted.value(embedded) }),
        ...(first === undefined ? {} : { PAYHUB_PORT: new URL(first.url).port })
      }),
      log: (message, detail) =>
        void process.stderr.write(
          `${JSON.stringify({ message, level: "ERROR", timestamp: new Date().toISOString(), ...detail })}\n`
        )
    })
    if (workers === null) return 1
    const { url, publicUrl, firstMerchant } = workers.first
    await noteGateway(config, url)
    const merchant = firstMerchant && { ...firstMerchant, app_secret: Redacted.make(firstMerchant.app_secret) }
    process.stdout.write(readyText({ url, publicUrl, firstMerchant: merchant }, count))
    const signal = await signalled
    nextSignal().then(() => {
      workers.kill()
      process.exit(130)
    })
    await forgetGateway(config)
    await workers.stop(signal)
    return 0
  } finally {
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }
}

const embeddedUrl = async ({ dataFolder }: GatewayConfig, scope: Scope.Scope): Promise<Redacted.Redacted<string>> => {
  const opened = openEmbedded({ dataFolder, mode: "gateway" }).pipe(Effect.provideService(Scope.Scope, scope))
  const exit = await Effect.runPromise(Effect.result(opened))
  if (exit._tag === "Failure") throw exit.failure
  return exit.success
}

/** The providers of our channels, simulated on this machine. Their accounts are files that `channel add` takes. */
const simulator = async (json: boolean): Promise<number> => {
  const { startPlayground } = await import("./channels/protocols/playground.ts")
  const signalled = nextSignal()
  const playground = await startPlayground({ respond: (page) => siteResponse("/", page), asset: assetResponse })
  const folder = mkdtempSync(join(tmpdir(), "payhub-simulator-"))
  const accounts = playground.accounts.map(({ provider, name, account }, index) => {
    const file = join(folder, `${index + 1}-${provider}.json`)
    writeFileSync(file, JSON.stringify(account, null, 2), { mode: 0o600 })
    return { provider, name, file, account }
  })
  const commands = accounts.map(
    ({ provider, name, file }) => `  payhub channel add ${provider} --name "${name}" --account ${file}`
  )
  process.stdout.write(
    json
      ? `${JSON.stringify({ console: playground.console, accounts }, null, 2)}\n`
      : `Simulated providers are running; their orders and buttons: ${playground.console}\n\n${commands.join("\n")}\n\nStop them with Ctrl-C.\n`
  )
  await signalled
  await playground.stop()
  rmSync(folder, { recursive: true })
  return 0
}

const nextSignal = (): Promise<NodeJS.Signals> =>
  new Promise((resolve) => {
    process.once("SIGINT", () => resolve("SIGINT"))
    process.once("SIGTERM", () => resolve("SIGTERM"))
  })

const readyText = ({ url, publicUrl, firstMerchant }: Omit<Gateway, "stop">, workers = 1): string => {
  const lines = [`PayHub listening on ${url}`]
  if (publicUrl !== url) lines.push(`  public     ${publicUrl}`)
  lines.push(`  demo       ${publicUrl}/demo`, `  API docs   ${publicUrl}/swagger`, `  runtime    ${runtimeName()}`)
  if (workers > 1) lines.push(`  workers    ${workers}`)
  if (firstMerchant !== null) {
    lines.push(
      "",
      "A test merchant was made for this empty database. Its secret is shown this once:",
      `  app_id     ${firstMerchant.app_id}`,
      `  app_secret ${Redacted.value(firstMerchant.app_secret)}`
    )
  }
  return `${lines.join("\n")}\n`
}

/** What commands stand on: the database beside the running gateway, or started for the command. */
const services = (config: GatewayConfig) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const masterKeys = yield* masterKeysOf(config)
      const channels = yield* Effect.tryPromise({
        try: () => channelsFor(config),
        catch: (error) =>
          error instanceof StartRefused
            ? error
            : new StartRefused({ variable: "PAYHUB_CHANNELS", message: String(error) })
      })
      const url = yield* Effect.promise(() => gatewayUrl(config))
      return operatorLayer({
        config,
        plugins: pluginsFor(config, "command"),
        channels,
        masterKeys,
        urls: () => ({ localUrl: url, publicUrl: config.publicUrl ?? url })
      })
    })
  )

/** The sandbox is a channel: its command is made here, where channels are known. */
const sandboxPayment = operation({
  name: "sandbox.pay",
  summary: "Pay a test order in the sandbox and show what the gateway answered to the notice",
  permission: "orders:write",
  scope: "gateway",
  positional: ["orderNo"],
  input: Schema.Struct({
    orderNo: OrderNo,
    amount: Schema.optionalKey(hinted(Schema.Int, { help: "Fen that the notice says instead", placeholder: "FEN" })),
    times: Schema.optionalKey(hinted(Schema.Int, { help: "How often the notice is sent (1)", placeholder: "N" })),
    forge: Schema.optionalKey(hinted(Schema.Boolean, { help: "Sign the notice without the key" }))
  }),
  output: Schema.Struct({ order_no: Schema.String, notices: Schema.Array(Schema.Json) }),
  run: Effect.fnUntraced(function* (_actor, { orderNo, amount, times, forge }) {
    const channels = yield* Channels
    const config = yield* OperatorConfig
    const account = yield* channels.open(sandbox.id)
    if (account === null)
      return yield* new OperatorError({ message: "The gateway has not been started on this database yet." })
    const localUrl = yield* Effect.promise(() => gatewayUrl(config))
    const paid = yield* sandboxPay(
      account.settings as SandboxAccount,
      account.id,
      { localUrl, publicUrl: config.publicUrl ?? localUrl },
      { orderNo, amountFen: amount, times, forge }
    ).pipe(Effect.mapError((failure) => new OperatorError({ message: failure.message })))
    return { order_no: paid.order_no, notices: paid.notices.map((notice) => ({ ...notice })) }
  })
})

/** `.env` of the working directory, below the environment itself. */
const environment = (): Record<string, string | undefined> => {
  let file: Record<string, string | undefined> = {}
  try {
    file = parseEnv(readFileSync(join(process.cwd(), ".env"), "utf8"))
  } catch {
    // No .env is the usual case.
  }
  return { ...file, ...process.env }
}

if (import.meta.main) {
  process.exitCode = await runCli({
    argv: process.argv.slice(2),
    env: environment(),
    version,
    start,
    simulator,
    services,
    extraOperations: [sandboxPayment],
    extraNouns: { sandbox: "The sandbox of test-mode merchants" },
    write: (text) => void process.stdout.write(text),
    writeError: (text) => void process.stderr.write(text)
  })
}

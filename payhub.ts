#!/usr/bin/env bun
/** The front door: reads the configuration, chooses plugins, finds channels, starts; also the command line. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { parseEnv } from "node:util"
import { Effect, Layer, Redacted, Schema } from "effect"
import sandbox, { type SandboxAccount, sandboxPay } from "./channels/sandbox/index.ts"
import { type AnyProvider, Channels } from "./core/cashier/channels.ts"
import { runCli } from "./core/cli/index.ts"
import type { GatewayConfig } from "./core/config.ts"
import { createGateway, type Gateway } from "./core/gateway.ts"
import { forgetGateway, gatewayUrl, noteGateway } from "./core/gateway-file.ts"
import { loadChannels } from "./core/load-channels.ts"
import { hinted, OrderNo } from "./core/operator/inputs.ts"
import { OperatorConfig, OperatorError, operation } from "./core/operator/operation.ts"
import { masterKeysOf } from "./core/pipeline/master-key.ts"
import { type Plugin, StartRefused } from "./core/plugin.ts"
import { runtimeName } from "./core/runtime.ts"
import { operatorLayer } from "./core/services.ts"
import { embeddedPostgres } from "./plugins/embedded-postgres/index.ts"
import { memory } from "./plugins/memory/index.ts"
import { postgres } from "./plugins/postgres/index.ts"
import { redis } from "./plugins/redis/index.ts"
import { swagger } from "./plugins/swagger/index.ts"

const home = dirname(fileURLToPath(import.meta.url))
const { version } = JSON.parse(readFileSync(join(home, "package.json"), "utf8")) as { readonly version: string }

/** Technologies by what is configured: embedded until DATABASE_URL and REDIS_URL say otherwise. */
const pluginsFor = (config: GatewayConfig, mode: "gateway" | "command"): ReadonlyArray<Plugin> => [
  memory,
  swagger,
  config.databaseUrl === null
    ? embeddedPostgres({ dataFolder: config.dataFolder, mode })
    : postgres({ url: config.databaseUrl }),
  ...(config.redisUrl === null ? [] : [redis({ url: config.redisUrl, down: config.redisDown })])
]

const channelsFor = (config: GatewayConfig): Promise<ReadonlyArray<AnyProvider>> =>
  loadChannels(join(home, "channels"), config.channels)

const start = async (config: GatewayConfig): Promise<number> => {
  let gateway: Gateway
  try {
    const channels = await channelsFor(config)
    gateway = await createGateway({ config, plugins: pluginsFor(config, "gateway"), channels })
  } catch (error) {
    if (!(error instanceof StartRefused)) throw error
    process.stderr.write(`${error.message}\n`)
    return 1
  }
  const signalled = nextSignal()
  await noteGateway(config, gateway.url)
  process.stdout.write(readyText(gateway))
  await signalled
  // A second signal ends the process at once: nothing acknowledged is lost, but drains are cut short.
  nextSignal().then(() => process.exit(130))
  await forgetGateway(config)
  await gateway.stop()
  return 0
}

/** The providers of our channels, simulated on this machine. Their accounts are files that `channel add` takes. */
const simulator = async (json: boolean): Promise<number> => {
  const { startPlayground } = await import("./channels/protocols/playground.ts")
  const signalled = nextSignal()
  const playground = await startPlayground()
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

const nextSignal = (): Promise<void> =>
  new Promise((resolve) => {
    const heard = () => resolve()
    process.once("SIGINT", heard)
    process.once("SIGTERM", heard)
  })

const readyText = ({ url, publicUrl, firstMerchant }: Gateway): string => {
  const lines = [`PayHub listening on ${url}`]
  if (publicUrl !== url) lines.push(`  public     ${publicUrl}`)
  lines.push(`  demo       ${publicUrl}/demo`, `  API docs   ${publicUrl}/swagger`, `  runtime    ${runtimeName()}`)
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

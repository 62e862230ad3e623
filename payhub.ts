#!/bin/sh
":" //; d=$(dirname "$(readlink -f "$0")"); for b in "$d/node_modules/.bin/bun" "$d/../.bin/bun"; do [ -x "$b" ] && PAYHUB_SELF="$0" exec "$b" "$0" "$@"; done; PAYHUB_SELF="$0" exec bun "$0" "$@"
/* The two lines above let a shell run this file with the Bun beside it, because a unit file, cron or sudo has no Bun on its PATH.
The front door: reads the configuration, chooses plugins, finds channels, starts the gateway or runs a command. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join, relative } from "node:path"
import process from "node:process"
import { createInterface } from "node:readline/promises"
import { fileURLToPath } from "node:url"
import { Effect, Schema } from "effect"
import sandbox, { type SandboxAccount, sandboxPay } from "./channels/sandbox/index.ts"
import { Channels } from "./core/cashier/channels.ts"
import { runCli } from "./core/cli/index.ts"
import { OwnUrl } from "./core/config/own-url.ts"
import { StartRefused } from "./core/config/start-refused.ts"
import { assetResponse } from "./core/http/web/assets.ts"
import { languageOf, pageLanguage } from "./core/http/web/language.ts"
import { siteResponse } from "./core/http/web/site-page.ts"
import { hinted, OrderNo } from "./core/operator/inputs.ts"
import { OperatorError, operation } from "./core/operator/operation.ts"
import { ownEnvironment, runtimeName } from "./core/runtime.ts"
import { commandServices } from "./core/start/command-services.ts"
import { readEnvFile } from "./core/start/env-file.ts"
import { readConfig } from "./core/start/environment.ts"
import { loadChannels } from "./core/start/load-channels.ts"
import { type House, startGateway } from "./core/start/processes/start.ts"
import { launcherGone, nextSignal } from "./core/start/processes/told-to-stop.ts"
import { findProject } from "./core/start/project.ts"
import { unknownVariables } from "./core/start/unknown-variables.ts"
import { embeddedPostgres, openEmbedded } from "./plugins/embedded-postgres/index.ts"
import { memory } from "./plugins/memory/index.ts"
import { postgres } from "./plugins/postgres/index.ts"
import { redis } from "./plugins/redis/index.ts"
import { swagger } from "./plugins/swagger/index.ts"

const home = dirname(fileURLToPath(import.meta.url))
const { version } = JSON.parse(readFileSync(join(home, "package.json"), "utf8")) as { readonly version: string }

const house: House = {
  entry: fileURLToPath(import.meta.url),
  // The embedded database and the process's memory, unless DATABASE_URL and REDIS_URL are set.
  plugins: (config, mode, maxConnections) => [
    memory,
    swagger,
    config.databaseUrl === null
      ? embeddedPostgres({ dataFolder: config.dataFolder, mode })
      : postgres({
          url: config.databaseUrl,
          ownerUrl: config.ownerUrl,
          ...(maxConnections === undefined ? {} : { maxConnections })
        }),
    ...(config.redisUrl === null ? [] : [redis({ url: config.redisUrl, down: config.redisDown })])
  ],
  channels: (config) => loadChannels(join(home, "channels"), config.channels),
  embeddedUrls: ({ dataFolder }) => openEmbedded({ dataFolder, mode: "gateway" })
}

/** How the reader has called this program, so that what we print can be pasted. */
const program = (): string => {
  const { npm_lifecycle_event: event, npm_command: command, PAYHUB_LAUNCHER: launcher, PAYHUB_SELF: self } = process.env
  if (event === "npx" || command === "exec") return "npx payhub"
  if (launcher !== undefined) return "deno task payhub"
  if (self !== undefined) return self
  const file = relative(process.cwd(), house.entry)
  return runtimeName().startsWith("Deno") ? `deno run -A ${file}` : `bun ${file}`
}

/** Simulates the providers of our channels on this machine and writes their accounts as files for `channel add`. */
const simulator = async (json: boolean): Promise<number> => {
  const { startPlayground } = await import("./channels/protocols/playground.ts")
  const stopped = Promise.race([nextSignal(), launcherGone()])
  const playground = await startPlayground({
    language: (url, acceptLanguage) => pageLanguage({ url, language: languageOf(acceptLanguage) }),
    respond: (page) => siteResponse("/", page),
    asset: assetResponse
  })
  const folder = mkdtempSync(join(tmpdir(), "payhub-simulator-"))
  const accounts = playground.accounts.map(({ provider, name, account }, index) => {
    const file = join(folder, `${index + 1}-${provider}.json`)
    writeFileSync(file, JSON.stringify(account, null, 2), { mode: 0o600 })
    return { provider, name, file, account }
  })
  const commands = accounts.map(
    ({ provider, name, file }) => `  ${program()} channel add ${provider} --name "${name}" --account ${file}`
  )
  process.stdout.write(
    json
      ? `${JSON.stringify({ console: playground.console, accounts }, null, 2)}\n`
      : `Simulated providers are running; their orders and buttons: ${playground.console}\n\n${commands.join("\n")}\n\nStop them with Ctrl-C.\n`
  )
  await stopped
  await playground.stop()
  rmSync(folder, { recursive: true })
  return 0
}

/** The sandbox is a channel, so its command is made here, where channels are known. */
const sandboxPayment = operation({
  name: "sandbox.pay",
  summary: "Pay a test order in the sandbox and show the gateway's answer to the notice",
  permission: "orders:write",
  scope: "gateway",
  positional: ["orderNo"],
  input: Schema.Struct({
    orderNo: OrderNo,
    amount: Schema.optionalKey(
      hinted(Schema.Int, { help: "Fen that the notice states instead of the order's", placeholder: "FEN" })
    ),
    times: Schema.optionalKey(
      hinted(Schema.Int, { help: "How often the notice is sent (default: 1)", placeholder: "N" })
    ),
    forge: Schema.optionalKey(hinted(Schema.Boolean, { help: "Sign the notice without the key" }))
  }),
  output: Schema.Struct({ order_no: Schema.String, notices: Schema.Array(Schema.Json) }),
  run: Effect.fnUntraced(function* (_actor, { orderNo, amount, times, forge }) {
    const channels = yield* Channels
    const { urls } = yield* OwnUrl
    const account = yield* channels.open(sandbox.id)
    if (account === null)
      return yield* new OperatorError({ message: "The gateway has not been started on this database yet." })
    const paid = yield* sandboxPay(account.settings as SandboxAccount, account.id, urls(), {
      orderNo,
      amountFen: amount,
      times,
      forge
    }).pipe(Effect.mapError((failure) => new OperatorError({ message: failure.message })))
    return { order_no: paid.order_no, notices: paid.notices.map((notice) => ({ ...notice })) }
  })
})

/**
 * Prints a command's output. A reader that has closed the pipe (`| head -1`) has what it wanted; output that is lost
 * otherwise (a full disk) makes the command fail.
 */
const print = (text: string): void => {
  const failed = (error: unknown): void => {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown reason"
    if (code === "EPIPE") return
    process.stderr.write(`The output could not be written (${code}).\n`)
    process.exitCode = 1
  }
  process.stdout.removeAllListeners("error").on("error", failed)
  try {
    process.stdout.write(text)
  } catch (error) {
    failed(error)
  }
}

/** Asks the person at the terminal. */
const confirm = async (question: string): Promise<boolean> => {
  if (!process.stdin.isTTY) return false
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const answer = await terminal.question(`${question} (yes/no) `)
  terminal.close()
  return /^y(es)?$/i.test(answer.trim())
}

const main = async (): Promise<number> => {
  ownEnvironment()
  const argv = process.argv.slice(2)
  // The gateway starts where it is told to; a command finds the gateway that it is meant for.
  const given = process.env
  const isPlaced = argv[0] === "start" || given.PAYHUB_DATA !== undefined
  const project = isPlaced ? { folder: process.cwd(), looked: [] } : findProject(process.cwd(), home)
  const env = { ...readEnvFile(project.folder), ...given }
  return await runCli({
    argv,
    env,
    readConfig: (variables) => readConfig(variables, project.folder),
    version,
    program: program(),
    start: (config, processes) => {
      for (const message of unknownVariables(env)) {
        process.stderr.write(`${JSON.stringify({ timestamp: new Date().toISOString(), level: "WARN", message })}\n`)
      }
      return startGateway(house, config, processes)
    },
    simulator,
    services: commandServices(house, project),
    extraOperations: [sandboxPayment],
    extraNouns: { sandbox: "The sandbox of test-mode merchants" },
    confirm,
    write: print,
    writeError: (text) => void process.stderr.write(text)
  })
}

if (import.meta.main) {
  const code = await main().catch((error: unknown) => {
    if (!(error instanceof StartRefused)) throw error
    process.stderr.write(`${error.message}\n`)
    return 1
  })
  // Output that could not be written has set it already.
  process.exitCode ||= code
}

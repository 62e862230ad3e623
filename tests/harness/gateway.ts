import { type ChildProcess, spawn } from "node:child_process"
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { MerchantClient, type MerchantCredentials } from "./merchant-client.ts"
import { mustHoldNoSecret, secretsOf } from "./no-secrets.ts"
import { sharedPostgres } from "./postgres.ts"
import { ended, endsWithUs, folderEndsWithUs } from "./reaper.ts"

const REPOSITORY = resolve(import.meta.dirname, "../..")

/** A cold Deno that sets up an embedded PostgreSQL on a busy machine takes several seconds. */
const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 20_000

export type Runtime = "bun" | "deno"

/** The runtime under test: `PAYHUB_TEST_RUNTIME=deno bun test tests/contract`. */
export const testRuntime = (): Runtime => (process.env.PAYHUB_TEST_RUNTIME === "deno" ? "deno" : "bun")

export interface GatewayOptions {
  /** Overrides the harness's own variables; an empty text removes one. */
  readonly env?: Readonly<Record<string, string>>
  readonly runtime?: Runtime
  /** A PostgreSQL URL, or "embedded" for the gateway's own; default: a new database on the test process's server. */
  readonly databaseUrl?: string
  /** A module that runs in the gateway's process before its own (harness/crashing-gateway.ts). */
  readonly preload?: string
  /** A command that executes the gateway, such as ["env", "LD_PRELOAD=…"]; the CLI is not started through it. */
  readonly through?: ReadonlyArray<string>
  /** Processes that share the port (`--workers`), default 1; more need REDIS_URL. */
  readonly workers?: number
}

export interface MerchantOptions {
  readonly name?: string
  /** Test mode; default true. */
  readonly test?: boolean
  /** Default "off"; null keeps the gateway's rule. */
  readonly throttle?: string | null
  readonly callbackUrl?: string
  readonly allowIps?: ReadonlyArray<string>
  /** Ids of the channel accounts that serve it; default: every enabled one. */
  readonly accounts?: ReadonlyArray<string>
}

/** The outcome of a CLI command. */
export interface CommandResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export interface Gateway {
  /** `http://127.0.0.1:PORT`; changes with `restart`. */
  readonly url: string
  readonly pid: number
  readonly dataFolder: string
  /** Everything written to stdout and stderr so far, across restarts. */
  readonly logs: () => string
  /** Runs `payhub … --json` against this gateway and returns the document. @throws on an exit code other than 0 */
  readonly command: (args: ReadonlyArray<string>) => Promise<Readonly<Record<string, unknown>>>
  /** Runs `payhub …` with exactly these arguments. */
  readonly run: (args: ReadonlyArray<string>) => Promise<CommandResult>
  /** Creates a merchant by `merchant create` and returns its client. */
  readonly merchant: (options?: MerchantOptions) => Promise<MerchantClient>
  /** A client of this gateway with given credentials. */
  readonly client: (credentials: MerchantCredentials) => MerchantClient
  /** Sends SIGTERM, waits for the end, removes the data folder, and checks that the output holds no secret. */
  readonly stop: () => Promise<void>
  /** Sends SIGKILL and waits for the end. The data folder stays. */
  readonly kill: () => Promise<void>
  /** Resolves when the process has ended for any reason. @throws after `timeoutMs`, having killed it */
  readonly died: (timeoutMs: number) => Promise<void>
  /** Whether the process has ended. */
  readonly isDead: () => boolean
  /** Stops it if it runs and starts it again on the same data. @param env overrides earlier variables */
  readonly restart: (env?: Readonly<Record<string, string>>) => Promise<void>
}

/** Starts the gateway as an operator does, as a process, and waits until it listens. */
export const startGateway = async (options: GatewayOptions = {}): Promise<Gateway> => {
  const runtime = options.runtime ?? testRuntime()
  const dataFolder = mkdtempSync(join(tmpdir(), "payhub-test-"))
  // PostgreSQL refuses to run as root, and the user that it runs as has to pass through this folder.
  chmodSync(dataFolder, 0o755)
  folderEndsWithUs(dataFolder)
  const env = environment({
    PAYHUB_HOST: "127.0.0.1",
    PAYHUB_PORT: "0",
    PAYHUB_DATA: dataFolder,
    PAYHUB_WEBHOOK_ALLOW: "127.0.0.0/8,::1",
    PAYHUB_WEBHOOK_SCHEDULE: "1,1",
    DATABASE_URL: await databaseOf(options.databaseUrl),
    ...options.env
  })
  const output: string[] = []
  const merchantSecrets: string[] = []
  const { workers = 1 } = options
  const start = workers === 1 ? ["start"] : ["start", "--workers", String(workers)]
  const cleanUp = () => {
    endDatabase(dataFolder)
    rmSync(dataFolder, { recursive: true, force: true })
  }
  let listening: Listening
  try {
    listening = await listen(runtime, start, env, output, options)
  } catch (error) {
    cleanUp()
    throw error
  }

  const run: Gateway["run"] = (args) => finish(launch(runtime, args, env))
  const command: Gateway["command"] = async (args) => jsonOf(args, await run([...args, "--json"]))
  const client: Gateway["client"] = (credentials) => new MerchantClient(() => listening.url, credentials)

  return {
    get url() {
      return listening.url
    },
    get pid() {
      return listening.child.pid ?? 0
    },
    dataFolder,
    logs: () => output.join(""),
    run,
    command,
    client,
    merchant: async ({
      name = "A shop",
      test = true,
      throttle = "off",
      callbackUrl,
      allowIps = [],
      accounts = []
    } = {}) => {
      const args = ["merchant", "create", "--name", name]
      if (test) args.push("--test")
      if (throttle !== null) args.push("--throttle", throttle)
      if (callbackUrl !== undefined) args.push("--callback-url", callbackUrl)
      for (const ip of allowIps) args.push("--allow-ip", ip)
      for (const account of accounts) args.push("--account", account)
      // Tests create many merchants, and Bun starts in a third of Deno's time. `command` runs on the runtime under test.
      const made = jsonOf(args, await finish(launch("bun", [...args, "--json"], env)))
      merchantSecrets.push(String(made.app_secret))
      return client({ app_id: String(made.app_id), app_secret: String(made.app_secret) })
    },
    stop: async () => {
      await end(listening.child, "SIGTERM")
      const secrets = [...merchantSecrets, ...secretsOf(env, dataFolder)]
      cleanUp()
      mustHoldNoSecret("a gateway's output", output.join(""), secrets)
    },
    kill: () => end(listening.child, "SIGKILL"),
    died: (timeoutMs) => endOf(listening.child, timeoutMs, "by itself"),
    isDead: () => hasEnded(listening.child),
    restart: async (changed = {}) => {
      await end(listening.child, "SIGTERM")
      Object.assign(env, changed)
      listening = await listen(runtime, start, env, output, options)
    }
  }
}

const jsonOf = (args: ReadonlyArray<string>, { exitCode, stdout, stderr }: CommandResult): Record<string, unknown> => {
  if (exitCode !== 0) throw new Error(`payhub ${args.join(" ")} ended with ${exitCode}: ${stderr}${stdout}`)
  try {
    return JSON.parse(stdout) as Record<string, unknown>
  } catch {
    throw new Error(`payhub ${args.join(" ")} --json printed no single JSON document: ${stdout}`)
  }
}

interface Listening {
  readonly child: ChildProcess
  readonly url: string
}

const launch = (
  runtime: Runtime,
  args: ReadonlyArray<string>,
  env: Record<string, string>,
  { preload, through = [] }: Pick<GatewayOptions, "preload" | "through"> = {}
): ChildProcess => {
  const words = [...through, join(REPOSITORY, "node_modules/.bin", runtime)]
  if (runtime === "deno") words.push("run", "-A")
  if (preload !== undefined) words.push("--preload", preload)
  const [program = "", ...before] = words
  const child = spawn(program, [...before, join(REPOSITORY, "payhub.ts"), ...args], {
    cwd: REPOSITORY,
    env,
    stdio: ["ignore", "pipe", "pipe"]
  })
  const { pid } = child
  if (pid !== undefined) {
    endsWithUs(pid)
    child.once("exit", () => ended(pid))
  }
  return child
}

const listen = (
  runtime: Runtime,
  start: ReadonlyArray<string>,
  env: Record<string, string>,
  output: string[],
  options: GatewayOptions
): Promise<Listening> =>
  new Promise((done, fail) => {
    const child = launch(runtime, start, env, options)
    const from = output.length
    const said = () => output.slice(from).join("")
    const timer = setTimeout(() => {
      child.kill("SIGKILL")
      fail(new Error(`the gateway did not listen in ${START_TIMEOUT_MS} ms:\n${said()}`))
    }, START_TIMEOUT_MS)
    const hear = (chunk: Buffer) => {
      output.push(chunk.toString("utf8"))
      const url = /PayHub listening on (http:\/\/[^\s]+)/.exec(said())?.[1]
      if (url === undefined) return
      clearTimeout(timer)
      done({ child, url: url.replace(/\/$/, "") })
    }
    child.stdout?.on("data", hear)
    child.stderr?.on("data", hear)
    child.once("error", fail)
    child.once("exit", (code, signal) => {
      clearTimeout(timer)
      fail(new Error(`the gateway ended with ${code ?? signal} before it listened:\n${said()}`))
    })
  })

const finish = (child: ChildProcess): Promise<CommandResult> =>
  new Promise((done, fail) => {
    let stdout = ""
    let stderr = ""
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      stdout += text
    })
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr += text
    })
    child.once("error", fail)
    child.once("close", (code) => done({ exitCode: code ?? -1, stdout, stderr }))
  })

const end = (child: ChildProcess, signal: "SIGTERM" | "SIGKILL"): Promise<void> => {
  const over = endOf(child, STOP_TIMEOUT_MS, `after ${signal}`)
  child.kill(signal)
  return over
}

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

const endOf = (child: ChildProcess, timeoutMs: number, how: string): Promise<void> =>
  new Promise((done, fail) => {
    if (hasEnded(child)) return done()
    const timer = setTimeout(() => {
      child.kill("SIGKILL")
      fail(new Error(`the gateway did not end in ${timeoutMs} ms ${how}`))
    }, timeoutMs)
    child.once("exit", () => {
      clearTimeout(timer)
      done()
    })
  })

/** The test process's environment without the PayHub settings that a developer's shell may hold. */
const environment = (own: Readonly<Record<string, string>>): Record<string, string> => {
  const env: Record<string, string> = {}
  for (const [name, value] of Object.entries(process.env)) {
    if (value === undefined || /^(PAYHUB_|DATABASE_URL$|REDIS_URL$)/.test(name)) continue
    env[name] = value
  }
  for (const [name, value] of Object.entries(own)) if (value !== "") env[name] = value
  return env
}

const databaseOf = async (asked: string | undefined): Promise<string> => {
  if (asked === "embedded") return ""
  return asked ?? (await (await sharedPostgres()).createDatabase())
}

/** Ends an embedded PostgreSQL that outlived a killed gateway. */
const endDatabase = (folder: string): void => {
  for (const entry of readdirSync(folder, { recursive: true })) {
    const path = String(entry)
    if (!path.endsWith("postmaster.pid")) continue
    const pid = Number(readFileSync(join(folder, path), "utf8").split("\n")[0])
    try {
      process.kill(pid, "SIGQUIT")
    } catch {
      // It has ended already.
    }
  }
}

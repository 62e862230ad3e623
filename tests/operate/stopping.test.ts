import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test"
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { sharedPostgres } from "../harness/postgres.ts"
import { endsWithUs, folderEndsWithUs } from "../harness/reaper.ts"
import { until } from "../harness/until.ts"

/* Each way to start the gateway that the README names, and each way to end it. */

setDefaultTimeout(90_000)

const root = resolve(import.meta.dirname, "../..")
const started: Array<{ readonly launcher: ChildProcess; readonly folder: string }> = []

afterEach(async () => {
  for (const { launcher, folder } of started.splice(0)) {
    // The launcher's session holds everything that it started.
    if (launcher.pid !== undefined) {
      try {
        process.kill(-launcher.pid, "SIGKILL")
      } catch {
        // All of it has ended.
      }
    }
    rmSync(folder, { recursive: true, force: true })
  }
})

/** Starts the gateway by a command line in the repository and waits until it listens. */
const startBy = async (command: string | ReadonlyArray<string>) => {
  const folder = mkdtempSync(join(tmpdir(), "payhub-stop-"))
  folderEndsWithUs(folder)
  const { PATH = "", HOME = "" } = process.env
  const [program = "", ...args] = typeof command === "string" ? command.split(" ") : command
  const launcher = spawn(program, args, {
    cwd: root,
    env: {
      PATH,
      HOME,
      PAYHUB_PORT: "0",
      PAYHUB_DATA: folder,
      DATABASE_URL: await (await sharedPostgres()).createDatabase()
    },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true
  })
  started.push({ launcher, folder })
  if (launcher.pid !== undefined) endsWithUs(launcher.pid)
  let output = ""
  for (const stream of [launcher.stdout, launcher.stderr]) stream?.on("data", (chunk) => (output += String(chunk)))
  const url = await until("the gateway listens", () => /PayHub listening on (\S+)/.exec(output)?.[1], {
    timeoutMs: 60_000,
    why: () => output
  })
  const answers = () =>
    fetch(`${url}/healthz`).then(
      ({ status }) => status,
      () => "gone" as const
    )
  return { launcher, answers, gone: () => until("the gateway is gone", async () => (await answers()) === "gone") }
}

const bun = join(root, "node_modules/.bin/bun")
const deno = join(root, "node_modules/.bin/deno")

describe("SIGTERM to what started the gateway ends the gateway", () => {
  test.each([
    "npm start",
    "npx payhub start",
    "npx deno task start",
    `${bun} start`,
    `${bun} payhub.ts start`,
    `${deno} task start`,
    "./payhub.ts start"
  ])("%s", async (command) => {
    const { launcher, answers, gone } = await startBy(command)
    expect(await answers()).toBe(200)
    launcher.kill("SIGTERM")
    await gone()
  })
})

describe("The gateway drains and exits with 0", () => {
  const runtimes = [`${bun} payhub.ts start`, `${deno} run -A payhub.ts start`]
  for (const command of runtimes) {
    test.each(["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const)(`on %s: ${command}`, async (signal) => {
      const { launcher } = await startBy(command)
      const exited = once(launcher, "exit")
      launcher.kill(signal)
      expect(await exited).toEqual([0, null])
    })
  }
})

const nohup = spawnSync("nohup", ["--version"]).error === undefined && process.platform === "linux"

test.skipIf(!nohup)("SIGHUP ends no gateway that nohup has started", async () => {
  // Not on Deno, which sets its own handling of SIGHUP as it starts.
  const { launcher, answers } = await startBy(`nohup ${bun} payhub.ts start`)
  launcher.kill("SIGHUP")
  expect(await answers()).toBe(200)
  expect(launcher.exitCode).toBeNull()
  const exited = once(launcher, "exit")
  launcher.kill("SIGTERM")
  expect(await exited).toEqual([0, null])
})

test("a gateway in the background outlives the shell that started it", async () => {
  const { launcher, answers } = await startBy(["sh", "-c", `${bun} payhub.ts start & wait`])
  const exited = once(launcher, "exit")
  launcher.kill("SIGTERM")
  await exited
  // Three looks at a parent would have ended it.
  const endsAt = performance.now() + 1_500
  await until("the parents have been looked at", async () => {
    expect(await answers()).toBe(200)
    return performance.now() > endsAt
  })
})

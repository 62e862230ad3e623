import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { startGateway, testRuntime } from "../harness/gateway.ts"
import { startLoopback } from "../harness/loopback.ts"
import { startWebhookReceiver } from "../harness/webhook-receiver.ts"

/* What stands around the gateway and must not change it: the folder, the runtime's own readers, a company's proxy. */

setDefaultTimeout(90_000)

const root = resolve(import.meta.dirname, "../..")
const folders: Array<string> = []
const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), "payhub-around-"))
  folders.push(made)
  return made
}
afterAll(() => {
  for (const made of folders) rmSync(made, { recursive: true, force: true })
})

const payhub = (args: ReadonlyArray<string>, cwd: string, env: Readonly<Record<string, string>> = {}) => {
  const bin = join(root, "node_modules/.bin", testRuntime())
  const words = testRuntime() === "deno" ? ["run", "-A", join(root, "payhub.ts")] : [join(root, "payhub.ts")]
  const { PATH = "", HOME = "" } = process.env
  return spawnSync(bin, [...words, ...args], { cwd, env: { PATH, HOME, ...env }, encoding: "utf8", timeout: 60_000 })
}

describe("A command", () => {
  test("makes nothing where no gateway has been started, and says where it looked", () => {
    const cwd = folder()
    const data = join(cwd, "data")
    for (const args of [
      ["order", "list"],
      ["merchant", "create", "--name", "x"]
    ]) {
      const { status, stderr } = payhub(args, cwd, { PAYHUB_DATA: data })
      expect([args, status, existsSync(data)]).toEqual([args, 1, false])
      expect(stderr).toContain(data)
    }
    expect(readdirSync(cwd)).toEqual([])
  })

  test("finds its gateway's data from a folder below it", async () => {
    const gateway = await startGateway({ databaseUrl: "embedded" })
    const project = folder()
    writeFileSync(join(project, ".env"), `PAYHUB_DATA=${gateway.dataFolder}\n`)
    const below = mkdtempSync(join(project, "examples-"))
    const { status, stdout } = payhub(["merchant", "list", "--json"], below)
    expect([status, (JSON.parse(stdout) as Array<unknown>).length]).toEqual([0, 1])
    await gateway.stop()
  })
})

test("the commands that are printed can be pasted: they are called as this one was", () => {
  const { PATH = "", HOME = "" } = process.env
  const printed = (command: string, ...args: ReadonlyArray<string>) =>
    spawnSync(command, [...args, "merchant", "list"], {
      cwd: root,
      env: { PATH, HOME, PAYHUB_DATA: folder() },
      encoding: "utf8"
    }).stderr
  expect(printed("npx", "payhub")).toContain("`npx payhub start`")
  expect(printed("./payhub.ts")).toContain("`./payhub.ts start`")
  expect(printed(join(root, "node_modules/.bin/bun"), "payhub.ts")).toContain("`bun payhub.ts start`")
  expect(printed(join(root, "node_modules/.bin/deno"), "run", "-A", "payhub.ts")).toContain(
    "`deno run -A payhub.ts start`"
  )
  expect(printed(join(root, "node_modules/.bin/deno"), "task", "payhub")).toContain("`deno task payhub start`")
})

test("a command knows the public URL of the gateway that runs, and the front page leads somewhere", async () => {
  const gateway = await startGateway({
    databaseUrl: "embedded",
    env: { PAYHUB_PUBLIC_URL: "https://pay.example.com" }
  })
  const { stdout } = payhub(["channel", "list", "--json"], root, { PAYHUB_DATA: gateway.dataFolder })
  const [sandbox] = JSON.parse(stdout) as Array<{ notice_url: string }>
  expect(sandbox?.notice_url).toStartWith("https://pay.example.com/")
  const front = await fetch(gateway.url, { redirect: "manual" })
  expect([front.status, front.headers.get("location")]).toEqual([302, "/swagger"])
  await gateway.stop()
})

/** Runs a `payhub start` that must end by itself, and returns what it said. */
const refusal = (cwd: string, env: Readonly<Record<string, string>> = {}): string => {
  const { status, stderr } = payhub(["start"], cwd, { PAYHUB_DATA: folder(), PAYHUB_PORT: "0", ...env })
  expect(status).toBe(1)
  return stderr
}

describe(".env", () => {
  test("is read as it stands: a dollar is a dollar", () => {
    const cwd = folder()
    // The value comes back in the refusal, so that no gateway has to be started.
    writeFileSync(join(cwd, ".env"), "PAYHUB_TIMEZONE=tok$HOME-4711\n")
    expect(refusal(cwd)).toContain("tok$HOME-4711")
  })

  test("is the only file that is read", () => {
    for (const name of [".env.local", ".env.production", ".env.development"]) {
      const cwd = folder()
      writeFileSync(join(cwd, ".env"), "PAYHUB_TIMEZONE=from-env\n")
      writeFileSync(join(cwd, name), "PAYHUB_TIMEZONE=from-another-file\nPAYHUB_THROTTLE=3\n")
      const said = refusal(cwd, name === ".env.production" ? { NODE_ENV: "production" } : {})
      expect([name, said.includes("from-env")]).toEqual([name, true])
    }
  })

  test("gives way to the environment", () => {
    const cwd = folder()
    writeFileSync(join(cwd, ".env"), "PAYHUB_TIMEZONE=from-env\n")
    expect(refusal(cwd, { PAYHUB_TIMEZONE: "from-outside" })).toContain("from-outside")
  })
})

test("white space around a value is not part of it", async () => {
  const gateway = await startGateway({ env: { PAYHUB_METRICS_TOKEN: "tok123\n", PAYHUB_THROTTLE: " off\r" } })
  const metrics = await fetch(`${gateway.url}/metrics`, { headers: { authorization: "Bearer tok123" } })
  expect(metrics.status).toBe(200)
  await gateway.stop()
})

test("a variable that is none of ours is named, with the nearest that is", async () => {
  const gateway = await startGateway({ env: { PAYHUB_TROTTLE: "off" } })
  expect(gateway.logs()).toContain("PAYHUB_TROTTLE is not a variable of PayHub; did you mean PAYHUB_THROTTLE?")
  await gateway.stop()
})

test("nothing of ours goes through a proxy that the environment names", async () => {
  const proxied: Array<string> = []
  const proxy = await startLoopback((request, response) => {
    proxied.push(`${request.method} ${request.url}`)
    response.end("success")
  })
  const receiver = await startWebhookReceiver()
  const inbox = receiver.inbox()
  const url = `http://127.0.0.1:${proxy.port}`
  const names = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"]
  const env = { ...Object.fromEntries(names.map((name) => [name, url])), NODE_USE_ENV_PROXY: "1" }
  const gateway = await startGateway({ env })
  const shop = await gateway.merchant()
  const placed = await shop.qrcodePay({ notify_url: inbox.url })
  await gateway.command(["sandbox", "pay", String(placed.data?.order_no)])
  await inbox.waitFor(1)
  await gateway.stop()
  await receiver.close()
  await proxy.close()
  expect(proxied).toEqual([])
})

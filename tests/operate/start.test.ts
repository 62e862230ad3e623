import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { startGateway, testRuntime } from "../harness/gateway.ts"
import { startLoopback } from "../harness/loopback.ts"

setDefaultTimeout(60_000)

const root = resolve(import.meta.dirname, "../..")
const folders: Array<string> = []
const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), "payhub-start-"))
  folders.push(made)
  return made
}
afterAll(() => {
  for (const made of folders) rmSync(made, { recursive: true, force: true })
})

/** Runs a `payhub start` that must end by itself. */
const start = (env: Record<string, string>) => {
  const bin = join(root, "node_modules/.bin", testRuntime())
  const args = testRuntime() === "deno" ? ["run", "-A", "payhub.ts", "start"] : ["payhub.ts", "start"]
  const { PATH = "", HOME = "" } = process.env
  const { status, stdout, stderr } = spawnSync(bin, args, {
    cwd: root,
    env: { PATH, HOME, PAYHUB_PORT: "0", PAYHUB_DATA: folder(), ...env },
    encoding: "utf8",
    timeout: 45_000
  })
  return { status, stdout, stderr }
}

describe("Bad configuration stops the start with one sentence that names the variable", () => {
  const KEY = Buffer.alloc(32, 7).toString("base64")
  test.each([
    ["PAYHUB_PORT", "not a port", { PAYHUB_PORT: "eighty" }],
    ["PAYHUB_PORT", "a port out of range", { PAYHUB_PORT: "70000" }],
    ["PAYHUB_HOST", "an address of another machine", { PAYHUB_HOST: "203.0.113.7" }],
    ["DATABASE_URL", "another kind of database", { DATABASE_URL: "mysql://u:hidden-word@127.0.0.1/x" }],
    ["PAYHUB_OWNER_URL", "an owner without a database", { PAYHUB_OWNER_URL: "postgres://u:hidden-word@127.0.0.1/x" }],
    [
      "PAYHUB_OWNER_URL",
      "an owner of another kind of database",
      { DATABASE_URL: "postgres://u@127.0.0.1/x", PAYHUB_OWNER_URL: "mysql://u:hidden-word@127.0.0.1/x" }
    ],
    ["DATABASE_URL", "a database that is not there", { DATABASE_URL: "postgres://u:hidden-word@127.0.0.1:1/x" }],
    ["REDIS_URL", "another kind of store", { REDIS_URL: "http://:hidden-word@127.0.0.1:1" }],
    [
      "REDIS_URL",
      "a Redis that is not there and may not be missing",
      { REDIS_URL: "redis://:hidden-word@127.0.0.1:1", PAYHUB_REDIS_DOWN: "refuse" }
    ],
    ["PAYHUB_MASTER_KEY", "a key that is too short", { PAYHUB_MASTER_KEY: "aGlkZGVuLXdvcmQ=" }],
    ["PAYHUB_CHANNELS", "a package that is not installed", { PAYHUB_CHANNELS: "no-such-channel" }],
    ["PAYHUB_CHANNELS", "a folder without a channel", { PAYHUB_CHANNELS: "./tests" }],
    ["PAYHUB_TRUSTED_PROXIES", "not a range", { PAYHUB_TRUSTED_PROXIES: "10.0.0.0/40" }],
    ["PAYHUB_WEBHOOK_ALLOW", "not an address", { PAYHUB_WEBHOOK_ALLOW: "localhost" }],
    ["PAYHUB_WEBHOOK_SCHEDULE", "not a schedule", { PAYHUB_WEBHOOK_SCHEDULE: "soon" }],
    ["PAYHUB_THROTTLE", "not a rule", { PAYHUB_THROTTLE: "3" }],
    ["PAYHUB_TIMEZONE", "not a zone", { PAYHUB_TIMEZONE: "Asia/Atlantis" }],
    ["PAYHUB_PUBLIC_URL", "a URL with a path", { PAYHUB_PUBLIC_URL: "https://pay.example.com/pay" }],
    ["PAYHUB_DATA", "a folder that cannot be made", { PAYHUB_DATA: "/dev/null/data" }]
  ] as const)("%s: %s", (variable, _what, env) => {
    const ended = start({ PAYHUB_MASTER_KEY: KEY, ...env })
    expect(ended.stdout).toBe("")
    expect(ended.stderr).toContain(variable)
    expect(ended.stderr.trim().split("\n")).toHaveLength(1)
    expect(ended.stderr).not.toContain("hidden-word")
    expect(ended.status).toBe(1)
  })

  test("PAYHUB_PORT: a port that another program uses", async () => {
    const other = await startLoopback()
    const ended = start({ PAYHUB_PORT: String(other.port) })
    await other.close()
    expect(ended.stderr.trim()).toMatch(/^PAYHUB_PORT: .* is taken by another program\.$/)
    expect(ended.status).toBe(1)
  })

  test("PAYHUB_MASTER_KEY: a key file that holds no key", () => {
    const data = folder()
    writeFileSync(join(data, "master.key"), "not a key\n")
    const ended = start({ PAYHUB_DATA: data })
    expect(ended.stderr).toContain("PAYHUB_MASTER_KEY")
    expect(ended.status).toBe(1)
  })
})

/** Whether a process runs. A zombie does not. */
const runs = (pid: number): boolean => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"))
  } catch {
    return false
  }
}

describe("A gateway on its embedded database", () => {
  test("refuses a second one on the same folder, keeps its data, and stops its database", async () => {
    const gateway = await startGateway({ databaseUrl: "embedded" })
    const merchant = await gateway.merchant()
    const placed = await merchant.qrcodePay({
      merchant_order_no: "kept",
      amount: 100,
      notify_url: "https://m.example/n"
    })
    const { order_no: orderNo } = placed.data as { order_no: string }

    const second = start({ PAYHUB_DATA: gateway.dataFolder })
    expect(second.stderr).toContain("PAYHUB_DATA")
    expect(second.status).toBe(1)

    const postmaster = () =>
      Number(readFileSync(join(gateway.dataFolder, "postgres/postmaster.pid"), "utf8").split("\n")[0])
    const before = postmaster()
    await gateway.kill()
    await gateway.restart()
    expect((await merchant.orderQuery({ order_no: orderNo })).data).toMatchObject({ merchant_order_no: "kept" })
    const after = postmaster()
    await gateway.stop()
    expect([before, after].filter(runs)).toEqual([])
  })
})

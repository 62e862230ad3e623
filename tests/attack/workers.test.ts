import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { type ChildProcess, spawn } from "node:child_process"
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { testRuntime } from "../harness/gateway.ts"
import { startLoopback } from "../harness/loopback.ts"
import { MerchantClient } from "../harness/merchant-client.ts"
import { sharedPostgres } from "../harness/postgres.ts"
import { endsWithUs, folderEndsWithUs } from "../harness/reaper.ts"
import { REDIS_HOW, type RedisServer, redisAvailable, startRedis } from "../harness/redis.ts"
import { requireTool } from "../harness/require-tool.ts"
import { until } from "../harness/until.ts"

/* `payhub start --workers N`: several processes, one port, one ready line, one stop. Linux: it reads /proc. */

const REPOSITORY = resolve(import.meta.dirname, "../..")
/** One key for the shared database, whichever data folder a gateway has. */
const MASTER_KEY = Buffer.alloc(32, 5).toString("base64")
const DATABASE_PASSWORD = /postgres:\/\/[^:]+:([^@]+)@/

setDefaultTimeout(90_000)

interface Started {
  readonly child: ChildProcess
  readonly folder: string
  readonly stdout: () => string
  readonly stderr: () => string
  readonly url: string
  readonly workers: () => ReadonlyArray<number>
  readonly exited: Promise<number | NodeJS.Signals>
}

const begun: Array<{ readonly child: ChildProcess; readonly folder: string }> = []

const launch = (args: ReadonlyArray<string>, env: Record<string, string>) => {
  const folder = mkdtempSync(join(tmpdir(), "payhub-workers-"))
  chmodSync(folder, 0o755)
  folderEndsWithUs(folder)
  const clean = Object.entries(process.env).filter(([name]) => !/^(PAYHUB_|DATABASE_URL$|REDIS_URL$)/.test(name))
  const runtime = testRuntime()
  const program = join(REPOSITORY, "node_modules/.bin", runtime)
  const child = spawn(program, [...(runtime === "deno" ? ["run", "-A"] : []), join(REPOSITORY, "payhub.ts"), ...args], {
    cwd: REPOSITORY,
    env: { ...Object.fromEntries(clean), PAYHUB_PORT: "0", PAYHUB_DATA: folder, PAYHUB_MASTER_KEY: MASTER_KEY, ...env },
    stdio: ["ignore", "pipe", "pipe"]
  })
  endsWithUs(child.pid ?? 0)
  begun.push({ child, folder })
  let stdout = ""
  let stderr = ""
  child.stdout?.on("data", (chunk: Buffer) => {
    stdout += chunk.toString("utf8")
  })
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr += chunk.toString("utf8")
  })
  const exited = new Promise<number | NodeJS.Signals>((done) =>
    child.once("exit", (code, signal) => done(code ?? signal ?? -1))
  )
  return { child, folder, stdout: () => stdout, stderr: () => stderr, exited }
}

const start = async (count: number, env: Record<string, string>): Promise<Started> => {
  const launched = launch(["start", "--workers", String(count)], env)
  await until("the ready line", () => launched.stdout().includes(`workers    ${count}`), {
    timeoutMs,
    why: launched.stderr
  })
  const url = /listening on (http:\S+)/.exec(launched.stdout())?.[1] ?? ""
  return { ...launched, url, workers: () => workersOf(launched.child.pid ?? 0) }
}

/** Starting or ending three Deno processes on a busy machine may take this long. */
const timeoutMs = 40_000

/** The worker processes of a parent, without its database server. */
const workersOf = (parent: number): ReadonlyArray<number> =>
  readFileSync(`/proc/${parent}/task/${parent}/children`, "utf8")
    .trim()
    .split(" ")
    .filter((pid) => pid !== "" && commandOf(Number(pid)).includes("payhub.ts"))
    .map(Number)

const commandOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")
  } catch {
    return ""
  }
}

const lives = (pid: number): boolean => commandOf(pid) !== ""

const firstMerchant = ({ stdout, url }: Started): MerchantClient =>
  new MerchantClient(() => url, {
    app_id: /app_id {5}(\S+)/.exec(stdout())?.[1] ?? "",
    app_secret: /app_secret (\S+)/.exec(stdout())?.[1] ?? ""
  })

/** Places orders on separate connections, which the kernel distributes among the workers. */
const orders = async (shop: MerchantClient, count: number): Promise<ReadonlyArray<string>> => {
  const messages: Array<string> = []
  for (let i = 0; i < count; i++) {
    const body = shop.body({
      merchant_order_no: crypto.randomUUID(),
      amount: 1000,
      notify_url: "https://shop.example.com/"
    })
    messages.push((await shop.raw("/api/cashier/qrcode-pay", body, { Connection: "close" })).message)
  }
  return messages
}

describe.skipIf(
  !requireTool({ name: "redis-server", found: redisAvailable(), suite: "tests/attack/workers.test.ts", how: REDIS_HOW })
)("payhub start --workers", () => {
  let redis: RedisServer
  let databaseUrl: string
  beforeAll(async () => {
    redis = await startRedis({ password: "redis-password-of-this-test" })
    databaseUrl = await (await sharedPostgres()).createDatabase()
  })
  afterAll(() => redis?.stop())
  afterEach(async () => {
    for (const { child, folder } of begun.splice(0)) {
      const pids = child.exitCode === null && child.signalCode === null ? workersOf(child.pid ?? 0) : []
      if (child.exitCode === null && child.signalCode === null) {
        const gone = new Promise((done) => child.once("exit", done))
        child.kill("SIGTERM")
        await gone
      }
      for (const pid of pids) if (lives(pid)) process.kill(pid, "SIGKILL")
      for (const entry of readdirSync(folder, { recursive: true })) {
        if (!String(entry).endsWith("postmaster.pid")) continue
        process.kill(Number(readFileSync(join(folder, String(entry)), "utf8").split("\n")[0]), "SIGQUIT")
      }
      rmSync(folder, { recursive: true, force: true })
    }
  })

  test("have one ready line and one port, share the orders, and show no password on a command line", async () => {
    const gateway = await start(3, {
      DATABASE_URL: databaseUrl,
      REDIS_URL: redis.url,
      PAYHUB_THROTTLE: "off",
      PAYHUB_METRICS_TOKEN: "t"
    })
    expect(gateway.stdout().match(/listening on/g)).toHaveLength(1)
    expect(gateway.workers()).toHaveLength(3)
    const shop = await merchantOf(gateway, { DATABASE_URL: databaseUrl, REDIS_URL: redis.url })
    expect(new Set(await orders(shop, 60))).toEqual(new Set(["下单成功"]))
    const metrics = await (await fetch(`${gateway.url}/metrics`, { headers: { Authorization: "Bearer t" } })).text()
    const counts = [
      ...metrics.matchAll(
        /^payhub_requests_total\{worker="\d",route="\/api\/cashier\/qrcode-pay",status="200"\} (\d+)$/gm
      )
    ].map(([, count]) => Number(count))
    expect(counts).toHaveLength(3)
    expect(counts.reduce((all, count) => all + count, 0)).toBe(60)
    for (const pid of [gateway.child.pid ?? 0, ...gateway.workers()]) {
      expect(commandOf(pid)).not.toContain(DATABASE_PASSWORD.exec(databaseUrl)?.[1] ?? "none")
      expect(commandOf(pid)).not.toContain("redis-password-of-this-test")
    }
  })

  test("share nonces: one that a worker has seen is used at all of them", async () => {
    const gateway = await start(3, { DATABASE_URL: databaseUrl, REDIS_URL: redis.url, PAYHUB_THROTTLE: "off" })
    const shop = await merchantOf(gateway, { DATABASE_URL: databaseUrl, REDIS_URL: redis.url })
    const body = shop.body({ order_no: "QR20260315080000ABCD1234" })
    const messages: Array<string> = []
    for (let i = 0; i < 12; i++) {
      messages.push((await shop.raw("/api/cashier/order-query", body, { Connection: "close" })).message)
    }
    expect(messages).toEqual(["订单不存在", ...Array.from({ length: 11 }, () => "请求重复,nonce 已使用")])
  })

  test("replace a worker that is killed, keep serving meanwhile, and keep the embedded database", async () => {
    const gateway = await start(3, { REDIS_URL: redis.url, PAYHUB_THROTTLE: "off" })
    const shop = firstMerchant(gateway)
    const before = gateway.workers()
    process.kill(before[1] ?? 0, "SIGKILL")
    await until("its parent to notice", () => gateway.stderr().includes("a worker has ended and is started again"), {
      timeoutMs
    })
    const answers = await orders(shop, 10).catch((error) => String(error))
    expect(answers).toEqual(Array.from({ length: 10 }, () => expect.stringMatching(/^(下单成功|请求过于频繁.*)$/)))
    await until("another worker", () => gateway.workers().length === 3 && !gateway.workers().includes(before[1] ?? 0), {
      timeoutMs
    })
    expect((await fetch(`${gateway.url}/readyz`)).status).toBe(200)
  })

  test("answer what is under way on SIGTERM and leave nothing running", async () => {
    const gateway = await start(3, { REDIS_URL: redis.url })
    const shop = firstMerchant(gateway)
    const pids = gateway.workers()
    const underWay = Array.from({ length: 10 }, () => shop.qrcodePay())
    const first = await Promise.race(underWay)
    gateway.child.kill("SIGTERM")
    expect(await gateway.exited).toBe(0)
    expect(first.code).toBe(200)
    for (const result of await Promise.allSettled(underWay)) {
      // A late connection finds no listener. The sandbox is called through the same port, so a charge may find no worker
      // that still listens: its outcome is unknown, and the answer carries the order's number.
      if (result.status !== "fulfilled") continue
      expect([200, 429, 500, 503]).toContain(result.value.code)
      if (result.value.code === 500) expect(result.value.data?.order_no).toMatch(/^QR/)
    }
    expect(pids.filter(lives)).toEqual([])
    expect(readdirSync(join(gateway.folder, "postgres"))).not.toContain("postmaster.pid")
    expect(readdirSync(gateway.folder)).not.toContain("gateway.json")
  })

  test("end when their parent is killed", async () => {
    const gateway = await start(2, { DATABASE_URL: databaseUrl, REDIS_URL: redis.url })
    const pids = gateway.workers()
    expect(pids).toHaveLength(2)
    gateway.child.kill("SIGKILL")
    await until("the workers' end", () => pids.every((pid) => !lives(pid)), { timeoutMs })
  })

  test("do not start without REDIS_URL, and say why", async () => {
    const { exited, stderr, stdout } = launch(["start", "--workers", "2"], { DATABASE_URL: databaseUrl })
    expect(await exited).toBe(1)
    expect(stderr()).toContain("REDIS_URL")
    expect(stdout()).toBe("")
  })

  test("report once why no worker can start, and leave nothing running", async () => {
    const { exited, stderr, stdout } = launch(["start", "--workers", "3"], {
      DATABASE_URL: databaseUrl.replace(/\/[^/]+$/, "/no_such_database"),
      REDIS_URL: redis.url
    })
    expect(await exited).toBe(1)
    expect(stderr().match(/does not exist/g)).toHaveLength(1)
    expect(stdout()).toBe("")
  })

  test("refuse a port that another program or another gateway has", async () => {
    const taken = await startLoopback()
    const { port } = taken
    const env = { DATABASE_URL: databaseUrl, REDIS_URL: redis.url, PAYHUB_PORT: String(port) }
    const stranger = launch(["start", "--workers", "2"], env)
    expect(await stranger.exited).toBe(1)
    expect(stranger.stderr()).toContain(`PAYHUB_PORT: 127.0.0.1:${port}`)
    await taken.close()
    await start(2, env)
    const second = launch(["start", "--workers", "2"], env)
    expect(await second.exited).toBe(1)
    expect(second.stderr()).toContain("PAYHUB_PORT")
  })

  test.each(["0", "-1", "65", "two"])("cannot be %s: wrong usage", async (count) => {
    const { exited } = launch(["start", "--workers", count], { DATABASE_URL: databaseUrl, REDIS_URL: redis.url })
    expect(await exited).toBe(2)
  })

  const merchantOf = async (gateway: Started, env: Record<string, string>): Promise<MerchantClient> => {
    const args = ["merchant", "create", "--name", "A shop", "--test", "--throttle", "off", "--json"]
    const made = launch(args, { ...env, PAYHUB_DATA: gateway.folder })
    expect(await made.exited).toBe(0)
    await until("the document", () => made.stdout().endsWith("}\n"))
    return new MerchantClient(() => gateway.url, JSON.parse(made.stdout()))
  }
})

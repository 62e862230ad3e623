import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { randomBytes } from "node:crypto"
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import postgres from "postgres"
import { type Playground, startPlayground } from "../../channels/protocols/playground.ts"
import { siteResponse } from "../../core/http/web/site-page.ts"
import { type CommandResult, type Gateway, startGateway } from "../harness/gateway.ts"
import { type Loopback, startLoopback } from "../harness/loopback.ts"
import { type MerchantClient, unique } from "../harness/merchant-client.ts"
import { actAsPayer } from "../harness/payer.ts"
import { type PostgresService, startPostgres } from "../harness/postgres.ts"
import { REDIS_HOW, type RedisServer, redisAvailable, startRedis } from "../harness/redis.ts"
import { requireTool } from "../harness/require-tool.ts"
import { startWebhookReceiver, type WebhookReceiver } from "../harness/webhook-receiver.ts"

/*
 * The life of a gateway whose secrets are known here: starts that succeed and that fail, orders, payments, failures and
 * commands. Then everything that it wrote is searched for the secrets.
 */

setDefaultTimeout(120_000)

const MASTER_KEY = randomBytes(32).toString("base64")
const OTHER_MASTER_KEY = randomBytes(32).toString("base64")
const DATABASE_PASSWORD = `db-${randomBytes(12).toString("hex")}`
const REDIS_PASSWORD = `redis-${randomBytes(12).toString("hex")}`
const METRICS_TOKEN = `metrics-${randomBytes(12).toString("hex")}`
const MISTYPED = `mistyped-${randomBytes(12).toString("hex")}`

/** The secrets by name. */
const secrets = new Map<string, string>([
  ["the master key", MASTER_KEY],
  ["another master key", OTHER_MASTER_KEY],
  ["the database's password", DATABASE_PASSWORD],
  ["Redis' password", REDIS_PASSWORD],
  ["the metrics token", METRICS_TOKEN],
  ["a secret in a setting that is refused", MISTYPED]
])

/** Everything that was written, by place. */
const written = new Map<string, string>()
const keep = (where: string, text: string): void => void written.set(where, `${written.get(where) ?? ""}${text}\n`)

/** Fields of an account's JSON that are secrets. */
const SECRET_FIELD = /^(privateKey|password|appSecret|apiV3Key|signKey|businessKey|desKey|key|pfx|p12)$/i

const accountSecrets = (name: string, value: unknown, path = ""): void => {
  if (typeof value !== "object" || value === null) return
  for (const [field, inner] of Object.entries(value)) {
    if (typeof inner === "string" && SECRET_FIELD.test(field) && inner.length >= 8) {
      secrets.set(`${name}: ${path}${field}`, inner)
    } else accountSecrets(name, inner, `${path}${field}.`)
  }
}

/** The forms in which a secret may appear: as it is, one line of it (PEM), encoded or escaped. */
const shapesOf = (secret: string): ReadonlyArray<string> => {
  const bytes = Buffer.from(secret)
  const shapes = [
    secret,
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
    bytes.toString("base64").replace(/=+$/, ""),
    bytes.toString("hex"),
    ...secret.split(/\\n|\n/).filter((line) => line.length >= 40 && !line.includes("-----"))
  ]
  // The bytes of a Base64 key may be written in hex too.
  if (/^[A-Za-z0-9+/]{43}=$/.test(secret)) shapes.push(Buffer.from(secret, "base64").toString("hex"))
  return shapes
}

const found = (text: string, secret: string): boolean => shapesOf(secret).some((shape) => text.includes(shape))

describe.skipIf(
  !requireTool({ name: "redis-server", found: redisAvailable(), suite: "tests/attack/secrets.test.ts", how: REDIS_HOW })
)("secrets", () => {
  let database: PostgresService
  let databaseUrl: string
  let redis: RedisServer
  let playground: Playground
  let receiver: WebhookReceiver
  let collector: Loopback
  let gateway: Gateway
  let folder: string
  let shop: MerchantClient

  const run = async (...args: ReadonlyArray<string>): Promise<CommandResult> => {
    const ran = await gateway.run(args)
    keep(`payhub ${args.join(" ")}`, ran.stdout + ran.stderr)
    return ran
  }
  const get = async (path: string, headers: Record<string, string> = {}): Promise<void> => {
    const response = await fetch(gateway.url + path, { headers, redirect: "manual" })
    keep(`GET ${path}`, JSON.stringify([...response.headers]) + (await response.text()))
  }
  const listening = async (env: Record<string, string>): Promise<void> => {
    const refused = await startGateway({ databaseUrl, env: { PAYHUB_MASTER_KEY: MASTER_KEY, ...env } }).then(
      async (started) => {
        const logs = started.logs()
        await started.stop()
        return logs
      },
      (error: unknown) => String(error)
    )
    keep(`start with ${Object.keys(env).join(" ")}`, refused)
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "payhub-secrets-"))
    database = await startPostgres()
    const migrated = await database.createDatabase()
    const admin = postgres(migrated, { max: 1, onnotice: () => {} })
    await admin.unsafe(`create role shopkeeper login superuser password '${DATABASE_PASSWORD}'`)
    await admin.end()
    const { host, pathname } = new URL(migrated)
    databaseUrl = `postgres://shopkeeper:${DATABASE_PASSWORD}@${host}${pathname}`
    redis = await startRedis({ password: REDIS_PASSWORD })
    playground = await startPlayground({
      language: () => "en",
      respond: (page) => siteResponse("/", page),
      asset: () => undefined
    })
    receiver = await startWebhookReceiver()
    collector = await startLoopback((request, response) => {
      request.on("data", (chunk) => keep("traces", String(chunk)))
      request.on("end", () => response.end("{}"))
    })
    gateway = await startGateway({
      databaseUrl,
      env: {
        PAYHUB_MASTER_KEY: MASTER_KEY,
        REDIS_URL: redis.url,
        PAYHUB_METRICS_TOKEN: METRICS_TOKEN,
        PAYHUB_RECONCILE_SCHEDULE: "1",
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url
      }
    })
  })
  afterAll(async () => {
    await gateway?.stop()
    await Promise.all([playground?.stop(), receiver?.close(), redis?.stop(), database?.stop(), collector?.close()])
    rmSync(folder, { recursive: true, force: true })
  })

  test("are created, used and misused", async () => {
    // The first merchant's secret is shown once, when the gateway is ready.
    const printed = /app_secret (\S+)/.exec(gateway.logs())?.[1] ?? ""
    expect(printed).toMatch(/^sk_test_/)
    expect(gateway.logs().split(printed)).toHaveLength(2)
    secrets.set("the first merchant's secret", printed)

    for (const [index, { provider, name, account }] of playground.accounts.entries()) {
      accountSecrets(name, account)
      const file = join(folder, `account-${index}.json`)
      writeFileSync(file, JSON.stringify(account))
      const added = await run("channel", "add", provider, "--name", name, "--account", file, "--json")
      expect(added.exitCode).toBe(0)
      await run("channel", "test", String(JSON.parse(added.stdout).id))
      // A refusal quotes none of the account.
      const [first = "", second = ""] = Object.keys(account as object)
      const spoilt = [
        { [first]: undefined },
        { [first]: 1 },
        { [first]: { privateKey: MISTYPED } },
        { [second]: MISTYPED }
      ]
      for (const fields of spoilt) {
        writeFileSync(file, JSON.stringify({ ...(account as object), ...fields }))
        await run("channel", "add", provider, "--name", "Spoilt", "--account", file)
      }
      writeFileSync(file, `{"privateKey": "${MISTYPED}`)
      await run("channel", "add", provider, "--name", "Spoilt", "--account", file)
    }

    // A merchant's secret is shown once, by the command that creates it.
    const client = await gateway.merchant({ test: false })
    shop = client
    secrets.set("a merchant's secret", client.secret)
    const again = await gateway.command(["merchant", "reset-secret", client.appId, "--overlap", "1h"])
    secrets.set("a merchant's next secret", String(again.app_secret))
    const tester = await gateway.merchant()
    secrets.set("a test merchant's secret", tester.secret)

    const inbox = receiver.inbox({ kind: "answer", status: 500, body: "no" }, { kind: "answer", body: "success" })
    const keepAnswer = async (what: string, call: Promise<{ readonly text: string; readonly headers: Headers }>) => {
      const answer = await call
      keep(what, JSON.stringify([...answer.headers]) + answer.text)
      return answer
    }
    for (const one of [shop, tester, shop.withSecret(String(again.app_secret))]) {
      await keepAnswer("orders", one.qrcodePay({ notify_url: inbox.url }))
      await keepAnswer("orders", one.wechatJsPay({ notify_url: inbox.url, subOpenId: "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o" }))
      await keepAnswer("orders", one.wechatJsPay({ notify_url: inbox.url }))
      await keepAnswer("refusals", one.qrcodePay({ amount: "x", notify_url: "http://10.0.0.1/" }))
      await keepAnswer("refusals", one.qrcodePay({}, { secret: "wrong" }))
      await keepAnswer("refusals", one.qrcodePay({ sign: one.secret }, { sign: one.secret }))
      await keepAnswer("refusals", one.raw("/api/cashier/qrcode-pay", "{"))
      await keepAnswer("refusals", one.orderQuery({ order_no: "QR20260315080000ABCD1234" }))
    }
    const order = await tester.qrcodePay({ notify_url: inbox.url })
    await actAsPayer(order)
    await inbox.waitFor(2)
    for (const push of inbox.pushes) keep("webhooks", JSON.stringify(push.headers) + push.bytes.toString("utf8"))
    keep(
      "forged notices",
      await (await fetch(`${gateway.url}/api/notice/sandbox`, { method: "POST", body: "x" })).text()
    )

    for (const path of ["/", "/demo", "/demo/state?order_no=x", "/swagger", "/swagger/json", "/metrics", "/readyz"]) {
      await get(path)
    }
    await get("/metrics", { authorization: `Bearer ${METRICS_TOKEN}` })
    await get("/metrics", { authorization: `Bearer ${METRICS_TOKEN}x` })
    await get(`/nowhere?token=${unique()}`)

    const orderNo = String(order.data?.order_no)
    const commands: ReadonlyArray<ReadonlyArray<string>> = [
      ["merchant", "list"],
      ["merchant", "show", shop.appId],
      ["merchant", "update", shop.appId, "--name", "Renamed"],
      ["merchant", "disable", shop.appId],
      ["merchant", "enable", shop.appId],
      ["channel", "providers"],
      ["channel", "list"],
      ["order", "list"],
      ["order", "show", orderNo],
      ["webhook", "list"],
      ["webhook", "resend", orderNo],
      ["sandbox", "pay", orderNo],
      ["sandbox", "pay", orderNo, "--forge"],
      ["key", "--help"],
      ["--help"]
    ]
    for (const command of commands) {
      await run(...command)
      await run(...command, "--json")
    }
  })

  test("are in use while the stores fail", async () => {
    await redis.kill()
    await shop.qrcodePay()
    await redis.restart()
    await database.pause()
    keep("orders without a database", (await shop.qrcodePay()).text)
    await get("/readyz")
    await get("/metrics", { authorization: `Bearer ${METRICS_TOKEN}` })
    await run("merchant", "list")
    await run("channel", "list", "--json")
    await database.resume()
  })

  test("are wrong in the settings of a start", async () => {
    const { host, pathname } = new URL(databaseUrl)
    await listening({ DATABASE_URL: `postgres://shopkeeper:${MISTYPED}@${host}${pathname}` })
    await listening({ DATABASE_URL: `postgres://shopkeeper:${DATABASE_PASSWORD}@${host}/no_such_database` })
    await listening({ DATABASE_URL: `postgres://shopkeeper:${DATABASE_PASSWORD}@127.0.0.1:1${pathname}` })
    await listening({ DATABASE_URL: `mysql://shopkeeper:${MISTYPED}@${host}${pathname}` })
    await listening({ DATABASE_URL: `postgres://shopkeeper:${MISTYPED}@[half${pathname}` })
    await listening({ REDIS_URL: redis.url.replace(REDIS_PASSWORD, MISTYPED), PAYHUB_REDIS_DOWN: "refuse" })
    await listening({ REDIS_URL: `redis://:${MISTYPED}@127.0.0.1:1`, PAYHUB_REDIS_DOWN: "refuse" })
    await listening({ REDIS_URL: `redis://:${MISTYPED}@127.0.0.1:1` })
    await listening({ REDIS_URL: `http://:${MISTYPED}@127.0.0.1:1` })
    await listening({ REDIS_URL: `redis://:${MISTYPED}@[half` })
    await listening({ PAYHUB_MASTER_KEY: MISTYPED })
    await listening({ PAYHUB_MASTER_KEY: OTHER_MASTER_KEY })
    await listening({ PAYHUB_PUBLIC_URL: `https://user:${MISTYPED}@pay.example.com` })
    expect([...written.keys()].filter((where) => where.startsWith("start with")).length).toBeGreaterThan(3)
  })

  test("are found nowhere in what was written", async () => {
    keep("the gateway's log", gateway.logs().replaceAll(secrets.get("the first merchant's secret") ?? "none", "(once)"))
    const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} })
    const tables = await sql<Array<{ name: string }>>`
      select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`
    let rows = 0
    for (const { name } of tables) {
      for (const { line } of await sql.unsafe<Array<{ line: string }>>(`select t::text as line from ${name} t`)) {
        rows += 1
        keep(`table ${name}`, line)
      }
    }
    await sql.end()
    for (const file of readdirSync(gateway.dataFolder, { recursive: true })) {
      const path = join(gateway.dataFolder, String(file))
      if (statSync(path).isFile()) keep(`file ${String(file)}`, readFileSync(path, "latin1"))
    }
    // The search can fail: everything was collected, and every secret is found in a text that holds it.
    expect(rows).toBeGreaterThan(20)
    expect(secrets.size).toBeGreaterThanOrEqual(14)
    expect(written.get("table public.orders")).toContain("QR")
    expect(written.get("traces")).toContain("/api/cashier/qrcode-pay")
    expect([...secrets.values()].filter((secret) => !found(`…${secret}…`, secret))).toEqual([])

    const leaks = [...written].flatMap(([where, text]) =>
      [...secrets].filter(([, secret]) => found(text, secret)).map(([name]) => `${name} in ${where}`)
    )
    expect(leaks).toEqual([])
  })
})

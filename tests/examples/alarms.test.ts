import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { readdirSync, readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import { REDIS_HOW, type RedisServer, redisAvailable, startRedis } from "../harness/redis.ts"
import { requireTool } from "../harness/require-tool.ts"
import { until } from "../harness/until.ts"

/* The metrics that examples/deploy explains, draws and alarms on are those that a gateway prints. */

setDefaultTimeout(60_000)

const root = resolve(import.meta.dirname, "../..")
const read = (path: string): string => readFileSync(join(root, path), "utf8")
const deploy = (name: string): string => read(`examples/deploy/${name}`)

/** The metrics that a text names, without the suffixes of a histogram's samples. */
const namesIn = (text: string): ReadonlyArray<string> => [
  ...new Set([...text.matchAll(/\bpayhub_\w+/g)].map(([name]) => name.replace(/_(bucket|sum|count)$/, "")))
]

// biome-ignore lint/suspicious/noExplicitAny: a test reads what it expects and fails where it is not there
type Node = any
const rules: ReadonlyArray<Node> = (Bun.YAML.parse(deploy("prometheus-rules.yaml")) as Node).groups.flatMap(
  ({ rules }: Node) => rules
)
const targets: ReadonlyArray<Node> = JSON.parse(deploy("grafana-dashboard.json")).panels.flatMap(
  ({ targets }: Node) => targets
)

/** Printed once a channel hangs, which tests/attack/hanging-channel.test.ts sees. */
const WITH_A_HANGING_CHANNEL = ["payhub_orders_refused_total"]

const TOKEN = "metrics-token-of-this-test"
const suite = "tests/examples/alarms.test.ts"
describe.skipIf(!requireTool({ name: "redis-server", found: redisAvailable(), suite, how: REDIS_HOW }))(
  "A gateway with two workers",
  () => {
    let redis: RedisServer
    let gateway: Gateway
    let printed: ReadonlyArray<string>
    beforeAll(async () => {
      redis = await startRedis()
      gateway = await startGateway({ workers: 2, env: { REDIS_URL: redis.url, PAYHUB_METRICS_TOKEN: TOKEN } })
      // Counters appear at their first event.
      const { data } = await (await gateway.merchant()).qrcodePay({ notify_url: "http://127.0.0.1:9/" })
      const { order_no } = data as { readonly order_no: string }
      await gateway.command(["sandbox", "pay", order_no])
      await gateway.run(["sandbox", "pay", order_no, "--forge"])
      printed = await until("every counter of the webhooks", async () => {
        const answer = await fetch(`${gateway.url}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } })
        const names = [...(await answer.text()).matchAll(/^# TYPE (\S+)/gm)].map(([, name = ""]) => name)
        return names.includes("payhub_webhook_pushes_total") ? names : null
      })
    })
    afterAll(async () => {
      await gateway?.stop()
      await redis?.stop()
    })

    test("prints the metrics of metrics.md, and no other", () => {
      const explained = [...deploy("metrics.md").matchAll(/^\| `(payhub_\w+)` \| (?:counter|gauge|histogram)\b/gm)]
      expect(explained.map(([, name = ""]) => name).sort()).toEqual([...printed, ...WITH_A_HANGING_CHANNEL].sort())
    })

    test("prints every metric that a rule or a panel names", () => {
      for (const { expr } of [...rules, ...targets]) {
        const names = namesIn(expr)
        if (names.length === 0) expect(expr).toBe('up{job="payhub"} == 0')
        for (const name of names) expect(printed, expr).toContain(name)
      }
    })
  }
)

test("metrics.md explains every metric that the code declares", () => {
  const sources = readdirSync(join(root, "core"), { recursive: true })
    .map((path) => `core/${String(path)}`)
    .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts"))
  const declared = sources.flatMap((path) => [...read(path).matchAll(/"(payhub_\w+)"/g)].map(([, name = ""]) => name))
  expect(declared.length).toBeGreaterThan(10)
  expect(declared.filter((name) => !deploy("metrics.md").includes(`| \`${name}\` |`))).toEqual([])
})

test("every alarm has a name, a severity and a sentence, and the rules are those that Prometheus is told to read", () => {
  expect(rules.length).toBeGreaterThan(8)
  for (const { alert, expr, labels, annotations } of rules) {
    expect(alert).toMatch(/^PayHub[A-Z]\w+$/)
    expect(String(expr).length).toBeGreaterThan(10)
    expect(["page", "ticket"]).toContain(labels.severity)
    expect(annotations.summary).toMatch(/\.$/)
  }
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length)
  const { rule_files, scrape_configs } = Bun.YAML.parse(deploy("prometheus.yaml")) as Node
  expect(rule_files).toEqual(["prometheus-rules.yaml"])
  expect(scrape_configs[0].job_name).toBe("payhub")
})

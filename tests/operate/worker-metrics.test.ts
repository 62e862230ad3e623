import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { existsSync, readFileSync } from "node:fs"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import { ended, endsWithUs } from "../harness/reaper.ts"
import { REDIS_HOW, type RedisServer, redisAvailable, startRedis } from "../harness/redis.ts"
import { requireTool } from "../harness/require-tool.ts"
import { until } from "../harness/until.ts"

/* `/metrics` of `payhub start --workers 3`: whichever worker answers, it answers for all. Linux only: it reads /proc. */

setDefaultTimeout(90_000)

const TOKEN = "metrics-token-of-this-test"
const WORKERS = ["1", "2", "3"]

/** A scrape as Prometheus reads it: the values by series, and those of counters and histograms alone. */
interface Scrape {
  readonly series: ReadonlyMap<string, number>
  readonly counters: ReadonlyMap<string, number>
}

/** Reads the text format and checks its rules: one HELP and TYPE per metric, its samples together, no series twice. */
const read = (text: string): Scrape => {
  const types = new Map<string, string>()
  const helped = new Set<string>()
  const series = new Map<string, number>()
  const counters = new Map<string, number>()
  let metric = ""
  expect(text).toEndWith("\n")
  for (const line of text.trimEnd().split("\n")) {
    const [, keyword, described = "", rest = ""] = /^# (HELP|TYPE) ([a-z_]+) (.+)$/.exec(line) ?? []
    if (keyword === "HELP") {
      expect(helped).not.toContain(described)
      helped.add(described)
      metric = described
      continue
    }
    if (keyword === "TYPE") {
      expect([...types.keys()]).not.toContain(described)
      expect(["counter", "gauge", "histogram"]).toContain(rest)
      expect(described).toBe(metric)
      types.set(described, rest)
      continue
    }
    const [, name = "", labels = "", value] =
      /^([a-z_]+)((?:\{(?:[a-z_]+="[^"\\]*",?)+\})?) ([0-9.e+-]+)$/.exec(line) ?? []
    expect(value, line).toBeDefined()
    const type = types.get(metric)
    expect(type === "histogram" ? name.replace(/_(bucket|sum|count)$/, "") : name, line).toBe(metric)
    expect(series.has(name + labels), line).toBe(false)
    series.set(name + labels, Number(value))
    if (type !== "gauge") counters.set(name + labels, Number(value))
  }
  return { series, counters }
}

/** The requests on a route that each worker has answered with 200. */
const requestsOf = ({ series }: Scrape, route: string): ReadonlyArray<number> =>
  WORKERS.map((worker) => series.get(`payhub_requests_total{worker="${worker}",route="${route}",status="200"}`) ?? 0)

const sum = (numbers: ReadonlyArray<number>): number => numbers.reduce((total, one) => total + one, 0)

const up = ({ series }: Scrape): ReadonlyArray<number | undefined> =>
  WORKERS.map((worker) => series.get(`payhub_worker_up{worker="${worker}"}`))

/** Expects no counter of a worker that is up to be lower than before. */
const expectNoneFell = (before: Scrape, after: Scrape, workers: ReadonlyArray<string> = WORKERS): void => {
  const there = workers.filter((worker) => up(after)[Number(worker) - 1] === 1)
  const fallen = [...before.counters].filter(
    ([name, value]) =>
      there.some((worker) => name.includes(`{worker="${worker}"`)) && !((after.counters.get(name) ?? -1) >= value)
  )
  expect(fallen).toEqual([])
}

describe.skipIf(
  !requireTool({
    name: "redis-server",
    found: redisAvailable(),
    suite: "tests/operate/worker-metrics.test.ts",
    how: REDIS_HOW
  })
)("the metrics of several workers", () => {
  let redis: RedisServer
  let gateway: Gateway
  beforeAll(async () => {
    redis = await startRedis()
    gateway = await startGateway({ workers: 3, env: { REDIS_URL: redis.url, PAYHUB_METRICS_TOKEN: TOKEN } })
  })
  afterAll(async () => {
    await gateway?.stop()
    await redis?.stop()
  })

  /** Requests on a separate connection, which the kernel distributes among the workers. */
  const get = (path: string, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<Response> =>
    fetch(gateway.url + path, { headers: { connection: "close", ...headers }, ...(signal && { signal }) })

  const scrape = async (signal?: AbortSignal): Promise<Scrape> => {
    const response = await get("/metrics", { authorization: `Bearer ${TOKEN}` }, signal)
    expect(response.status).toBe(200)
    return read(await response.text())
  }

  /** The first answer of many scrapes, because a connection that a hung worker gets is never answered. */
  const scrapePastTheHung = async (): Promise<Scrape> => {
    const rest = new AbortController()
    try {
      return await Promise.any(Array.from({ length: 12 }, () => scrape(rest.signal)))
    } finally {
      rest.abort()
    }
  }

  const pidOf = (worker: string): number => {
    const children = readFileSync(`/proc/${gateway.pid}/task/${gateway.pid}/children`, "utf8").trim().split(" ")
    const variables = (pid: string) => readFileSync(`/proc/${pid}/environ`, "utf8")
    return Number(children.find((pid) => variables(pid).includes(`PAYHUB_WORKER={"number":${worker},`)))
  }

  test("count every request once in one scrape, whichever worker took it", async () => {
    for (let i = 0; i < 60; i++) expect((await get("/healthz")).status).toBe(200)
    const scraped = await scrape()
    expect(sum(requestsOf(scraped, "/healthz"))).toBe(60)
    for (const count of requestsOf(scraped, "/healthz")) expect(count).toBeGreaterThan(0)
    const timed = WORKERS.map((worker) =>
      scraped.series.get(`payhub_request_duration_seconds_count{worker="${worker}",route="/healthz"}`)
    )
    expect(timed).toEqual([...requestsOf(scraped, "/healthz")])
    expect(up(scraped)).toEqual([1, 1, 1])
  })

  test("show the store's own figures once and for no worker", async () => {
    const { series } = await scrape()
    expect(series.get("payhub_orders_pending")).toBe(0)
    const own = [...series.keys()].filter((name) =>
      /^payhub_(orders|order|notices_stray|webhooks|webhook_und)/.test(name)
    )
    expect(own.filter((name) => name.includes("{"))).toEqual([])
  })

  test("never go back from scrape to scrape, whichever worker answers", async () => {
    let last = await scrape()
    const before = sum(requestsOf(last, "/metrics"))
    for (let i = 1; i <= 20; i++) {
      await get("/readyz")
      const next = await scrape()
      expectNoneFell(last, next)
      // Every earlier scrape is counted, also those that other workers answered.
      expect(sum(requestsOf(next, "/metrics"))).toBe(before + i)
      last = next
    }
    // All workers answered some of the scrapes.
    for (const count of requestsOf(last, "/metrics")) expect(count).toBeGreaterThan(0)
  })

  test("are whole in each of several scrapes at once", async () => {
    for (const scraped of await Promise.all(Array.from({ length: 20 }, () => scrape())))
      expect(up(scraped)).toEqual([1, 1, 1])
  })

  test("are 404 at every worker without the token", async () => {
    for (let i = 0; i < 12; i++) {
      expect((await get("/metrics")).status).toBe(404)
      expect((await get("/metrics", { authorization: `Bearer ${TOKEN}x` })).status).toBe(404)
    }
  })

  test("come without a worker that hangs after two seconds, and with it again once it answers", async () => {
    const before = await scrape()
    const pid = pidOf("2")
    endsWithUs(pid)
    process.kill(pid, "SIGSTOP")
    try {
      const startedAt = performance.now()
      const without = await scrapePastTheHung()
      expect(performance.now() - startedAt).toBeLessThan(5_000)
      expect(up(without)).toEqual([1, 0, 1])
      expectNoneFell(before, without, ["1", "3"])
      expect([...without.counters.keys()].filter((name) => name.includes('{worker="2"'))).toEqual([])
      expect(without.series.has("payhub_orders_pending")).toBe(true)
    } finally {
      process.kill(pid, "SIGCONT")
      ended(pid)
    }
    await until("worker 2 to answer", async () => up(await scrape())[1] === 1)
    expectNoneFell(before, await scrape())
  })

  test("come without a worker that is killed, and its replacement starts from zero under its number", async () => {
    await until("requests at worker 3", async () => {
      await get("/healthz")
      return (requestsOf(await scrape(), "/healthz")[2] ?? 0) > 5
    })
    const before = await scrape()
    const pid = pidOf("3")
    // Stopped first, so that it dies while a scrape is waiting for it.
    endsWithUs(pid)
    process.kill(pid, "SIGSTOP")
    const during = scrapePastTheHung()
    process.kill(pid, "SIGKILL")
    expect(up(await during)[2]).toBe(0)
    expectNoneFell(before, await during, ["1", "2"])
    await until("its end", () => !existsSync(`/proc/${pid}`))
    ended(pid)
    const after = await until("another worker 3", async () => {
      const scraped = await scrape()
      expectNoneFell(before, scraped, ["1", "2"])
      return up(scraped)[2] === 1 && scraped
    })
    expect(pidOf("3")).not.toBe(pid)
    expect(requestsOf(after, "/healthz")[2]).toBeLessThan(requestsOf(before, "/healthz")[2] ?? 0)
  })
})

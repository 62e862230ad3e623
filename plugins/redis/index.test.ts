import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { Effect, Layer, Logger, ManagedRuntime, Redacted } from "effect"
import { StartRefused } from "../../core/config/start-refused.ts"
import { StoreUnavailable } from "../../core/domain/errors.ts"
import { ReplayStore } from "../../core/pipeline/replay/replay.ts"
import { ThrottleStore } from "../../core/pipeline/throttle/throttle.ts"
import {
  REDIS_HOW,
  type RedisCluster,
  type RedisSentinel,
  type RedisServer,
  redisAvailable,
  startRedis,
  startRedisCluster,
  startRedisSentinel
} from "../../tests/harness/redis.ts"
import { requireTool } from "../../tests/harness/require-tool.ts"
import { replaySuite } from "../../tests/harness/suites/replay.ts"
import { uniqueKey } from "../../tests/harness/suites/store-time.ts"
import { throttleSuite } from "../../tests/harness/suites/throttle.ts"
import { until } from "../../tests/harness/until.ts"
import { redis } from "./index.ts"

setDefaultTimeout(60_000)

const runs = requireTool({ name: "redis-server", found: redisAvailable(), suite: "plugins/redis", how: REDIS_HOW })

const START_TIMEOUT_MS = 30_000

type Down = "refuse" | "degrade"

const pluginFor = (url: string, down: Down) => redis({ url: Redacted.make(url), down })

/** A layer that is made only when it is built, because its server starts after the suite is declared. */
const lazily = <A, E>(layer: () => Layer.Layer<A, E>): Layer.Layer<A, E> => Layer.unwrap(Effect.sync(layer))

const OWNER = "pk_test_owner"

/** Where the nonce of OWNER is kept. */
const keyOf = (nonce: string): string => `payhub:nonce:{${OWNER}}:${nonce}`

/** The two stores of one gateway, and the lines that it logs. */
class Stores {
  static readonly open = new Set<Stores>()
  readonly lines: Array<string> = []
  readonly #runtime

  constructor(url: string, down: Down) {
    const plugin = pluginFor(url, down)
    const log = Logger.layer([Logger.make(({ logLevel, message }) => void this.lines.push(`${logLevel} ${message}`))])
    this.#runtime = ManagedRuntime.make(
      Layer.merge(plugin.throttleStore, plugin.replayStore).pipe(Layer.provideMerge(log))
    )
    Stores.open.add(this)
  }
  take(key: string, count = 1, windowMs = 60_000): Promise<number> {
    return this.#runtime.runPromise(Effect.flatMap(ThrottleStore, (store) => store.take(key, count, windowMs)))
  }
  claim(nonce: string, owner = OWNER, windowMs = 60_000): Promise<boolean | "over-share"> {
    return this.#runtime.runPromise(Effect.flatMap(ReplayStore, (store) => store.claim(owner, nonce, windowMs)))
  }
  alarms(): ReadonlyArray<string> {
    return this.lines.filter((line) => line.startsWith("Error"))
  }
  back(): ReadonlyArray<string> {
    return this.lines.filter((line) => line.includes("is back after"))
  }
  close(): Promise<void> {
    Stores.open.delete(this)
    return this.#runtime.dispose()
  }
}

afterEach(async () => void (await Promise.all([...Stores.open].map((stores) => stores.close()))))

const refusal = async (stores: Stores): Promise<StartRefused> => {
  const error = await stores.take(uniqueKey("throttle")).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(StartRefused)
  return error as StartRefused
}

describe.skipIf(!runs)("on one Redis", () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis({ password: "s3:cr@t" })
  })
  afterAll(() => server?.stop())

  throttleSuite(
    "Redis",
    lazily(() => pluginFor(server.url, "refuse").throttleStore),
    "own"
  )
  replaySuite(
    "Redis",
    lazily(() => pluginFor(server.url, "refuse").replayStore),
    "own"
  )
  throttleSuite(
    "Redis that may degrade",
    lazily(() => pluginFor(server.url, "degrade").throttleStore),
    "own"
  )
  replaySuite(
    "Redis that may degrade",
    lazily(() => pluginFor(server.url, "degrade").replayStore),
    "own"
  )

  test.each(["refuse", "degrade"] as const)("two gateways share slots and nonces (%s)", async (down) => {
    const gateways = [new Stores(server.url, down), new Stores(server.url, down)] as const
    const [slot, nonce] = [uniqueKey("throttle"), uniqueKey("nonce")]
    const both = Array.from({ length: 100 }, (_, i) => gateways[i % 2] as Stores)
    const waits = await Promise.all(both.map((stores) => stores.take(slot, 7)))
    expect(waits.filter((waitMs) => waitMs === 0).length).toBe(7)
    const claims = await Promise.all(both.map((stores) => stores.claim(nonce)))
    expect(claims.filter((first) => first).length).toBe(1)
  })

  test("both stores of a gateway share one connection, which ends with the gateway", async () => {
    const ours = async () =>
      String(await server.command("CLIENT", "LIST"))
        .trim()
        .split("\n").length - 1
    await until("other connections to end", async () => (await ours()) === 0)
    const stores = new Stores(server.url, "refuse")
    await stores.take(uniqueKey("throttle"))
    await stores.claim(uniqueKey("nonce"))
    expect(await ours()).toBe(1)
    await stores.close()
    await until("the connection to end", async () => (await ours()) === 0)
  })

  test("keys in Redis carry PayHub's prefix", async () => {
    const stores = new Stores(server.url, "refuse")
    const key = uniqueKey("nonce")
    await stores.claim(key)
    expect(await server.command("EXISTS", keyOf(key))).toBe(1)
  })

  test("works on after FLUSHALL and SCRIPT FLUSH, which drop slots, nonces and the script", async () => {
    const stores = new Stores(server.url, "refuse")
    const [slot, nonce] = [uniqueKey("throttle"), uniqueKey("nonce")]
    expect(await stores.take(slot)).toBe(0)
    expect(await stores.claim(nonce)).toBe(true)
    await server.command("FLUSHALL")
    await server.command("SCRIPT", "FLUSH")
    const waits = await Promise.all(Array.from({ length: 20 }, () => stores.take(slot)))
    expect(waits.filter((waitMs) => waitMs === 0).length).toBe(1)
    expect(await stores.claim(nonce)).toBe(true)
    expect(await stores.claim(nonce)).toBe(false)
    expect(stores.alarms()).toEqual([])
  })

  test("a connection that the server closes is reopened while the request waits, without an alarm", async () => {
    const stores = new Stores(server.url, "refuse")
    await stores.take(uniqueKey("throttle"))
    await Bun.sleep(1_100) // a connection younger than a second counts as an outage
    let failures = 0
    let asking = true
    const asked = (async () => {
      while (asking) {
        await stores.take(uniqueKey("throttle")).catch(() => failures++)
        await new Promise((resolve) => setImmediate(resolve))
      }
    })()
    await server.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    await until("the loss to be noticed", () => stores.lines.length > 0)
    asking = false
    await asked
    expect(failures).toBeLessThanOrEqual(1) // the command in flight may have been executed, so it is not sent again
    expect(await stores.take(uniqueKey("throttle"))).toBe(0)
    expect(stores.lines.length).toBe(1)
    expect(stores.lines[0]).toStartWith("Info Redis at 127.0.0.1")
  })

  test("a user without the right to ask about the server works without an alarm", async () => {
    await server.command("ACL", "SETUSER", "safe", "on", ">pw", "~payhub:*", "+@all", "-@dangerous", "-@admin")
    const stores = new Stores(`redis://safe:pw@127.0.0.1:${server.port}`, "refuse")
    expect(await stores.take(uniqueKey("throttle"))).toBe(0)
    expect(stores.lines).toEqual([])
  })

  test("a Redis that drops live keys when it is full is used with a warning", async () => {
    const setPolicy = (policy: string, limit: string) =>
      server.command("CONFIG", "SET", "maxmemory-policy", policy, "maxmemory", limit)
    await setPolicy("volatile-lru", "100mb")
    const stores = new Stores(server.url, "refuse")
    expect(await stores.take(uniqueKey("throttle"))).toBe(0)
    expect(stores.lines.map((line) => line.slice(0, 5))).toEqual(["Warn "])
    expect(stores.lines[0]).toContain("volatile-lru")
    await setPolicy("noeviction", "0")
  })

  test("a merchant that floods with nonces is refused at half of Redis's memory and a sixteenth of that, and the others go on", async () => {
    await server.command("FLUSHALL")
    await server.command("CONFIG", "SET", "maxmemory", "6mb")
    const stores = new Stores(server.url, "refuse")
    const flood = async (nonces: number) => {
      const answers: Array<boolean | "over-share"> = []
      while (answers.length < nonces) {
        const batch = Array.from({ length: 500 }, () => stores.claim(crypto.randomUUID(), "pk_live_flood", 600_000))
        answers.push(...(await Promise.all(batch)))
      }
      return answers
    }
    const share = Math.ceil((6 * 1024 * 1024) / 2 / 200)
    const light = Math.ceil(share / 16)
    expect((await flood(share + light + 1_000)).filter((answer) => answer === true).length).toBe(share + light)
    expect(await stores.claim("one more", "pk_live_flood")).toBe("over-share")
    expect(await stores.claim("one more", "pk_live_other")).toBe(true)
    expect(await stores.claim("one more", "pk_live_other")).toBe(false)
    expect(stores.alarms()).toEqual([])
    await server.command("FLUSHALL")
    await server.command("CONFIG", "SET", "maxmemory", "0")
  })

  test("a wrong password stops the start with a sentence that does not contain it", async () => {
    const url = server.url.replace("s3%3Acr%40t", "topsecret")
    const { variable, message } = await refusal(new Stores(url, "refuse"))
    expect(variable).toBe("REDIS_URL")
    expect(message).toContain("WRONGPASS")
    expect(message).not.toContain("topsecret")
    const degraded = new Stores(url, "degrade")
    expect(await degraded.take(uniqueKey("throttle"))).toBe(0)
    await until("the alarm", () => degraded.alarms().length === 1)
    expect(degraded.lines.join()).not.toContain("topsecret")
  })

  test("a malformed URL stops the start in both modes", async () => {
    for (const down of ["refuse", "degrade"] as const) {
      expect((await refusal(new Stores("redis://:topsecret@h1,h2", down))).message).not.toContain("topsecret")
    }
  })
})

describe.skipIf(!runs)("without Redis", () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server?.stop())
  afterEach(async () => {
    process.kill(server.pid, "SIGCONT")
    await server.restart()
  })

  test("refuse: the start is refused with the variable's name and what to do", async () => {
    await server.kill()
    const { variable, message } = await refusal(new Stores(server.url, "refuse"))
    expect(variable).toBe("REDIS_URL")
    expect(message).toContain(`127.0.0.1:${server.port}`)
    expect(message).toContain("PAYHUB_REDIS_DOWN=degrade")
    await server.restart()
  })

  test("degrade: the gateway starts with one alarm line, counts in the process, and moves to Redis when it is up", async () => {
    await server.kill()
    const stores = new Stores(server.url, "degrade")
    const slot = uniqueKey("throttle")
    expect(await stores.take(slot)).toBe(0)
    expect(await stores.take(slot)).toBeGreaterThan(0)
    await until("the alarm", () => stores.alarms().length === 1)
    await server.restart()
    await until("the end of the outage", () => stores.back().length === 1)
    const later = uniqueKey("throttle")
    expect(await stores.take(later)).toBe(0)
    expect(await server.command("EXISTS", `payhub:${later}`)).toBe(1)
  })

  test("refuse: an outage answers StoreUnavailable at once, logs one alarm line for any number of calls, and ends", async () => {
    const stores = new Stores(server.url, "refuse")
    expect(await stores.take(uniqueKey("throttle"))).toBe(0)
    await server.kill()
    for (let i = 0; i < 50; i++) {
      const error = await stores.take(uniqueKey("throttle")).catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(StoreUnavailable)
      expect((error as StoreUnavailable).store).toBe("redis")
      expect(await stores.claim(uniqueKey("nonce")).catch((thrown: unknown) => thrown)).toBeInstanceOf(StoreUnavailable)
    }
    await until("the alarm", () => stores.alarms().length > 0)
    await server.restart()
    await until("the end of the outage", () => stores.back().length > 0)
    expect(await stores.take(uniqueKey("throttle"))).toBe(0)
    expect(await stores.claim(uniqueKey("nonce"))).toBe(true)
    expect(stores.lines.length).toBe(2)
    expect(stores.alarms()[0]).toContain("503")
  })

  test("degrade: every merchant goes on during an outage, and nobody gets a slot or a nonce twice", async () => {
    const stores = new Stores(server.url, "degrade")
    const slots = { before: uniqueKey("throttle"), during: uniqueKey("throttle") }
    const nonces = { before: uniqueKey("nonce"), during: uniqueKey("nonce") }
    expect(await stores.take(slots.before)).toBe(0)
    expect(await stores.claim(nonces.before)).toBe(true)
    await server.kill()
    expect(await stores.take(slots.before)).toBeGreaterThan(0)
    expect(await stores.claim(nonces.before)).toBe(false)
    const claims = await Promise.all(Array.from({ length: 100 }, () => stores.claim(nonces.during)))
    expect(claims.filter((first) => first).length).toBe(1)
    const waits = await Promise.all(Array.from({ length: 100 }, () => stores.take(slots.during, 7)))
    expect(waits.filter((waitMs) => waitMs === 0).length).toBe(7)
    await until("the alarm", () => stores.alarms().length > 0)
    await server.restart()
    await until("the end of the outage", () => stores.back().length > 0)
    expect(await stores.take(slots.during, 7)).toBeGreaterThan(0)
    expect(await stores.claim(nonces.during)).toBe(false)
    expect(await stores.take(uniqueKey("throttle"))).toBe(0)
    expect(await stores.claim(uniqueKey("nonce"))).toBe(true)
    expect(stores.lines.length).toBe(2)
  })

  test("a Redis that hangs costs the first requests one deadline, later ones nothing, and is used again when it runs", async () => {
    const stores = new Stores(server.url, "refuse")
    expect(await stores.take(uniqueKey("throttle"))).toBe(0)
    process.kill(server.pid, "SIGSTOP")
    const askedAt = performance.now()
    await Promise.all(
      Array.from({ length: 20 }, async () =>
        expect(stores.take(uniqueKey("throttle"))).rejects.toBeInstanceOf(StoreUnavailable)
      )
    )
    expect(performance.now() - askedAt).toBeWithin(900, 2_500)
    const askedAgainAt = performance.now()
    for (let i = 0; i < 20; i++) {
      await expect(stores.claim(uniqueKey("nonce"))).rejects.toBeInstanceOf(StoreUnavailable)
    }
    expect(performance.now() - askedAgainAt).toBeLessThan(500)
    process.kill(server.pid, "SIGCONT")
    await until("the end of the outage", () => stores.back().length > 0)
    expect(await stores.take(uniqueKey("throttle"))).toBe(0)
    expect(stores.alarms().length).toBe(1)
  })

  test("a full Redis counts as an outage, and is used again when it has room", async () => {
    const stores = new Stores(server.url, "degrade")
    expect(await stores.claim(uniqueKey("nonce"))).toBe(true)
    await server.command("CONFIG", "SET", "maxmemory", "1")
    for (let i = 0; i < 20; i++) expect(await stores.claim(uniqueKey("nonce"))).toBe(true)
    await until("the alarm", () => stores.alarms().length > 0)
    expect(stores.alarms()[0]).toContain("OOM")
    await server.command("CONFIG", "SET", "maxmemory", "0")
    await until("the end of the outage", () => stores.back().length > 0)
    const key = uniqueKey("nonce")
    expect(await stores.claim(key)).toBe(true)
    expect(await server.command("EXISTS", keyOf(key))).toBe(1)
    expect(stores.alarms().length).toBe(1)
  })
})

describe.skipIf(!runs)("on a Redis Cluster", () => {
  let cluster: RedisCluster
  beforeAll(async () => {
    cluster = await startRedisCluster()
  }, START_TIMEOUT_MS)
  afterAll(() => cluster?.stop())

  throttleSuite(
    "Redis Cluster",
    lazily(() => pluginFor(cluster.url, "refuse").throttleStore),
    "own"
  )
  replaySuite(
    "Redis Cluster",
    lazily(() => pluginFor(cluster.url, "refuse").replayStore),
    "own"
  )

  test("merchants' keys spread over all masters", async () => {
    const stores = new Stores(cluster.url, "refuse")
    await Promise.all(Array.from({ length: 100 }, () => stores.take(uniqueKey("throttle"))))
    const sizes = await Promise.all(cluster.masters.map((master) => master.command("DBSIZE")))
    for (const size of sizes) expect(Number(size)).toBeGreaterThan(10)
  })

  test("a cluster behind a redis:// URL is refused with the hint to write redis+cluster://", async () => {
    const { message } = await refusal(new Stores(cluster.masters[0]?.url ?? "", "refuse"))
    expect(message).toContain("redis+cluster://")
  })

  test("a lost master is one outage, and the cluster is used again when the master is back", async () => {
    const stores = new Stores(cluster.url, "degrade")
    const master = cluster.masters[1] as RedisServer
    expect(await stores.take(uniqueKey("throttle"))).toBe(0)
    await master.kill()
    await until("the alarm", () => stores.alarms().length > 0)
    for (let i = 0; i < 30; i++) expect(await stores.take(uniqueKey("throttle"))).toBe(0)
    await master.restart()
    await until("the end of the outage", () => stores.back().length > 0)
    for (let i = 0; i < 30; i++) expect(await stores.take(uniqueKey("throttle"))).toBe(0)
    expect(stores.alarms().length).toBe(1)
  })
})

describe.skipIf(!runs)("behind a sentinel", () => {
  let sentinel: RedisSentinel
  beforeAll(async () => {
    sentinel = await startRedisSentinel()
  }, START_TIMEOUT_MS)
  afterAll(() => sentinel?.stop())

  test("an unknown master name stops the start", async () => {
    const { message } = await refusal(new Stores(sentinel.url.replace("/payhub", "/other"), "refuse"))
    expect(message).toContain("no master named other")
  })

  test(
    "finds the master, and after its loss the replica that the sentinel promoted",
    async () => {
      const stores = new Stores(sentinel.url, "refuse")
      const key = uniqueKey("nonce")
      expect(await stores.claim(key)).toBe(true)
      expect(await sentinel.master.command("EXISTS", keyOf(key))).toBe(1)
      await sentinel.master.kill()
      await until("the end of the outage", () => stores.back().length === 1)
      const later = uniqueKey("nonce")
      expect(await stores.claim(later)).toBe(true)
      expect(await sentinel.replica.command("EXISTS", keyOf(later))).toBe(1)
      expect(stores.alarms().length).toBe(1)
    },
    START_TIMEOUT_MS
  )
})

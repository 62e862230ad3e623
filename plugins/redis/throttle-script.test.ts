import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import fc from "fast-check"
import { createClient } from "redis"
import { REDIS_HOW, type RedisServer, redisAvailable, startRedis } from "../../tests/harness/redis.ts"
import { requireTool } from "../../tests/harness/require-tool.ts"
import { throttleScript } from "./throttle-script.ts"

setDefaultTimeout(60_000)

const runs = requireTool({
  name: "redis-server",
  found: redisAvailable(),
  suite: "the throttle's script on Redis",
  how: REDIS_HOW
})

describe.skipIf(!runs)("the throttle's script, on a clock that the test sets", () => {
  let server: RedisServer
  let client: ReturnType<typeof createClient>
  // The same script, given the time instead of asking Redis for it.
  const timed = throttleScript.source.replace("redis.call('TIME')", "{ ARGV[3], ARGV[4] }")

  beforeAll(async () => {
    server = await startRedis()
    client = createClient({ url: server.url, RESP: 2 })
    await client.connect()
  })
  afterAll(async () => {
    client?.destroy()
    await server?.stop()
  })

  const take = async (key: string, count: number, windowMs: number, nowUs: number): Promise<number> => {
    const time = [Math.floor(nowUs / 1e6), nowUs % 1e6]
    return Number(await client.sendCommand(["EVAL", timed, "1", key, ...[count, windowMs, ...time].map(String)]))
  }
  // Redis expires keys by its own clock, so windows are long, and the test's time starts at a fixed date.
  const START_US = Date.UTC(2026, 0, 1) * 1000
  const WINDOW_MS = 600_000

  test("answers every call as a plain list of granted calls would", async () => {
    expect(timed).not.toBe(throttleScript.source)
    const steps = fc.array(fc.integer({ min: 0, max: 400_000_000 }), { minLength: 1, maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 6 }), steps, async (count, passesUs) => {
        const key = crypto.randomUUID()
        const granted: Array<number> = []
        let nowUs = START_US
        for (const passUs of passesUs) {
          nowUs += passUs
          const live = granted.filter((at) => at > nowUs - WINDOW_MS * 1000)
          const leaves = live[live.length - count]
          const expected = leaves === undefined ? 0 : Math.ceil((leaves + WINDOW_MS * 1000 - nowUs) / 1000)
          expect(await take(key, count, WINDOW_MS, nowUs)).toBe(expected)
          if (expected === 0) granted.push(nowUs)
        }
      }),
      { numRuns: 60 }
    )
  })

  test("with large counts, no span holds more than the count, and the list stays short", async () => {
    const bursts = fc.array(
      fc.record({ passMs: fc.integer({ min: 0, max: 400_000 }), calls: fc.integer({ min: 1, max: 900 }) }),
      {
        maxLength: 12
      }
    )
    await fc.assert(
      fc.asyncProperty(bursts, async (all) => {
        const key = crypto.randomUUID()
        const count = 1_500
        const granted: Array<number> = []
        let nowUs = START_US
        for (const { passMs, calls } of all) {
          nowUs += passMs * 1000 + 1
          const answers = await Promise.all(Array.from({ length: calls }, () => take(key, count, WINDOW_MS, nowUs)))
          for (const waitMs of answers) {
            const within = (spanUs: number) => granted.filter((at) => at > nowUs - spanUs).length
            if (waitMs === 0) granted.push(nowUs)
            if (waitMs === 0) expect(within(WINDOW_MS * 1000)).toBeLessThanOrEqual(count)
            else expect(within(WINDOW_MS * 1001)).toBeGreaterThanOrEqual(count)
          }
        }
        expect(await client.lLen(key)).toBeLessThanOrEqual(1_001)
      }),
      { numRuns: 15 }
    )
  })

  test("with large counts, a call counts from the end of its thousandth of the window, never from its beginning", async () => {
    const key = crypto.randomUUID()
    const takeAll = (calls: number, nowUs: number) =>
      Promise.all(Array.from({ length: calls }, () => take(key, 1_500, WINDOW_MS, nowUs)))
    expect((await takeAll(1_500, START_US + 5)).every((waitMs) => waitMs === 0)).toBe(true)
    expect(await take(key, 1_500, WINDOW_MS, START_US + WINDOW_MS * 1000 + 5)).toBe(WINDOW_MS / 1000)
    expect(await take(key, 1_500, WINDOW_MS, START_US + WINDOW_MS * 1001 - 1)).toBe(1)
    expect((await takeAll(1_500, START_US + WINDOW_MS * 1001)).every((waitMs) => waitMs === 0)).toBe(true)
  })

  test("a clock set back by an hour neither lets more calls through nor locks a merchant out for the hour", async () => {
    const key = crypto.randomUUID()
    for (let i = 0; i < 3; i++) expect(await take(key, 3, WINDOW_MS, START_US + i)).toBe(0)
    const backUs = START_US - 3_600_000_000
    expect(await take(key, 3, WINDOW_MS, backUs)).toBe(WINDOW_MS)
    expect(await take(key, 3, WINDOW_MS, backUs + WINDOW_MS * 1000 - 1)).toBe(1)
    for (let i = 0; i < 3; i++) expect(await take(key, 3, WINDOW_MS, backUs + WINDOW_MS * 1000 + i)).toBe(0)
    expect(await take(key, 3, WINDOW_MS, backUs + WINDOW_MS * 1000 + 3)).toBe(WINDOW_MS)
  })

  test("keys expire when their window is over", async () => {
    const key = crypto.randomUUID()
    await take(key, 1, 3_000, START_US)
    expect(await client.pTTL(key)).toBeWithin(2_000, 3_002)
    await take(key, 1_000_000, 3_000, START_US + 100)
    expect(await client.pTTL(key)).toBeWithin(2_000, 3_005)
  })
})

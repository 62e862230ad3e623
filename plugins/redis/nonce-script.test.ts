import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import fc from "fast-check"
import { createClient } from "redis"
import { REDIS_HOW, type RedisServer, redisAvailable, startRedis } from "../../tests/harness/redis.ts"
import { requireTool } from "../../tests/harness/require-tool.ts"
import { nonceScript } from "./nonce-script.ts"

setDefaultTimeout(60_000)

const runs = requireTool({
  name: "redis-server",
  found: redisAvailable(),
  suite: "the nonces' script on Redis",
  how: REDIS_HOW
})

describe.skipIf(!runs)("the nonces' script, on a clock that the test sets", () => {
  let server: RedisServer
  let client: ReturnType<typeof createClient>
  // The same script, given the time instead of asking Redis for it.
  const timed = nonceScript.source.replace("redis.call('TIME')", "{ ARGV[3], ARGV[4] }")

  beforeAll(async () => {
    server = await startRedis()
    client = createClient({ url: server.url, RESP: 2 })
    await client.connect()
  })
  afterAll(async () => {
    client?.destroy()
    await server?.stop()
  })

  // Redis expires keys by its own clock, so windows are long, and every nonce is new.
  const START_MS = Date.UTC(2026, 0, 1)
  const WINDOW_MS = 600_000
  let made = 0
  const claim = async (owner: string, share: number, nowMs: number, nonce = `nonce:{${owner}}:${made++}`) => {
    const time = [Math.floor(nowMs / 1000), (nowMs % 1000) * 1000]
    const args = [WINDOW_MS, share, ...time].map(String)
    return Number(await client.sendCommand(["EVAL", timed, "2", nonce, `nonces:{${owner}}`, ...args]))
  }

  test("refuses an owner while its nonces, dropped by the minute, are as many as its share", async () => {
    const claims = fc.array(fc.record({ passMs: fc.integer({ min: 0, max: 200_000 }), owner: fc.nat({ max: 1 }) }), {
      maxLength: 60
    })
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 8 }), claims, async (share, all) => {
        const run = crypto.randomUUID()
        const minutes: [Array<number>, Array<number>] = [[], []]
        let nowMs = START_MS
        for (const { passMs, owner } of all) {
          nowMs += passMs
          const mine = minutes[owner as 0 | 1]
          const held = mine.filter((minute) => (minute + 1) * 60_000 > nowMs).length
          expect(await claim(`${run}${owner}`, share, nowMs)).toBe(held < share ? 1 : -1)
          if (held < share) mine.push(Math.floor((nowMs + WINDOW_MS) / 60_000))
        }
      }),
      { numRuns: 30 }
    )
  })

  test("says that a nonce was used also to an owner whose share is used up", async () => {
    expect(await claim("a", 1, START_MS, "nonce:{a}:first")).toBe(1)
    expect(await claim("a", 1, START_MS, "nonce:{a}:first")).toBe(0)
    expect(await claim("a", 1, START_MS)).toBe(-1)
  })

  test("keeps the count of an owner's nonces until its last one has expired, and not for ever", async () => {
    await claim("b", 9, START_MS)
    await claim("b", 9, START_MS)
    expect(Number(await client.sendCommand(["PTTL", "nonces:{b}"]))).toBeWithin(WINDOW_MS, WINDOW_MS + 60_001)
  })
})

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import process from "node:process"
import { NOTIFY_URL, unique } from "../harness/merchant-client.ts"
import { REDIS_HOW, type RedisServer, redisAvailable, startRedis } from "../harness/redis.ts"
import { requireTool } from "../harness/require-tool.ts"
import { seeded } from "../harness/seeded.ts"
import { startTcpProxy } from "../harness/tcp-proxy.ts"
import { openScene, type Scene, WELL } from "./scene.ts"

/* Redis only remembers nonces and slots: without it, or without its memory, no money is at stake. */

setDefaultTimeout(120_000)

const found = redisAvailable()
const withRedis = requireTool({ name: "redis-server", found, suite: "tests/faults/redis", how: REDIS_HOW })
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

const withScene = async (
  down: "refuse" | "degrade",
  seed: number,
  hurt: (scene: Scene, redis: RedisServer, proxy: Awaited<ReturnType<typeof startTcpProxy>>) => Promise<void>
): Promise<void> => {
  const redis = await startRedis()
  const proxy = await startTcpProxy(() => redis.port)
  const env = { REDIS_URL: `redis://127.0.0.1:${proxy.port}`, PAYHUB_REDIS_DOWN: down }
  const scene = await openScene({ env, random: seeded(seed) })
  try {
    await pause(500)
    await hurt(scene, redis, proxy)
    await pause(1_000)
    const verdict = await scene.verdict("all")
    expect(verdict).toMatchObject(WELL)
    expect(verdict.paid).toBeGreaterThan(10)
    expect(scene.load.broken()).toBe(0)
    expect((await scene.shop.qrcodePay()).code).toBe(200)
  } finally {
    await scene.close()
    await proxy.close()
    await redis.stop()
  }
}

/** How many orders were refused with 503. */
const refusals = (scene: Scene): number => scene.load.placed.filter(({ code }) => code === 503).length

describe.skipIf(!withRedis).concurrent("under load", () => {
  test("a Redis that is killed, comes back empty, and is flushed: with `degrade` no order is refused", () =>
    withScene("degrade", 31, async (scene, redis) => {
      const merchant_order_no = unique("ORD")
      const body = scene.shop.body({ merchant_order_no, amount: 1000, notify_url: NOTIFY_URL })
      const send = () => scene.shop.raw("/api/cashier/qrcode-pay", body)
      expect((await send()).code).toBe(200)
      await redis.kill()
      await pause(1_500)
      // This process remembers its own nonces.
      expect((await send()).message).toBe("请求重复,nonce 已使用")
      await redis.restart()
      await pause(1_500)
      expect((await send()).message).toBe("请求重复,nonce 已使用")
      await redis.command("FLUSHALL")
      await pause(500)
      expect(refusals(scene)).toBe(0)
    }))

  test("a Redis without AOF that is killed with the gateway forgets nonces, and a repeated create makes no second order", async () => {
    const redis = await startRedis()
    const scene = await openScene({ env: { REDIS_URL: redis.url }, random: seeded(34), concurrent: 1 })
    try {
      const body = scene.shop.body({ merchant_order_no: unique("ORD"), amount: 1000, notify_url: NOTIFY_URL })
      expect((await scene.shop.raw("/api/cashier/qrcode-pay", body)).code).toBe(200)
      await Promise.all([redis.kill(), scene.gateway.kill()])
      await redis.restart()
      await scene.restart()
      const again = await scene.shop.raw("/api/cashier/qrcode-pay", body)
      expect([again.code, again.message]).toEqual([400, "商户订单号已存在,请勿重复提交"])
      expect(await scene.verdict("all")).toMatchObject(WELL)
    } finally {
      await scene.close()
      await redis.stop()
    }
  })

  test("a Redis that is killed: with `refuse` creates are refused in the envelope until it is back", () =>
    withScene("refuse", 32, async (scene, redis) => {
      await redis.kill()
      await pause(1_500)
      expect(refusals(scene)).toBeGreaterThan(0)
      await redis.restart()
      const restartedAt = Date.now()
      while ((await scene.shop.qrcodePay()).code !== 200) await pause(50)
      expect(Date.now() - restartedAt).toBeLessThan(10_000)
      const before = refusals(scene)
      await pause(1_000)
      expect(refusals(scene)).toBe(before)
    }))

  test("a wire to Redis that is cut and that stands still: no answer takes 30 s", () =>
    withScene("degrade", 33, async (scene, redis, proxy) => {
      for (let time = 0; time < 3; time++) {
        proxy.cut()
        await pause(300)
      }
      proxy.stall()
      await pause(3_000)
      proxy.flow()
      process.kill(redis.pid, "SIGSTOP")
      await pause(3_000)
      process.kill(redis.pid, "SIGCONT")
      expect(refusals(scene)).toBe(0)
    }))
})

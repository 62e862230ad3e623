import { describe, expect, setDefaultTimeout, test } from "bun:test"
import process from "node:process"
import { NOTIFY_URL, unique } from "../harness/merchant-client.ts"
import { REDIS_HOW, type RedisServer, redisAvailable, startRedis } from "../harness/redis.ts"
import { requireTool } from "../harness/require-tool.ts"
import { seeded } from "../harness/seeded.ts"
import { startTcpProxy } from "../harness/tcp-proxy.ts"
import { until } from "../harness/until.ts"
import { type GatewayUnderLoad, lasts, NOTHING_BROKEN, startUnderLoad } from "./gateway-under-load.ts"

/* Redis remembers only nonces and throttle slots: losing it or its memory puts no money at stake. */

setDefaultTimeout(120_000)

const found = redisAvailable()
const withRedis = requireTool({ name: "redis-server", found, suite: "tests/faults/redis", how: REDIS_HOW })

const hurtUnderLoad = async (
  down: "refuse" | "degrade",
  seed: number,
  hurt: (
    underLoad: GatewayUnderLoad,
    redis: RedisServer,
    proxy: Awaited<ReturnType<typeof startTcpProxy>>
  ) => Promise<void>
): Promise<void> => {
  const redis = await startRedis()
  const proxy = await startTcpProxy(() => redis.port)
  const env = { REDIS_URL: `redis://127.0.0.1:${proxy.port}`, PAYHUB_REDIS_DOWN: down }
  const underLoad = await startUnderLoad({ env, random: seeded(seed) })
  try {
    await underLoad.serves(20)
    await hurt(underLoad, redis, proxy)
    await underLoad.serves(20)
    const verdict = await underLoad.verdict("all")
    expect(verdict).toMatchObject(NOTHING_BROKEN)
    expect(verdict.paid).toBeGreaterThan(10)
    expect(underLoad.load.broken()).toBe(0)
    expect((await underLoad.shop.qrcodePay()).code).toBe(200)
  } finally {
    await underLoad.close()
    await proxy.close()
    await redis.stop()
  }
}

/** The number of orders refused with 503. */
const refusals = (underLoad: GatewayUnderLoad): number =>
  underLoad.load.placed.filter(({ code }) => code === 503).length

describe.skipIf(!withRedis).concurrent("under load", () => {
  test("a Redis that is killed, comes back empty and is flushed makes a `degrade` gateway refuse no order", () =>
    hurtUnderLoad("degrade", 31, async (underLoad, redis) => {
      const merchant_order_no = unique("ORD")
      const body = underLoad.shop.body({ merchant_order_no, amount: 1000, notify_url: NOTIFY_URL })
      const send = () => underLoad.shop.raw("/api/cashier/qrcode-pay", body)
      expect((await send()).code).toBe(200)
      const says = (line: RegExp) => until(`the line ${line}`, () => line.test(underLoad.gateway.logs()))
      await redis.kill()
      await says(/cannot be used/)
      await underLoad.serves(20)
      // The process remembers the nonces that it has seen itself.
      expect((await send()).message).toBe("请求重复,nonce 已使用")
      await redis.restart()
      await says(/is back after/)
      await underLoad.serves(20)
      expect((await send()).message).toBe("请求重复,nonce 已使用")
      await redis.command("FLUSHALL")
      await underLoad.serves(20)
      expect(refusals(underLoad)).toBe(0)
    }))

  test("a Redis without AOF that is killed with the gateway forgets nonces, and a repeated create still makes no second order", async () => {
    const redis = await startRedis()
    const underLoad = await startUnderLoad({ env: { REDIS_URL: redis.url }, random: seeded(34), concurrent: 1 })
    try {
      const body = underLoad.shop.body({ merchant_order_no: unique("ORD"), amount: 1000, notify_url: NOTIFY_URL })
      expect((await underLoad.shop.raw("/api/cashier/qrcode-pay", body)).code).toBe(200)
      await Promise.all([redis.kill(), underLoad.gateway.kill()])
      await redis.restart()
      await underLoad.restart()
      const again = await underLoad.shop.raw("/api/cashier/qrcode-pay", body)
      expect([again.code, again.message]).toEqual([400, "商户订单号已存在,请勿重复提交"])
      expect(await underLoad.verdict("all")).toMatchObject(NOTHING_BROKEN)
    } finally {
      await underLoad.close()
      await redis.stop()
    }
  })

  test("a Redis that is killed makes a `refuse` gateway refuse creates in the envelope until it is back", () =>
    hurtUnderLoad("refuse", 32, async (underLoad, redis) => {
      await redis.kill()
      await underLoad.refuses(20)
      await redis.restart()
      await until("an order to be taken", async () => (await underLoad.shop.qrcodePay()).code === 200, {
        timeoutMs: 10_000
      })
      const before = refusals(underLoad)
      await underLoad.serves(40)
      expect(refusals(underLoad)).toBe(before)
    }))

  test("a network to Redis that is cut and then stalls delays no answer to 30 s", () =>
    hurtUnderLoad("degrade", 33, async (underLoad, redis, proxy) => {
      for (let time = 0; time < 3; time++) {
        proxy.cut()
        await underLoad.serves(5)
      }
      proxy.stall()
      await lasts(3_000)
      proxy.flow()
      process.kill(redis.pid, "SIGSTOP")
      await lasts(3_000)
      process.kill(redis.pid, "SIGCONT")
      expect(refusals(underLoad)).toBe(0)
    }))
})

import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { type Audit, startAudit } from "../harness/audit.ts"
import { startGateway } from "../harness/gateway.ts"
import { type MerchantClient, now, textOf, unique } from "../harness/merchant-client.ts"
import { becomes } from "../harness/payer.ts"
import { sharedPostgres } from "../harness/postgres.ts"
import { REDIS_HOW, redisAvailable, startRedis } from "../harness/redis.ts"
import { requireTool } from "../harness/require-tool.ts"
import { seeded } from "../harness/seeded.ts"
import { FAKETIME_HOW, faketimeAvailable, openSteppedClock, type SteppedClock } from "../harness/stepped-clock.ts"
import { until } from "../harness/until.ts"
import { type GatewayUnderLoad, NOTHING_BROKEN, startUnderLoad } from "./gateway-under-load.ts"

/*
 * Somebody sets the clock of the gateway's machine while it works; PostgreSQL, Redis, the provider and the merchants keep
 * the true time. tests/money/clock.test.ts tests each decision by itself.
 */

setDefaultTimeout(120_000)

const SUITE = "tests/faults/clock"
const withFaketime = requireTool({ name: "libfaketime", found: faketimeAvailable(), suite: SUITE, how: FAKETIME_HOW })
const withRedis = requireTool({ name: "redis-server", found: redisAvailable(), suite: SUITE, how: REDIS_HOW })

/** Seconds by which the clock is ahead, one step after the other. */
const STEPS_S = [600, 0, -600, 0]

const LATE = "请求已过期,请检查 timestamp"
const NONCE_USED = "请求重复,nonce 已使用"

/** Sets the gateway's clock and waits until the gateway uses it. */
const step = async (clock: SteppedClock, shop: MerchantClient, aheadS: number): Promise<void> => {
  clock.set(aheadS)
  await until(`the gateway's clock to be ${aheadS} s ahead`, async () => {
    const { code, message } = await shop.withClock(clock.aheadS).orderQuery({ order_no: "QR0" })
    if (code === 404) return true
    expect([code, message]).toEqual([401, LATE])
    return false
  })
}

/** Expects a merchant with the true time to be refused in the contract's words while the gateway's clock is wrong. */
const expectRefusedByTime = async (shop: MerchantClient, clock: SteppedClock): Promise<void> => {
  const { code, message, data } = await shop.qrcodePay()
  if (clock.aheadS() === 0) expect(code).toBe(200)
  else expect([code, message, data]).toEqual([401, LATE, null])
}

/** Each call tries the nonces of the earlier calls again, which must be refused, then uses a new one. */
const nonceUser = (shop: MerchantClient, clock: SteppedClock) => {
  const client = shop.withClock(clock.aheadS)
  const used: Array<string> = []
  return async (): Promise<void> => {
    for (const nonce of used) {
      const { code, message } = await client.qrcodePay({ nonce })
      expect([code, message]).toEqual([401, NONCE_USED])
    }
    const nonce = unique("nonce")
    used.push(nonce)
    expect((await client.qrcodePay({ nonce })).code).toBe(200)
  }
}

/** Orders that expire in five minutes. */
const ordersOfFiveMinutes = async (underLoad: GatewayUnderLoad, audit: Audit) => {
  const orders = await Promise.all([1, 2, 3].map(() => underLoad.shop.qrcodePay({ notify_url: underLoad.notifyUrl })))
  const numbers = orders.map((order) => textOf(order, "order_no"))
  await audit.sql`
    update orders set created_at = created_at - interval '25 minutes', expires_at = expires_at - interval '25 minutes'
    where order_no in ${audit.sql(numbers)}`
  return { orders, numbers }
}

/** Waits until reconcile has asked about each order once more. */
const askedAgain = async (
  { provider }: GatewayUnderLoad,
  audit: Audit,
  numbers: ReadonlyArray<string>
): Promise<void> => {
  const before = numbers.map((orderNo) => provider.count("query", orderNo))
  await audit.sql`update orders set next_check_at = now() where order_no in ${audit.sql([...numbers])}`
  await until("the channel to be asked about each of them", () =>
    numbers.every((orderNo, index) => provider.count("query", orderNo) > (before[index] ?? 0))
  )
}

describe
  .skipIf(!withFaketime)
  .concurrent("a clock that is set ten minutes forward, right, ten minutes back and right", () => {
    test("under load loses nothing, closes no order early, ends no pay link and frees no nonce", async () => {
      const clock = openSteppedClock()
      const databaseUrl = await (await sharedPostgres()).createDatabase()
      const underLoad = await startUnderLoad({
        ...{ databaseUrl, through: clock.through, aheadS: clock.aheadS },
        ...{ random: seeded(41), concurrent: 4 }
      })
      const audit = await startAudit(databaseUrl)
      try {
        const beganS = now()
        const { orders, numbers } = await ordersOfFiveMinutes(underLoad, audit)
        const tester = await underLoad.gateway.merchant()
        const link = textOf(await tester.wechatJsPay(), "pay_token")
        const useNonces = nonceUser(underLoad.shop, clock)
        await useNonces()
        for (const aheadS of STEPS_S) {
          await step(clock, underLoad.shop, aheadS)
          await expectRefusedByTime(underLoad.shop, clock)
          await useNonces()
          const info = await tester.post("/api/cashier/jsapi-pay-info", { pay_token: link, openid: "oPayer" })
          expect([info.code, info.message]).toEqual([200, "ok"])
          await askedAgain(underLoad, audit, numbers)
        }
        for (const [index, order] of orders.entries()) {
          const orderNo = numbers[index] ?? ""
          expect(underLoad.provider.count("close", orderNo)).toBe(0)
          underLoad.provider.pay(orderNo)
          await underLoad.provider.notify(orderNo)
          await becomes(underLoad.shop, order, "PAID")
        }
        const verdict = await underLoad.verdict("none")
        expect(verdict).toMatchObject(NOTHING_BROKEN)
        expect(verdict.paid).toBeGreaterThan(10)
        expect(underLoad.load.broken()).toBe(0)
        for (const { code, message } of underLoad.load.placed) if (code === 401) expect(message).toBe(LATE)
        // Whatever the gateway's clock said, each order has its true creation time and the full 30 minutes.
        const odd = await audit.sql`
        select order_no, created_at, expires_at from orders
        where order_no not in ${audit.sql(numbers)} and (expires_at - created_at <> interval '30 minutes'
          or created_at not between to_timestamp(${beganS - 10}) and now() + interval '5 seconds')`
        expect(odd.map((row) => ({ ...row }))).toEqual([])
      } finally {
        await audit.close()
        await underLoad.close()
        clock.close(underLoad.gateway.pid)
      }
    })

    test.skipIf(!withRedis)("frees no nonce on Redis", async () => {
      const clock = openSteppedClock()
      const redis = await startRedis()
      const gateway = await startGateway({ env: { REDIS_URL: redis.url }, through: clock.through })
      try {
        const shop = await gateway.merchant()
        const useNonces = nonceUser(shop, clock)
        await useNonces()
        for (const aheadS of STEPS_S) {
          await step(clock, shop, aheadS)
          await useNonces()
        }
      } finally {
        await gateway.stop()
        await redis.stop()
        clock.close(gateway.pid)
      }
    })
  })

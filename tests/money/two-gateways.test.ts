import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import { type Answer, type MerchantClient, NOTIFY_URL, textOf, unique } from "../harness/merchant-client.ts"
import { becomes } from "../harness/payer.ts"
import { REDIS_HOW, type RedisServer, redisAvailable, startRedis } from "../harness/redis.ts"
import { requireTool } from "../harness/require-tool.ts"
import { isAcknowledged, SCRIPTED_CHANNEL } from "../harness/scripted-provider.ts"
import { until } from "../harness/until.ts"
import { type AuditedGateway, newMasterKey, orderNoOf, startAuditedGateway, statusOf } from "./audited-gateway.ts"

/* Two gateway processes on one database and one Redis: what is promised once happens once, whichever process is asked. */

setDefaultTimeout(60_000)

const withRedis = requireTool({
  name: "redis-server",
  found: redisAvailable(),
  suite: "tests/money/two-gateways",
  how: REDIS_HOW
})

describe.skipIf(!withRedis)("two gateways", () => {
  let redis: RedisServer
  let first: AuditedGateway
  let second: Gateway
  /** The same merchant at each gateway. */
  let shops: readonly [MerchantClient, MerchantClient]

  beforeAll(async () => {
    redis = await startRedis()
    const env = {
      REDIS_URL: redis.url,
      PAYHUB_MASTER_KEY: newMasterKey(),
      PAYHUB_CHANNELS: SCRIPTED_CHANNEL,
      PAYHUB_RECONCILE_SCHEDULE: "2"
    }
    first = await startAuditedGateway({ env })
    second = await startGateway({ env, databaseUrl: first.databaseUrl })
    const credentials = { app_id: first.shop.appId, app_secret: first.shop.secret }
    shops = [first.shop, second.client(credentials)]
  })
  afterAll(async () => {
    const breaches = await first?.audit.breaches()
    await second?.stop()
    await first?.close()
    await redis?.stop()
    expect(breaches).toEqual([])
  })

  /** Counts the answers by code and message. */
  const tally = (answers: ReadonlyArray<Answer>): Record<string, number> => {
    const counts: Record<string, number> = {}
    for (const { code, message } of answers) counts[`${code} ${message}`] = (counts[`${code} ${message}`] ?? 0) + 1
    return counts
  }
  /** Makes calls at once, to both gateways in turn. */
  const atOnce = (count: number, call: (shop: MerchantClient) => Promise<Answer>) =>
    Promise.all(Array.from({ length: count }, (_, index) => call(shops[index % 2 === 0 ? 0 : 1])))

  test("give 500 parallel creates 500 order numbers", async () => {
    const answers = await atOnce(500, (shop) => shop.qrcodePay())
    expect(tally(answers)).toEqual({ "200 下单成功": 500 })
    expect(new Set(answers.map((answer) => textOf(answer, "order_no"))).size).toBe(500)
  })

  test("make one order of 200 parallel creates of one number, and one charge", async () => {
    const merchant_order_no = unique("ORD")
    const answers = await atOnce(200, (shop) => shop.qrcodePay({ merchant_order_no }))
    expect(tally(answers)).toEqual({ "200 下单成功": 1, "400 商户订单号已存在,请勿重复提交": 199 })
    const rows = await first.audit.sql`select order_no from orders where merchant_order_no = ${merchant_order_no}`
    expect(rows).toHaveLength(1)
    expect(first.provider.count("charge", String(rows[0]?.order_no))).toBe(1)
  })

  test("accept one of 100 parallel uses of a nonce", async () => {
    const nonce = unique()
    const answers = await atOnce(100, (shop) => shop.qrcodePay({ nonce }))
    expect(tally(answers)).toEqual({ "200 下单成功": 1, "401 请求重复,nonce 已使用": 99 })
  })

  test("accept one of 100 copies of one signed request", async () => {
    const body = first.shop.body({ merchant_order_no: unique("ORD"), amount: 1000, notify_url: NOTIFY_URL })
    const answers = await atOnce(100, (shop) => shop.raw("/api/cashier/qrcode-pay", body))
    expect(tally(answers)).toEqual({ "200 下单成功": 1, "401 请求重复,nonce 已使用": 99 })
  })

  test("refuse a request with any signed byte changed", async () => {
    const parameters = { merchant_order_no: "ORD1", amount: 1000, notify_url: NOTIFY_URL, extra: "a=1&b=2", note: "茶" }
    const text = first.shop.body(parameters)
    const bytes = Buffer.from(text, "utf8")
    const answers = await Promise.all(
      Array.from(bytes, async (_, at) => {
        const changed = new Uint8Array(bytes)
        changed[at] = (changed[at] ?? 0) ^ 1
        return shops[at % 2 === 0 ? 0 : 1].raw("/api/cashier/qrcode-pay", changed)
      })
    )
    expect(answers.filter(({ code }) => code !== 401 && code !== 400)).toEqual([])
    const rows = await first.audit.sql`select order_no from orders where merchant_order_no = 'ORD1'`
    expect(rows).toHaveLength(0)
    // Unchanged it is accepted.
    expect((await first.shop.raw("/api/cashier/qrcode-pay", text)).code).toBe(200)
  })

  test("show no merchant another's order", async () => {
    const other = await first.gateway.merchant({ test: false, accounts: [first.accountId] })
    const made = await shops[0].qrcodePay()
    for (const parameters of [
      { order_no: orderNoOf(made) },
      { merchant_order_no: textOf(made, "merchant_order_no") },
      { order_no: orderNoOf(made), merchant_order_no: textOf(made, "merchant_order_no") }
    ]) {
      const answer = await other.orderQuery(parameters)
      expect([answer.code, answer.message, answer.data]).toEqual([404, "订单不存在", null])
    }
    // The other merchant's order of the same number is another order.
    const same = await other.qrcodePay({ merchant_order_no: textOf(made, "merchant_order_no") })
    expect(same.code).toBe(200)
    expect(orderNoOf(same)).not.toBe(orderNoOf(made))
  })

  describe.concurrent("with their workers", () => {
    beforeAll(async () => {
      // Reconcile leaves the earlier tests' open orders alone.
      await first.audit.sql`update orders set next_check_at = null where status = 0`
    })

    test("push each of 200 webhooks once, and share the work", async () => {
      const inbox = first.receiver.inbox({ kind: "slow", afterMs: 300 })
      const made = await atOnce(200, (shop) => shop.qrcodePay({ notify_url: inbox.url }))
      for (const one of made) first.provider.pay(orderNoOf(one))
      const answers = await Promise.all(made.map((one) => first.provider.notify(orderNoOf(one))))
      expect(answers.every(isAcknowledged)).toBe(true)
      await inbox.waitForAnswers(200, 30_000)
      await first.nextPushRound()
      expect(inbox.pushes).toHaveLength(200)
      expect(new Set(inbox.pushes.map(({ headers }) => headers["x-payhub-event"])).size).toBe(200)
    })

    test("settle a payment once when its notice, five times over, meets a query at both", async () => {
      const inbox = first.receiver.inbox()
      const made = await atOnce(20, (shop) => shop.qrcodePay({ notify_url: inbox.url }))
      await Promise.all(
        made.map(async (one) => {
          const orderNo = orderNoOf(one)
          first.provider.pay(orderNo)
          await first.audit.sql`update orders set next_check_at = now() where order_no = ${orderNo}`
          await Promise.all(Array.from({ length: 5 }, () => first.provider.notify(orderNo)))
        })
      )
      await inbox.waitForAnswers(20)
      await first.nextPushRound()
      expect(inbox.pushes).toHaveLength(20)
      for (const one of made) expect(await statusOf(shops[1], one)).toBe("PAID")
    })

    test("ask about each open order once a round, not once per gateway", async () => {
      const beganMs = Date.now()
      const made = await atOnce(60, (shop) => shop.qrcodePay({ note: "query=slow" }))
      const askedAbout = (one: (typeof made)[number]) =>
        first.provider.calls.filter(({ operation, orderNo }) => operation === "query" && orderNo === orderNoOf(one))
      await until("two questions about each order", () => made.every((one) => askedAbout(one).length >= 2))
      for (const one of made) {
        // The schedule puts two seconds before each question; with two owners the second question would come early.
        for (const [index, { at }] of askedAbout(one).entries()) {
          expect(at - beganMs).toBeGreaterThanOrEqual(2_000 * (index + 1))
        }
      }
    })

    test("close an expired order once", async () => {
      const made = await atOnce(20, (shop) => shop.qrcodePay({ note: "close=slow" }))
      for (const one of made) await first.audit.expire(orderNoOf(one))
      for (const one of made) await becomes(shops[0], one, "CLOSED", 20_000)
      expect(made.map((one) => first.provider.count("close", orderNoOf(one)))).toEqual(made.map(() => 1))
    })
  })
})

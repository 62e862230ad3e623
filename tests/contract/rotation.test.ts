import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import type { Answer, MerchantClient } from "../harness/merchant-client.ts"
import { actAsPayer } from "../harness/payer.ts"
import { until } from "../harness/until.ts"
import {
  FAILURE,
  isPushSignedWith,
  type Push,
  startWebhookReceiver,
  type WebhookReceiver
} from "../harness/webhook-receiver.ts"

/* Section 4 of the contract: two secrets may be live during a rotation. */

setDefaultTimeout(60_000)

let gateway: Gateway
let receiver: WebhookReceiver
beforeAll(async () => {
  ;[gateway, receiver] = await Promise.all([startGateway(), startWebhookReceiver()])
})
afterAll(async () => {
  await gateway?.stop()
  await receiver?.close()
})

const rotate = async (shop: MerchantClient, ...options: string[]): Promise<MerchantClient> => {
  const made = await gateway.command(["merchant", "reset-secret", shop.appId, ...options])
  expect(Object.keys(made)).toEqual(expect.arrayContaining(["app_id", "app_secret"]))
  expect([made.app_id, made.app_secret !== shop.secret]).toEqual([shop.appId, true])
  return shop.withSecret(String(made.app_secret))
}
/** The gateway hears of a rotation over a database connection of its own, a moment after the command has ended. */
const soon = async (call: () => Promise<Answer>, message: string): Promise<void> => {
  let last = ""
  await until(
    `the answer ${message}`,
    async () => {
      const answer = await call()
      last = answer.text
      return answer.message === message
    },
    { timeoutMs: 3_000, why: () => last }
  )
}
const pushOf = async (client: MerchantClient, ...script: Array<typeof FAILURE>): Promise<Push> => {
  const inbox = receiver.inbox(...script)
  await actAsPayer(await client.qrcodePay({ notify_url: inbox.url }))
  return (await inbox.waitFor(1))[0] as Push
}

describe.concurrent("reset-secret", () => {
  test("without an overlap ends the old secret", async () => {
    const old = await gateway.merchant()
    const fresh = await rotate(old)
    await soon(() => fresh.qrcodePay(), "下单成功")
    await soon(() => old.qrcodePay(), "签名验证失败")
    expect((await old.orderQuery({ order_no: "x" })).message).toBe("签名验证失败")
    expect(isPushSignedWith(fresh.secret, await pushOf(fresh))).toBe(true)
  })

  test("with an overlap accepts requests signed with either secret", async () => {
    const old = await gateway.merchant()
    const fresh = await rotate(old, "--overlap", "24h")
    await soon(() => fresh.qrcodePay(), "下单成功")
    for (const client of [old, fresh, old, fresh]) expect((await client.qrcodePay()).code).toBe(200)
    expect((await old.qrcodePay({}, { secret: "wrong" })).message).toBe("签名验证失败")
  })

  test("with an overlap signs webhooks with the old secret until the first request signed with the new one", async () => {
    const old = await gateway.merchant()
    expect(isPushSignedWith(old.secret, await pushOf(old))).toBe(true)
    const fresh = await rotate(old, "--overlap", "24h")
    expect(isPushSignedWith(old.secret, await pushOf(old))).toBe(true)
    // A request that does not verify does not end the old secret's use.
    await fresh.qrcodePay({}, { secret: `${fresh.secret}x` })
    expect(isPushSignedWith(old.secret, await pushOf(old))).toBe(true)
    await soon(() => fresh.orderQuery({ order_no: "x" }), "订单不存在")
    const push = await pushOf(old)
    expect([isPushSignedWith(old.secret, push), isPushSignedWith(fresh.secret, push)]).toEqual([false, true])
  })

  test("ends the old secret for requests and webhooks when the overlap ends", async () => {
    const old = await gateway.merchant()
    const inbox = receiver.inbox()
    const [made] = [await old.qrcodePay({ notify_url: inbox.url })]
    const fresh = await rotate(old, "--overlap", "2s")
    await soon(() => old.orderQuery({ order_no: "x" }), "签名验证失败")
    await actAsPayer(made)
    const [push] = (await inbox.waitFor(1)) as [Push]
    expect(isPushSignedWith(fresh.secret, push)).toBe(true)
    expect((await fresh.qrcodePay()).code).toBe(200)
  })

  test("leaves a webhook under way unchanged: a retry carries the signature of the first push", async () => {
    const old = await gateway.merchant()
    const inbox = receiver.inbox(FAILURE)
    await actAsPayer(await old.qrcodePay({ notify_url: inbox.url }))
    await inbox.waitFor(1)
    await rotate(old)
    const pushes = await inbox.waitFor(2)
    expect(isPushSignedWith(old.secret, pushes[1] as Push)).toBe(true)
    expect(pushes[1]?.bytes.equals(pushes[0]?.bytes ?? Buffer.alloc(0))).toBe(true)
  })

  test("never shows a secret in the logs or in the list of merchants", async () => {
    const old = await gateway.merchant()
    const fresh = await rotate(old, "--overlap", "1h")
    await soon(() => fresh.qrcodePay(), "下单成功")
    const { stdout } = await gateway.run(["merchant", "show", old.appId, "--json"])
    for (const text of [stdout, gateway.logs()]) {
      expect(text).not.toContain(old.secret)
      expect(text).not.toContain(fresh.secret)
    }
  })
})

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import { type Answer, type MerchantClient, type Parameters, textOf, unique } from "../harness/merchant-client.ts"
import { nextPushRound } from "../harness/next-push-round.ts"
import { actAsPayer, becomes } from "../harness/payer.ts"
import { until } from "../harness/until.ts"
import {
  bodyOf,
  FAILURE,
  type Inbox,
  isPushSignedWith,
  type Push,
  type Reply,
  SUCCESS,
  startWebhookReceiver,
  type WebhookReceiver
} from "../harness/webhook-receiver.ts"

/* Section 9 of the contract, with one second between pushes instead of a minute. */

setDefaultTimeout(60_000)

let gateway: Gateway
let shop: MerchantClient
let receiver: WebhookReceiver
beforeAll(async () => {
  ;[gateway, receiver] = await Promise.all([
    startGateway({ env: { PAYHUB_WEBHOOK_SCHEDULE: "1,1", PAYHUB_RECONCILE_SCHEDULE: "1" } }),
    startWebhookReceiver()
  ])
  shop = await gateway.merchant()
})
afterAll(async () => {
  await gateway?.stop()
  await receiver?.close()
})

const paid = async (inbox: Inbox, parameters: Parameters = {}): Promise<Answer> => {
  const made = await shop.qrcodePay({ notify_url: inbox.url, ...parameters })
  await actAsPayer(made)
  return made
}
const attempt = (push: Push) => push.headers["x-payhub-attempt"]
const event = (push: Push) => String(push.headers["x-payhub-event"])
/** Resolves once every push that was due before has arrived: what is not there by then is not coming. */
const everyPushIsIn = () =>
  nextPushRound(receiver, async (notify_url) => actAsPayer(await shop.qrcodePay({ notify_url })))
/** Resolves with the order's webhook as the operator sees it, once it is in this state. */
const webhookBecomes = (at: Gateway, order: Answer, state: "delivered" | "dead") =>
  until(
    `the webhook to be ${state}`,
    async () => {
      const list = await at.command(["webhook", "list", "--order", textOf(order, "order_no")])
      return (list as unknown as ReadonlyArray<Webhook>).find((webhook) => webhook.state === state)
    },
    { timeoutMs: 30_000 }
  )
interface Webhook {
  readonly state: string
  readonly attempts: ReadonlyArray<{ readonly detail: string }>
}

const FIELDS = [
  "actual_amount",
  "amount",
  "channel_code",
  "extra",
  "merchant_order_no",
  "order_no",
  "pay_time",
  "sign",
  "status"
]

describe.concurrent("section 9", () => {
  describe("a payment's webhook", () => {
    test("has exactly the nine fields of section 9, and says what a query says", async () => {
      const inbox = receiver.inbox()
      const merchant_order_no = unique("ORD")
      const made = await paid(inbox, { merchant_order_no, amount: 1000, extra: "member=7" })
      const [push] = (await inbox.waitFor(1)) as [Push]
      const body = bodyOf(push)
      expect(Object.keys(body).sort()).toEqual(FIELDS)
      const { data } = await becomes(shop, made, "PAID")
      expect(body).toMatchObject({
        order_no: textOf(made, "order_no"),
        merchant_order_no,
        amount: "10.00",
        actual_amount: "9.94",
        status: 1,
        channel_code: "YINSHENG_QRCODE",
        pay_time: data?.pay_time,
        extra: "member=7"
      })
      expect(String(body.pay_time)).toMatch(/^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/)
    })

    test("is a POST of UTF-8 JSON to notify_url, its query too, signed with the merchant's secret", async () => {
      const inbox = receiver.inbox()
      await paid(inbox, { notify_url: `${inbox.url}?shop=1&x=%20y`, extra: "茶&=+%20😀 " })
      const [push] = (await inbox.waitFor(1)) as [Push]
      expect([push.method, push.path]).toEqual(["POST", `${new URL(inbox.url).pathname}?shop=1&x=%20y`])
      expect(push.headers["content-type"]).toMatch(/^application\/json\b/)
      expect(bodyOf(push).sign).toMatch(/^[0-9a-f]{64}$/)
      expect(isPushSignedWith(shop.secret, push)).toBe(true)
      expect(isPushSignedWith(`${shop.secret}x`, push)).toBe(false)
      expect(bodyOf(push).extra).toBe("茶&=+%20😀 ")
      expect([attempt(push), /./.test(event(push))]).toEqual(["1", true])
    })

    test("has an empty extra where the order had none, which its signature leaves out", async () => {
      const inbox = receiver.inbox()
      await paid(inbox)
      const [push] = (await inbox.waitFor(1)) as [Push]
      expect(bodyOf(push).extra).toBe("")
      expect(isPushSignedWith(shop.secret, push)).toBe(true)
    })

    test("comes within seconds of the payment, and once", async () => {
      const inbox = receiver.inbox()
      const before = Date.now()
      await paid(inbox)
      const [push] = (await inbox.waitFor(1)) as [Push]
      expect(push.at - before).toBeLessThan(5_000)
      await everyPushIsIn()
      expect(inbox.pushes.length).toBe(1)
    })

    test("is not sent before the payment, nor when the payer declines", async () => {
      const inbox = receiver.inbox()
      await shop.qrcodePay({ notify_url: inbox.url })
      const declined = await shop.qrcodePay({ notify_url: inbox.url })
      await actAsPayer(declined, "decline")
      await becomes(shop, declined, "FAILED")
      await everyPushIsIn()
      expect(inbox.pushes.length).toBe(0)
    })

    test("of wechat-js-pay says wxpay_js", async () => {
      const inbox = receiver.inbox()
      const made = await shop.wechatJsPay({ notify_url: inbox.url, subOpenId: "oPayer", amount: 100 })
      await gateway.command(["sandbox", "pay", textOf(made, "order_no")])
      const [push] = (await inbox.waitFor(1)) as [Push]
      expect(Object.keys(bodyOf(push)).sort()).toEqual(FIELDS)
      expect(bodyOf(push)).toMatchObject({ channel_code: "wxpay_js", amount: "1.00", actual_amount: "0.99" })
      expect(isPushSignedWith(shop.secret, push)).toBe(true)
    })
  })

  describe("a receiver that fails", () => {
    test("is pushed to three times in all, by the schedule and with the same bytes and event", async () => {
      const inbox = receiver.inbox(FAILURE)
      await paid(inbox)
      const pushes = await inbox.waitFor(3)
      expect(pushes.map(attempt)).toEqual(["1", "2", "3"])
      expect(new Set(pushes.map(event)).size).toBe(1)
      for (const { bytes } of pushes) expect(bytes.equals(pushes[0]?.bytes ?? Buffer.alloc(0))).toBe(true)
      const times = pushes.map(({ at }) => at)
      expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(900)
      expect((times[2] ?? 0) - (times[1] ?? 0)).toBeGreaterThan(900)
      await everyPushIsIn()
      expect(inbox.pushes.length).toBe(3)
    })

    test("that then succeeds is left alone", async () => {
      const inbox = receiver.inbox(FAILURE, SUCCESS)
      await paid(inbox)
      expect((await inbox.waitFor(2)).map(attempt)).toEqual(["1", "2"])
      await everyPushIsIn()
      expect(inbox.pushes.length).toBe(2)
    })

    test("does not hold up another receiver", async () => {
      const [hanging, quick] = [receiver.inbox({ kind: "hang" }), receiver.inbox()]
      await Promise.all(Array.from({ length: 5 }, () => paid(hanging)))
      await hanging.waitFor(1)
      const before = Date.now()
      await paid(quick)
      await quick.waitFor(1)
      expect(Date.now() - before).toBeLessThan(5_000)
    })

    test("gets an event of its own for each order", async () => {
      const inbox = receiver.inbox()
      await Promise.all([paid(inbox), paid(inbox)])
      const pushes = await inbox.waitFor(2)
      expect(new Set(pushes.map(event)).size).toBe(2)
    })
  })

  describe("delivered is", () => {
    const answer = (body: string, status = 200, type = "text/plain"): Reply => ({ kind: "answer", body, status, type })
    test.each([
      ["success", answer("success")],
      ["success and a line feed", answer("success\n")],
      ["success in white space", answer(" \r\n\tsuccess \r\n")],
      ["success as text/html, as PHP's echo sends it", answer("success", 200, "text/html; charset=UTF-8")],
      ["success as application/json", answer("success", 200, "application/json")],
      ["success after two seconds", { kind: "slow", afterMs: 2_000 }]
    ] as Array<[string, Reply]>)("200 with %s", async (_, reply) => {
      const inbox = receiver.inbox(reply)
      await paid(inbox)
      await inbox.waitForAnswers(1)
      await everyPushIsIn()
      expect(inbox.pushes.length).toBe(1)
    })
  })

  describe("not delivered is", () => {
    const answer = (body: string, status = 200, type = "text/plain"): Reply => ({ kind: "answer", body, status, type })
    test.each([
      ["200 with the JSON text success", answer('"success"', 200, "application/json")],
      ["200 with a JSON object", answer('{"code":"success"}', 200, "application/json")],
      ["200 with ok", answer("ok")],
      ["200 with SUCCESS", answer("SUCCESS")],
      ["200 with success!", answer("success!")],
      ["200 with success twice", answer("success success")],
      ["200 with HTML around it", answer("<p>success</p>", 200, "text/html")],
      ["200 with nothing", answer("")],
      ["200 with a megabyte that begins with it", answer(`success${" ".repeat(1024 * 1024)}no`)],
      ["201 with success", answer("success", 201)],
      ["202 with success", answer("success", 202)],
      ["204", answer("", 204)],
      ["400 with success", answer("success", 400)],
      ["500 with success", answer("success", 500)],
      ["a closed connection", { kind: "drop" }]
    ] as Array<[string, Reply]>)("%s", async (_, reply) => {
      const inbox = receiver.inbox(reply, SUCCESS)
      await paid(inbox)
      expect((await inbox.waitFor(2)).map(attempt)).toEqual(["1", "2"])
    })

    test.each([301, 302, 303, 307, 308])("a redirect (%d), which is not followed", async (status) => {
      const elsewhere = receiver.inbox()
      const inbox = receiver.inbox({ kind: "redirect", to: elsewhere.url, status }, SUCCESS)
      await paid(inbox)
      await inbox.waitFor(2)
      expect(elsewhere.pushes.length).toBe(0)
    })

    test("a receiver that does not run, and the order is PAID all the same", async () => {
      const early = await startWebhookReceiver()
      await early.close()
      const made = await shop.qrcodePay({ notify_url: `${early.origin}/notify` })
      await actAsPayer(made)
      await becomes(shop, made, "PAID")
    })
  })

  describe("an order that is paid", () => {
    test("by five notices at once makes one webhook", async () => {
      const inbox = receiver.inbox()
      const made = await paid(inbox, { amount: 888_812 })
      await becomes(shop, made, "PAID")
      await inbox.waitForAnswers(1)
      await everyPushIsIn()
      expect(inbox.pushes.length).toBe(1)
    })

    test("by notices one after the other makes one webhook, and each notice is acknowledged", async () => {
      const inbox = receiver.inbox()
      const made = await shop.qrcodePay({ notify_url: inbox.url })
      const { notices } = await gateway.command(["sandbox", "pay", textOf(made, "order_no"), "--times", "5"])
      expect(notices).toMatchObject(Array(5).fill({ status: 200 }))
      await inbox.waitForAnswers(1)
      await everyPushIsIn()
      expect(inbox.pushes.length).toBe(1)
    })

    test("by a forged notice or too little makes none", async () => {
      const inbox = receiver.inbox()
      const made = await shop.qrcodePay({ notify_url: inbox.url })
      await gateway.run(["sandbox", "pay", textOf(made, "order_no"), "--forge", "--json"])
      await gateway.run(["sandbox", "pay", textOf(made, "order_no"), "--amount", "1", "--json"])
      await everyPushIsIn()
      expect(inbox.pushes.length).toBe(0)
    })
  })

  describe("payhub webhook resend", () => {
    test("sends the same bytes and event again and counts on", async () => {
      const inbox = receiver.inbox(FAILURE)
      const made = await paid(inbox)
      await inbox.waitFor(3)
      inbox.reply(SUCCESS)
      await webhookBecomes(gateway, made, "dead")
      await gateway.command(["webhook", "resend", textOf(made, "order_no")])
      const pushes = await inbox.waitFor(4)
      expect(pushes.map(attempt)).toEqual(["1", "2", "3", "4"])
      expect(new Set(pushes.map(event)).size).toBe(1)
      expect(pushes[3]?.bytes.equals(pushes[0]?.bytes ?? Buffer.alloc(0))).toBe(true)
    })

    test("works for one that was delivered, too", async () => {
      const inbox = receiver.inbox()
      const made = await paid(inbox)
      await webhookBecomes(gateway, made, "delivered")
      await gateway.command(["webhook", "resend", textOf(made, "order_no")])
      expect((await inbox.waitFor(2)).map(attempt)).toEqual(["1", "2"])
    })
  })

  describe("the address that a name resolves to", () => {
    test("is judged at the push: localhost is refused where the operator does not allow it", async () => {
      const guarded = await startGateway({ env: { PAYHUB_WEBHOOK_ALLOW: "" } })
      try {
        const inbox = receiver.inbox()
        const customer = await guarded.merchant()
        const made = await customer.qrcodePay({ notify_url: inbox.url.replace("127.0.0.1", "localhost") })
        expect(made.code).toBe(200)
        await actAsPayer(made)
        await becomes(customer, made, "PAID")
        const { attempts } = await webhookBecomes(guarded, made, "dead")
        expect(attempts.map(({ detail }) => detail)).toEqual(Array(3).fill(expect.stringContaining("is not public")))
        expect(inbox.pushes.length).toBe(0)
      } finally {
        await guarded.stop()
      }
    })

    test("is pushed to where the operator allows it", async () => {
      const inbox = receiver.inbox()
      await paid(inbox, { notify_url: inbox.url.replace("127.0.0.1", "localhost") })
      await inbox.waitFor(1)
    })
  })
})

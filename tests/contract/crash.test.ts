import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import { type Answer, textOf, unique } from "../harness/merchant-client.ts"
import { actAsPayer, becomes } from "../harness/payer.ts"
import {
  FAILURE,
  isPushSignedWith,
  type Push,
  SUCCESS,
  startWebhookReceiver,
  type WebhookReceiver
} from "../harness/webhook-receiver.ts"

/* What a merchant was told still holds after `kill -9`. */

setDefaultTimeout(60_000)

let receiver: WebhookReceiver
beforeAll(async () => {
  receiver = await startWebhookReceiver()
})
afterAll(() => receiver?.close())

const event = (push: Push | undefined) => push?.headers["x-payhub-event"]
/** The order with the page URL of the restarted gateway: another port, the same path. */
const moved = (order: Answer, gateway: Gateway): Answer => {
  const { pathname, search } = new URL(textOf(order, "sourceQrCodeUrl"))
  return { ...order, data: { ...order.data, sourceQrCodeUrl: gateway.url + pathname + search } }
}

/** Each test kills a gateway of its own, so that they wait for the dead ones' leases at the same time. */
const withGateway = async (databaseUrl: string | undefined, use: (gateway: Gateway) => Promise<void>) => {
  const gateway = await startGateway({
    env: { PAYHUB_WEBHOOK_SCHEDULE: "1,1,1" },
    ...(databaseUrl === undefined ? {} : { databaseUrl })
  })
  try {
    await use(gateway)
  } finally {
    await gateway.stop()
  }
}

describe.concurrent("a gateway that was killed and started again", () => {
  test.each([
    ["an operator's PostgreSQL", undefined],
    ["the embedded PostgreSQL", "embedded"]
  ])("on %s delivers the webhook of a payment that it had heard of, with the same bytes and event", (_, databaseUrl) =>
    withGateway(databaseUrl, async (gateway) => {
      const shop = await gateway.merchant()
      const [hanging, failing] = [receiver.inbox({ kind: "hang" }), receiver.inbox(FAILURE)]
      const orders = [
        await shop.qrcodePay({ notify_url: hanging.url }),
        await shop.qrcodePay({ notify_url: failing.url })
      ]
      await Promise.all(orders.map((order) => actAsPayer(order)))
      await Promise.all([hanging.waitFor(1), failing.waitFor(1)])
      await gateway.kill()
      for (const inbox of [hanging, failing]) inbox.reply(SUCCESS)
      await gateway.restart()
      for (const [index, inbox] of [hanging, failing].entries()) {
        const pushes = await inbox.waitFor(2, 45_000)
        expect(event(pushes[0])).toMatch(/./)
        expect(event(pushes[1])).toBe(event(pushes[0]))
        expect(pushes[1]?.bytes.equals(pushes[0]?.bytes ?? Buffer.alloc(0))).toBe(true)
        expect(isPushSignedWith(shop.secret, pushes[1] as Push)).toBe(true)
        const order_no = textOf(orders[index] as Answer, "order_no")
        expect((await shop.orderQuery({ order_no })).data?.status_name).toBe("PAID")
      }
    })
  )

  test.each([
    ["an operator's PostgreSQL", undefined],
    ["the embedded PostgreSQL", "embedded"]
  ])("on %s has every order that it answered, and settles it when it is paid", (_, databaseUrl) =>
    withGateway(databaseUrl, async (gateway) => {
      const shop = await gateway.merchant()
      const inbox = receiver.inbox()
      const merchant_order_no = unique("ORD")
      const made = await shop.qrcodePay({ merchant_order_no, notify_url: inbox.url })
      const more = await Promise.all(Array.from({ length: 50 }, () => shop.qrcodePay()))
      await gateway.kill()
      await gateway.restart()
      for (const order of [made, ...more]) {
        const query = await shop.orderQuery({ order_no: textOf(order, "order_no") })
        expect(query.data).toMatchObject({ status_name: "PENDING", merchant_order_no: order.data?.merchant_order_no })
      }
      expect((await shop.qrcodePay({ merchant_order_no })).message).toBe("商户订单号已存在,请勿重复提交")
      await actAsPayer(moved(made, gateway))
      await becomes(shop, made, "PAID")
      expect(isPushSignedWith(shop.secret, (await inbox.waitFor(1))[0] as Push)).toBe(true)
    })
  )

  test("while it was creating orders lets each unanswered one be queried or sent again", () =>
    withGateway(undefined, async (gateway) => {
      const shop = await gateway.merchant()
      const numbers = Array.from({ length: 100 }, () => unique("ORD"))
      const answers = numbers.map((merchant_order_no) =>
        shop.qrcodePay({ merchant_order_no }).then(
          (answer): Answer | undefined => answer,
          () => undefined
        )
      )
      await answers[0]
      await gateway.kill()
      const heard = await Promise.all(answers)
      await gateway.restart()
      for (const [index, merchant_order_no] of numbers.entries()) {
        const query = await shop.orderQuery({ merchant_order_no })
        const answer = heard[index]
        if (answer?.code === 200) expect(query.data?.order_no).toBe(answer.data?.order_no)
        else if (query.code === 404) expect((await shop.qrcodePay({ merchant_order_no })).code).toBe(200)
        else expect([query.code, query.data?.merchant_order_no]).toEqual([200, merchant_order_no])
      }
    }))
})

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { FAULTS } from "../../channels/sandbox/faults.ts"
import { OUTCOMES } from "../../channels/sandbox/outcomes.ts"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import { type MerchantClient, unique } from "../harness/merchant-client.ts"
import { until } from "../harness/until.ts"
import { startWebhookReceiver, type WebhookReceiver } from "../harness/webhook-receiver.ts"

/* The sandbox's page tells merchants what they see of each magic amount: here each of them is ordered, paid and queried. */

/** A charge that hangs is given up after 20 s. */
setDefaultTimeout(90_000)

let gateway: Gateway
let receiver: WebhookReceiver
let shop: MerchantClient
beforeAll(async () => {
  ;[gateway, receiver] = await Promise.all([
    startGateway({ env: { PAYHUB_RECONCILE_SCHEDULE: "2" } }),
    startWebhookReceiver()
  ])
  shop = await gateway.merchant()
})
afterAll(async () => {
  await receiver?.close()
  await gateway?.stop()
})

test.concurrent.each(FAULTS.map((fault) => [fault.amountFen, fault] as const))(
  "An order of %d fen is answered, settled and told as the sandbox's page says",
  async (amount, { stage, name, fault }) => {
    const expected = OUTCOMES[`${stage}: ${name}` as keyof typeof OUTCOMES]
    const inbox = receiver.inbox()
    const merchant_order_no = unique("AMT")
    const made = await shop.qrcodePay({ merchant_order_no, amount, notify_url: inbox.url })
    expect(made.code).toBe(expected.answer)
    const orderNo = String(made.data?.order_no)

    if (expected.answer === 200) {
      const paid = await fetch(String(made.data?.sourceQrCodeUrl), {
        method: "POST",
        body: new URLSearchParams({ action: "pay" }),
        redirect: "manual"
      })
      expect(paid.status).toBe(303)
    } else if (expected.status === "PAID") {
      // Its code was lost with the answer; the operator's command pays it.
      await gateway.command(["sandbox", "pay", orderNo])
    }

    const shown = async () => (await shop.orderQuery({ merchant_order_no })).data
    await until(
      `the order of ${amount} to be ${expected.status}`,
      async () => (await shown())?.status_name === expected.status,
      { timeoutMs: 30_000 }
    )
    if (expected.webhooks === 1) await inbox.waitFor(1)
    // Whatever else the gateway does about it, it has done once it has asked the sandbox or been told.
    if (fault === "wrong-amount" || fault === "other-currency") {
      await until("the flag", async () => {
        const { flags } = await gateway.command(["order", "show", orderNo])
        return JSON.stringify(flags ?? "").length > 2
      })
    }
    expect((await shown())?.status_name).toBe(expected.status)
    expect(new Set(inbox.pushes.map(({ headers }) => headers["x-payhub-event"])).size).toBe(expected.webhooks)
    if (fault === "reported-fee") expect(await shown()).toMatchObject({ fee: "1.00", actual_amount: "8887.20" })
  }
)

import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { type Gateway, startGateway } from "../harness/gateway.ts"
import { type Answer, type MerchantClient, textOf } from "../harness/merchant-client.ts"
import { actAsPayer, becomes } from "../harness/payer.ts"

/* Section 8 of the contract: 2 is failed and 4 is closed. */

setDefaultTimeout(60_000)

let gateway: Gateway
let shop: MerchantClient
beforeAll(async () => {
  // Reconcile hears of a declined payment at its next query, which is due every second here.
  gateway = await startGateway({ env: { PAYHUB_RECONCILE_SCHEDULE: "1" } })
  shop = await gateway.merchant()
})
afterAll(() => gateway?.stop())

/** Brings an order into each state that a payment can lead to within a test's time. */
const reach = {
  PENDING: () => shop.qrcodePay(),
  PAID: async () => {
    const made = await shop.qrcodePay()
    await actAsPayer(made)
    await becomes(shop, made, "PAID")
    return made
  },
  FAILED: async () => {
    const made = await shop.qrcodePay()
    await actAsPayer(made, "decline")
    await becomes(shop, made, "FAILED")
    return made
  }
} satisfies Record<string, () => Promise<Answer>>

test.each([
  ["PENDING", 0, "待支付"],
  ["PAID", 1, "支付成功"],
  ["FAILED", 2, "支付失败"]
] as const)(
  "a %s order has status %d and the text %s, and in English only the text changes",
  async (name, status, text) => {
    const order_no = textOf(await reach[name](), "order_no")
    const chinese = await shop.orderQuery({ order_no })
    expect(chinese.data).toMatchObject({ status, status_name: name, status_text: text })
    const english = await shop.orderQuery({ order_no }, { headers: { "Accept-Language": "en" } })
    expect(english.data).toMatchObject({ status, status_name: name })
    expect(english.data?.status_text).toMatch(/^[A-Za-z ]+$/)
  }
)

test("an order does not leave PAID: paying again changes nothing", async () => {
  const made = await reach.PAID()
  const order_no = textOf(made, "order_no")
  const before = await shop.orderQuery({ order_no })
  const { notices } = await gateway.command(["sandbox", "pay", order_no])
  expect(notices).toMatchObject([{ status: 200 }])
  expect((await shop.orderQuery({ order_no })).text).toBe(before.text)
})

test("a forged notice and one of another amount leave the order PENDING", async () => {
  const made = await shop.qrcodePay()
  const order_no = textOf(made, "order_no")
  await gateway.run(["sandbox", "pay", order_no, "--forge", "--json"])
  expect((await shop.orderQuery({ order_no })).data).toMatchObject({ status: 0, pay_time: null, fee: "0.00" })
  await gateway.run(["sandbox", "pay", order_no, "--amount", "999", "--json"])
  expect((await shop.orderQuery({ order_no })).data).toMatchObject({ status: 0, pay_time: null, fee: "0.00" })
})

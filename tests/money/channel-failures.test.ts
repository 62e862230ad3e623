import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import type { MerchantClient } from "../harness/merchant-client.ts"
import { becomes } from "../harness/payer.ts"
import { isAcknowledged } from "../harness/scripted-provider.ts"
import { until } from "../harness/until.ts"
import { auditedSuite, orderNoOf, statusOf } from "./audited-gateway.ts"

/* What a channel's refusal, uncertain answer, bug or silence does to its own order, and that other orders are unharmed. */

setDefaultTimeout(60_000)

const suite = auditedSuite()

/** A live merchant with two accounts at the provider, the suite's account first. */
let twoAccounts: MerchantClient
beforeAll(async () => {
  const { gateway, accountId, addAccount } = suite()
  twoAccounts = await gateway.merchant({ test: false, accounts: [accountId, await addAccount()] })
})

const attempts = async (orderNo: string) =>
  suite().audit.sql`
    select outcome, account_id, detail -> 'presentation' ->> 'content' as content from charges
    where order_no = ${orderNo} order by attempt`

describe.concurrent("a definite refusal", () => {
  test("makes the order FAILED, answers with its number, and the merchant's number stays used", async () => {
    const { order, shop, provider } = suite()
    const merchant_order_no = `ORD-${Date.now()}`
    const made = await order("charge=refuse", { merchant_order_no })
    expect([made.code, made.message]).toEqual([400, "支付渠道不可用"])
    expect(await statusOf(shop, made)).toBe("FAILED")
    const again = await order("", { merchant_order_no })
    expect([again.code, again.message]).toEqual([400, "商户订单号已存在,请勿重复提交"])
    expect(provider.count("charge", orderNoOf(made))).toBe(1)
  })

  test("moves the order on to the merchant's next account, where it is paid and booked", async () => {
    const { gateway, addAccount, provider, audit } = suite()
    const closed = await addAccount({ origin: "http://127.0.0.1:9" })
    const second = await addAccount({}, 100)
    const shop = await gateway.merchant({ test: false, accounts: [closed, second] })
    const made = await shop.qrcodePay()
    expect(made.code).toBe(200)
    // Charges are recorded after the merchant has its answer.
    await until("both charges to be recorded", async () => (await attempts(orderNoOf(made))).length === 2)
    expect([...(await attempts(orderNoOf(made)))]).toEqual([
      { outcome: "rejected", account_id: closed, content: null },
      { outcome: "accepted", account_id: second, content: made.data?.sourceQrCodeUrl }
    ])
    provider.pay(orderNoOf(made))
    expect(isAcknowledged(await provider.notify(orderNoOf(made)))).toBe(true)
    // At the second account's rate of 1 %.
    expect((await becomes(shop, made, "PAID")).data).toMatchObject({ fee: "0.10", actual_amount: "9.90" })
    const rows = await audit.sql`select account_id from ledger_entries where order_no = ${orderNoOf(made)}`
    expect(new Set(rows.map(({ account_id }) => account_id))).toEqual(new Set([second]))
  })
})

describe.concurrent("an uncertain charge", () => {
  test.each([
    ["the answer was lost", "charge=lost"],
    ["the connection was cut after the request", "charge=drop-taken"],
    ["the answer was unreadable", "charge=bad"],
    ["the plugin threw", "charge=throw"]
  ])(
    "where %s answers 500 with its number, stays PENDING, goes to no other account, and is settled once it is paid there",
    async (_, plan) => {
      const { provider, receiver } = suite()
      const shop = twoAccounts
      const inbox = receiver.inbox()
      const made = await shop.qrcodePay({ note: plan, notify_url: inbox.url })
      expect([made.code, made.message]).toEqual([500, "服务异常"])
      expect(made.data?.request_id).toMatch(/./)
      const orderNo = orderNoOf(made)
      expect(await statusOf(shop, made)).toBe("PENDING")
      await until("the attempt to be recorded", async () => (await attempts(orderNo)).length > 0)
      expect((await attempts(orderNo)).map(({ outcome }) => outcome)).toEqual(["uncertain"])
      expect(provider.count("charge", orderNo)).toBe(1)
      // No notice is sent: reconcile finds the payment by itself.
      provider.pay(orderNo)
      await becomes(shop, made, "PAID")
      await inbox.waitFor(1)
    }
  )

  test("that the provider never took stays PENDING until its expiry, then is closed at the provider and here", async () => {
    const { order, provider, shop, audit } = suite()
    const made = await order("charge=error")
    const orderNo = orderNoOf(made)
    expect(made.code).toBe(500)
    await until("reconcile to ask", () => provider.count("query", orderNo) >= 1)
    expect(await statusOf(shop, made)).toBe("PENDING")
    await audit.expire(orderNo)
    await becomes(shop, made, "CLOSED")
    expect(provider.count("close", orderNo)).toBe(1)
  })

  test("ends FAILED where it failed at the provider", async () => {
    const { order, provider, shop } = suite()
    const made = await order("charge=lost")
    provider.fail(orderNoOf(made))
    await becomes(shop, made, "FAILED")
  })

  test("that no query can clear up stays PENDING, however old the order is", async () => {
    const { order, provider, shop, audit } = suite()
    for (const plan of ["charge=lost query=error", "charge=lost query=bad", "charge=lost query=throw"]) {
      const made = await order(plan)
      await audit.expire(orderNoOf(made))
      await until("reconcile to ask", () => provider.count("query", orderNoOf(made)) >= 2)
      expect([plan, await statusOf(shop, made)]).toEqual([plan, "PENDING"])
      expect(provider.count("close", orderNoOf(made))).toBe(0)
    }
  })

  test("at the sandbox ends as the sandbox's trade does, for each of its faults", async () => {
    const { gateway } = suite()
    const tester = await gateway.merchant()
    for (const [amount, code] of [
      [888_801, 400],
      [888_802, 500],
      [888_804, 500],
      [888_805, 500],
      [888_806, 500]
    ] as const) {
      const made = await tester.qrcodePay({ amount })
      expect([amount, made.code]).toEqual([amount, code])
      expect(await statusOf(tester, made)).toBe(code === 400 ? "FAILED" : "PENDING")
      if (amount === 888_802 || amount === 888_804 || amount === 888_806) {
        await gateway.command(["sandbox", "pay", orderNoOf(made)])
        await becomes(tester, made, "PAID")
      }
    }
  })
})

describe.concurrent("one plugin's bug harms its own order only", () => {
  test("a charge that hangs ends at its deadline of 20 s, and meanwhile other orders are served at once", async () => {
    const { order, shop, provider } = suite()
    const startedAt = Date.now()
    const hanging = Promise.all(["charge=never", "charge=hang-taken"].map((plan) => order(plan)))
    for (let count = 0; count < 20; count++) {
      const before = Date.now()
      expect((await order()).code).toBe(200)
      expect(Date.now() - before).toBeLessThan(5_000)
    }
    const ended = await hanging
    expect(ended.map(({ code }) => code)).toEqual([500, 500])
    expect(Date.now() - startedAt).toBeLessThan(25_000)
    for (const made of ended) {
      expect(await statusOf(shop, made)).toBe("PENDING")
      provider.pay(orderNoOf(made))
      expect(isAcknowledged(await provider.notify(orderNoOf(made)))).toBe(true)
      await becomes(shop, made, "PAID")
    }
  })

  test("queries that hang hold up no other order's reconcile", async () => {
    const { gateway, addAccount, shop, order, provider, audit } = suite()
    const stuck = await gateway.merchant({ test: false, accounts: [await addAccount()] })
    const hanging = await Promise.all(
      Array.from({ length: 600 }, () => stuck.qrcodePay({ note: "charge=lost query=never" }))
    )
    await until(
      "the hanging queries to begin",
      () => hanging.filter((made) => provider.count("query", orderNoOf(made)) > 0).length >= 10
    )
    const made = await order("charge=lost")
    provider.pay(orderNoOf(made))
    const before = Date.now()
    await becomes(shop, made, "PAID", 30_000)
    expect(Date.now() - before).toBeLessThan(10_000)
    await audit.sql`
      update orders set next_check_at = null where order_no in ${audit.sql(hanging.map((one) => orderNoOf(one)))}`
  })

  test("notices that throw or hang are refused; the same account's honest notice is taken", async () => {
    const { order, provider, shop } = suite()
    const made = await order()
    const orderNo = orderNoOf(made)
    const hanging = provider.notify(orderNo, { act: "never" })
    expect((await provider.notify(orderNo, { act: "throw" })).status).toBe(400)
    provider.pay(orderNo)
    expect(isAcknowledged(await provider.notify(orderNo))).toBe(true)
    await becomes(shop, made, "PAID")
    expect(isAcknowledged(await hanging)).toBe(false)
  })

  test("an account that throws while it is opened is passed over for the next account of the same code", async () => {
    const { gateway, addAccount, accountId } = suite()
    const broken = await addAccount({ mood: "open-throws" })
    const shop = await gateway.merchant({ test: false, accounts: [broken, accountId] })
    expect((await shop.qrcodePay()).code).toBe(200)
    const alone = await gateway.merchant({ test: false, accounts: [broken] })
    const refused = await alone.qrcodePay()
    expect([refused.code, refused.message, refused.data]).toEqual([400, "支付渠道不可用", null])
  })
})

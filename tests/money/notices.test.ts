import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { createHmac } from "node:crypto"
import { orderKeyOf } from "../../channels/protocols/ysepay/order-number.ts"
import { startYsepaySimulator, type YsepaySimulator } from "../../channels/protocols/ysepay/simulator.ts"
import { unique } from "../harness/merchant-client.ts"
import { actAsPayer, becomes } from "../harness/payer.ts"
import { addAccount as addAccountAt, isAcknowledged, type ProviderPayment } from "../harness/scripted-provider.ts"
import { until } from "../harness/until.ts"
import { bodyOf } from "../harness/webhook-receiver.ts"
import { auditedSuite, orderNoOf, statusOf } from "./audited-gateway.ts"

/* What a notice may do and what it may not. The suite's audit checks the database afterwards. */

setDefaultTimeout(60_000)

/** Reconcile stays out of the way, so that only notices settle. */
const suite = auditedSuite({ env: { PAYHUB_RECONCILE_SCHEDULE: "600" } })

/** The order's flags in the database. */
const flagsOf = async (orderNo: string): Promise<ReadonlyArray<string>> => {
  const [row] = await suite().audit.sql<
    [{ flags: Array<string> }]
  >`select flags from orders where order_no = ${orderNo}`
  return row.flags
}
const countOf = async (table: string, orderNo: string): Promise<number> => {
  const { sql } = suite().audit
  const [row] = await sql`select count(*)::int as n from ${sql(table)} where order_no = ${orderNo}`
  return row?.n
}

describe.concurrent("a verified notice of the right amount", () => {
  test("makes the order PAID with the account's fee, and one webhook", async () => {
    const { order, provider, receiver, shop } = suite()
    const inbox = receiver.inbox()
    const made = await order("", { notify_url: inbox.url })
    provider.pay(orderNoOf(made))
    expect(isAcknowledged(await provider.notify(orderNoOf(made)))).toBe(true)
    const query = await becomes(shop, made, "PAID")
    expect(query.data).toMatchObject({ amount: "10.00", actual_amount: "9.94", fee: "0.06" })
    const [push] = await inbox.waitFor(1)
    expect(push && bodyOf(push)).toMatchObject({ order_no: orderNoOf(made), status: 1, actual_amount: "9.94" })
  })

  test("five times at once and ten times after is acknowledged each time, settles once and is pushed once", async () => {
    const { order, provider, receiver, audit } = suite()
    const inbox = receiver.inbox()
    const made = await order("", { notify_url: inbox.url })
    const orderNo = orderNoOf(made)
    provider.pay(orderNo)
    const answers = await Promise.all(Array.from({ length: 5 }, () => provider.notify(orderNo)))
    for (let again = 0; again < 10; again++) answers.push(await provider.notify(orderNo))
    expect(answers.filter(isAcknowledged)).toHaveLength(15)
    await inbox.waitForAnswers(1)
    await suite().nextPushRound()
    expect(inbox.pushes).toHaveLength(1)
    expect(await audit.edges(orderNo)).toEqual([["PENDING", "PAID"]])
    expect(await countOf("ledger_entries", orderNo)).toBe(3)
  })

  test("carries the channel's own fee where the channel reports one", async () => {
    const { order, provider, shop } = suite()
    const made = await order()
    provider.pay(orderNoOf(made), { fee_fen: 38 })
    await provider.notify(orderNoOf(made))
    expect((await becomes(shop, made, "PAID")).data).toMatchObject({ actual_amount: "9.62", fee: "0.38" })
  })
})

test.each([[1001], [-1], [0.5]])(
  "an impossible fee of %s fen settles the order by the account's rate and flags it",
  async (fee) => {
    const { order, provider, shop } = suite()
    const made = await order()
    provider.pay(orderNoOf(made), { fee_fen: fee })
    for (let time = 0; time < 2; time++) expect(isAcknowledged(await provider.notify(orderNoOf(made)))).toBe(true)
    expect((await becomes(shop, made, "PAID")).data).toMatchObject({ actual_amount: "9.94", fee: "0.06" })
    expect(await flagsOf(orderNoOf(made))).toEqual(["fee-mismatch"])
  }
)

describe("an order is not paid", () => {
  const forgeries: ReadonlyArray<readonly [string, (orderNo: string, payment: ProviderPayment) => Promise<boolean>]> = [
    [
      "a notice signed with another key",
      async (orderNo) => refusedBy(await suite().provider.notify(orderNo, { key: "k" }))
    ],
    [
      "an honest notice to another account",
      async (orderNo) => {
        const path = `/api/notice/${await suite().addAccount()}`
        // The signature is right, so the provider is told "success" and the notice is kept as a stray.
        return isAcknowledged(await suite().provider.notify(orderNo, { path }))
      }
    ],
    [
      "a notice to an account that does not exist",
      async (orderNo) => (await suite().provider.notify(orderNo, { path: "/api/notice/acc_none" })).status === 404
    ],
    [
      "a notice over which the plugin throws",
      async (orderNo) => refusedBy(await suite().provider.notify(orderNo, { act: "throw" }))
    ]
  ]
  const refusedBy = (answer: { status: number | null; body: string }) => answer.status !== 200

  test.each(forgeries)("by %s", async (_, forge) => {
    const { order, provider, receiver, shop } = suite()
    const inbox = receiver.inbox()
    const made = await order("", { notify_url: inbox.url })
    const payment = provider.pay(orderNoOf(made))
    expect(await forge(orderNoOf(made), payment)).toBe(true)
    expect(await statusOf(shop, made)).toBe("PENDING")
    expect(inbox.pushes).toHaveLength(0)
    // The honest notice is still accepted.
    expect(isAcknowledged(await provider.notify(orderNoOf(made)))).toBe(true)
    expect(await statusOf(shop, made)).toBe("PAID")
  })

  test("by one changed byte anywhere in an honest notice", async () => {
    const { order, provider, gateway, shop, accountId } = suite()
    const made = await order()
    provider.pay(orderNoOf(made))
    const body = Buffer.from(
      JSON.stringify({ order_no: orderNoOf(made), payment: provider.trade(orderNoOf(made)).payment })
    )
    const sign = createHmac("sha256", provider.key).update(body).digest("hex")
    const answers = await Promise.all(
      Array.from(body, async (_, at) => {
        const changed = Buffer.from(body)
        changed[at] = (changed[at] ?? 0) ^ 1
        const response = await fetch(`${gateway.url}/api/notice/${accountId}`, {
          method: "POST",
          headers: { "content-type": "application/json", "x-sign": sign },
          body: changed
        })
        return response.status
      })
    )
    expect(new Set(answers)).toEqual(new Set([400]))
    expect(await statusOf(shop, made)).toBe("PENDING")
  })
})

describe.concurrent("a notice that does not match is kept, flagged and acknowledged, and settles nothing", () => {
  test.each([
    ["one fen less", { amount_fen: 999 }, "amount-mismatch"],
    ["one fen more", { amount_fen: 1001 }, "amount-mismatch"],
    ["nothing", { amount_fen: 0 }, "amount-mismatch"],
    ["less than nothing", { amount_fen: -1000 }, "amount-mismatch"],
    ["a hundredfold", { amount_fen: 100_000 }, "amount-mismatch"],
    ["a fraction of a fen more", { amount_fen: 1000.5 }, "amount-mismatch"],
    ["another currency", { currency: "USD" }, "currency-mismatch"]
  ])("%s", async (_, change, flag) => {
    const { order, provider, receiver, shop } = suite()
    const inbox = receiver.inbox()
    const made = await order("", { notify_url: inbox.url })
    const orderNo = orderNoOf(made)
    provider.pay(orderNo, change)
    for (let time = 0; time < 3; time++) expect(isAcknowledged(await provider.notify(orderNo))).toBe(true)
    expect(await statusOf(shop, made)).toBe("PENDING")
    expect(await flagsOf(orderNo)).toEqual([flag])
    expect(await countOf("notices", orderNo)).toBe(1)
    expect(inbox.pushes).toHaveLength(0)
  })

  test("a second payment of a PAID order: the first payment stands", async () => {
    const { order, provider, receiver, shop } = suite()
    const inbox = receiver.inbox()
    const made = await order("", { notify_url: inbox.url })
    const orderNo = orderNoOf(made)
    const first = provider.pay(orderNo)
    await provider.notify(orderNo)
    const second = { ...first, trade_no: `${first.trade_no}-again` }
    for (let time = 0; time < 2; time++) {
      expect(isAcknowledged(await provider.notify(orderNo, { payment: second }))).toBe(true)
    }
    expect(await flagsOf(orderNo)).toEqual(["second-payment"])
    expect(await countOf("notices", orderNo)).toBe(2)
    const [row] = await suite().audit.sql`select channel_trade_no from orders where order_no = ${orderNo}`
    expect(row?.channel_trade_no).toBe(first.trade_no)
    await inbox.waitForAnswers(1)
    await suite().nextPushRound()
    expect(inbox.pushes).toHaveLength(1)
    expect(await statusOf(shop, made)).toBe("PAID")
  })

  test("a trade number that has credited another order", async () => {
    const { order, provider, shop } = suite()
    const [first, second] = [await order(), await order()]
    const { trade_no } = provider.pay(orderNoOf(first))
    await provider.notify(orderNoOf(first))
    provider.pay(orderNoOf(second), { trade_no })
    expect(isAcknowledged(await provider.notify(orderNoOf(second)))).toBe(true)
    expect(await statusOf(shop, second)).toBe("PENDING")
    expect(await flagsOf(orderNoOf(second))).toEqual(["trade-reused"])
  })

  test("one trade number for ten orders at once: exactly one is credited", async () => {
    const { order, provider, shop } = suite()
    const made = await Promise.all(Array.from({ length: 10 }, () => order()))
    const trade_no = unique("TRADE")
    for (const one of made) provider.pay(orderNoOf(one), { trade_no })
    const answers = await Promise.all(made.map((one) => provider.notify(orderNoOf(one))))
    expect(answers.every(isAcknowledged)).toBe(true)
    const states = await Promise.all(made.map((one) => statusOf(shop, one)))
    expect(states.filter((state) => state === "PAID")).toHaveLength(1)
    const [row] = await suite().audit.sql`select count(*)::int as n from trades where trade_no = ${trade_no}`
    expect(row?.n).toBe(1)
  })

  test("a payment of an unknown order: the notice is kept once, however often it comes", async () => {
    const { provider, accountId, audit } = suite()
    const orderNo = unique("QR")
    const payment = { trade_no: unique("T"), amount_fen: 1000, currency: "CNY", paid_at_ms: Date.now(), fee_fen: null }
    for (let time = 0; time < 3; time++) {
      const answer = await provider.notify(orderNo, { payment, path: `/api/notice/${accountId}` })
      expect(isAcknowledged(answer)).toBe(true)
    }
    const rows = await audit.sql`select account_id from stray_notices where order_no = ${orderNo}`
    expect(rows.map((row) => row.account_id)).toEqual([accountId])
  })

  test.each([["FAILED"], ["CLOSED"]])("a late payment of a %s order", async (status) => {
    const { order, provider, receiver, shop, audit } = suite()
    const inbox = receiver.inbox()
    const made = await order("", { notify_url: inbox.url })
    const orderNo = orderNoOf(made)
    if (status === "FAILED") {
      provider.fail(orderNo)
      await audit.sql`update orders set next_check_at = now() where order_no = ${orderNo}`
    } else {
      await audit.expire(orderNo)
    }
    await becomes(shop, made, status)
    const trade = provider.trade(orderNo)
    provider.pay(orderNo)
    expect(trade.payment).not.toBeNull()
    expect(isAcknowledged(await provider.notify(orderNo))).toBe(true)
    expect(await statusOf(shop, made)).toBe(status)
    expect(await flagsOf(orderNo)).toEqual(["late-payment"])
    expect(await countOf("notices", orderNo)).toBe(1)
    expect(await audit.edges(orderNo)).toEqual([["PENDING", status === "FAILED" ? "FAILED" : "CLOSED"]])
    expect(inbox.pushes).toHaveLength(0)
  })
})

describe.concurrent("a commit that has not happened", () => {
  /** Makes the commit of this order's payment run `act` first. */
  const beforeCommit = (orderNo: string, act: string) =>
    suite().audit.sql.unsafe(`
      create or replace function hold_${orderNo}() returns trigger language plpgsql as $$ begin ${act}; return null; end $$;
      create constraint trigger hold_${orderNo} after update on orders deferrable initially deferred
        for each row when (new.order_no = '${orderNo}' and new.status = 1) execute function hold_${orderNo}();`)
  const commitFreely = (orderNo: string) => suite().audit.sql.unsafe(`drop trigger hold_${orderNo} on orders`)

  test("is neither acknowledged to the channel nor told to the merchant before it has", async () => {
    const { order, provider, receiver, shop, audit } = suite()
    const inbox = receiver.inbox()
    const made = await order("", { notify_url: inbox.url })
    const orderNo = orderNoOf(made)
    const key = Math.floor(Math.random() * 2 ** 31)
    const holder = await audit.sql.reserve()
    try {
      await holder`select pg_advisory_lock(${key})`
      await beforeCommit(orderNo, `perform pg_advisory_xact_lock(${key})`)
      provider.pay(orderNo)
      const stateNow = async () => (await audit.sql`select status from orders where order_no = ${orderNo}`)[0]?.status
      let answered = false
      const stateAtAnswer = provider.notify(orderNo).then(async (answer) => {
        answered = true
        return [isAcknowledged(answer), await stateNow()]
      })
      const stateAtPush = inbox.waitFor(1, 30_000).then(stateNow)
      await until("the commit to wait for the lock", async () => {
        const waiting =
          await holder`select from pg_locks where locktype = 'advisory' and objid = ${key} and not granted`
        return waiting.count > 0
      })
      expect([await statusOf(shop, made), answered, inbox.pushes.length]).toEqual(["PENDING", false, 0])
      await holder`select pg_advisory_unlock(${key})`
      expect(await stateAtAnswer).toEqual([true, 1])
      expect(await stateAtPush).toBe(1)
    } finally {
      await holder`select pg_advisory_unlock_all()`
      holder.release()
    }
    await commitFreely(orderNo)
  })

  test("and fails leaves the order PENDING, unacknowledged and untold, and the repeated notice settles it", async () => {
    const { order, provider, receiver, shop } = suite()
    const inbox = receiver.inbox()
    const made = await order("", { notify_url: inbox.url })
    const orderNo = orderNoOf(made)
    await beforeCommit(orderNo, "raise exception 'the disk is full' using errcode = '53100'")
    provider.pay(orderNo)
    const answer = await provider.notify(orderNo)
    expect(isAcknowledged(answer)).toBe(false)
    expect(answer.status).toBeGreaterThanOrEqual(500)
    await suite().nextPushRound()
    expect([await statusOf(shop, made), inbox.pushes.length]).toEqual(["PENDING", 0])
    await commitFreely(orderNo)
    expect(isAcknowledged(await provider.notify(orderNo))).toBe(true)
    await inbox.waitFor(1)
    expect(await statusOf(shop, made)).toBe("PAID")
  })
})

describe("a notice that proves nothing by itself is a reason to ask", () => {
  const notices = [
    ["one that tells of no payment", { payment: null }],
    ["one that says paid and names no receiver", { hint: true }]
  ] as const

  test.each(notices)("%s: an order that its provider calls unpaid stays PENDING", async (_, notice) => {
    const { order, provider, shop } = suite()
    const made = await order()
    const orderNo = orderNoOf(made)
    expect(isAcknowledged(await provider.notify(orderNo, notice))).toBe(true)
    expect([await statusOf(shop, made), provider.count("query", orderNo)]).toEqual(["PENDING", 1])
    expect([await countOf("notices", orderNo), await countOf("stray_notices", orderNo)]).toEqual([0, 0])
  })

  test.each(notices)("%s: an order that its provider calls paid is PAID", async (_, notice) => {
    const { order, provider, shop } = suite()
    const made = await order()
    provider.pay(orderNoOf(made))
    expect(isAcknowledged(await provider.notify(orderNoOf(made), notice))).toBe(true)
    expect(await statusOf(shop, made)).toBe("PAID")
    expect(await countOf("notices", orderNoOf(made))).toBe(0)
  })

  test("sixty at once, and sixty after the payment, ask once", async () => {
    const { order, provider, shop, audit } = suite()
    const made = await order()
    const orderNo = orderNoOf(made)
    const flood = async () =>
      (await Promise.all(Array.from({ length: 60 }, () => provider.notify(orderNo, { hint: true })))).every(
        isAcknowledged
      )
    expect(await flood()).toBe(true)
    expect(provider.count("query", orderNo)).toBe(1)
    provider.pay(orderNo)
    await audit.sql`update orders set next_check_at = now() where order_no = ${orderNo}`
    await becomes(shop, made, "PAID")
    const asked = provider.count("query", orderNo)
    expect(await flood()).toBe(true)
    expect(provider.count("query", orderNo)).toBe(asked)
  })

  test.each([["hang"], ["error"]])(
    "while the provider's query meets %s: it is answered in time, and asked later",
    async (act) => {
      const { order, provider, shop, audit } = suite()
      const made = await order(`query=${act}`)
      const orderNo = orderNoOf(made)
      const sentMs = performance.now()
      expect(isAcknowledged(await provider.notify(orderNo, { hint: true }))).toBe(true)
      expect(performance.now() - sentMs).toBeLessThan(5_000)
      await until("the question to go on as a scheduled check", () => provider.count("query", orderNo) > 1)
      expect(await statusOf(shop, made)).toBe("PENDING")
      await audit.sql`update orders set next_check_at = null where order_no = ${orderNo}`
    }
  )

  test("of an unknown order is acknowledged and leaves no trace", async () => {
    const { provider, accountId } = suite()
    const unknown = unique("QR")
    const path = `/api/notice/${accountId}`
    expect(isAcknowledged(await provider.notify(unknown, { hint: true, path }))).toBe(true)
    expect([provider.count("query", unknown), await countOf("stray_notices", unknown)]).toEqual([0, 0])
  })

  test("at another account than the order's settles nothing, and what that account tells of is flagged", async () => {
    const { order, provider, shop, addAccount, gateway } = suite()
    const made = await order()
    provider.pay(orderNoOf(made))
    const path = `/api/notice/${await addAccount()}`
    expect(isAcknowledged(await provider.notify(orderNoOf(made), { hint: true, path }))).toBe(true)
    expect([await statusOf(shop, made), provider.count("query", orderNoOf(made))]).toEqual(["PENDING", 1])
    const shown = await gateway.command(["order", "show", orderNoOf(made)])
    expect(shown.flags).toEqual(["other-account"])
  })
})

describe("Yinsheng signs all merchants' notices with one key: of an order of 1,234.56 yuan, another merchant's", () => {
  // One provider for all of its orders, because a trade number credits one order only.
  let simulator: YsepaySimulator
  let accountId: string
  beforeAll(async () => {
    simulator = await startYsepaySimulator({ pushesMax: 1 })
    accountId = await addAccountAt(suite().gateway, "yinsheng-qrcode", simulator.account(), 60)
  })
  afterAll(() => simulator.stop())

  const attacked = async () => {
    const { gateway } = suite()
    const shop = await gateway.merchant({ test: false, accounts: [accountId] })
    const made = await shop.qrcodePay({ amount: 123_456, channel_code: "YINSHENG_QRCODE" })
    const { out_trade_no } = orderKeyOf(orderNoOf(made))
    const theirs = { trade_no: "01O260315999999999", trade_status: "TRADE_SUCCESS", total_amount: "1234.56" }
    const hear = async (more: Readonly<Record<string, string>> = {}) => {
      const body = simulator.notice(out_trade_no, { ...theirs, ...more })
      const headers = { "content-type": "application/x-www-form-urlencoded" }
      const answer = await fetch(`${gateway.url}/api/notice/${accountId}`, { method: "POST", headers, body })
      return answer.text()
    }
    return { shop, made, out_trade_no, hear }
  }

  test.each([
    ["names no seller", {}],
    ["names ours, because whoever chose a value that is echoed wrote it", { seller_id: "shanghu_test" }]
  ])("that %s leaves the order PENDING while Yinsheng calls it unpaid", async (_, more) => {
    const { shop, made, out_trade_no, hear } = await attacked()
    expect(await hear(more)).toBe("success")
    expect(await statusOf(shop, made)).toBe("PENDING")
    expect([await flagsOf(orderNoOf(made)), await countOf("notices", orderNoOf(made))]).toEqual([[], 0])
    // Once the payer pays, the check that the notice has left behind finds the payment.
    const { tradeNo } = await simulator.pay(out_trade_no, { notify: false })
    const { sql } = suite().audit
    await sql`update orders set next_check_at = now() where order_no = ${orderNoOf(made)}`
    await becomes(shop, made, "PAID")
    const [row] = await sql`select channel_trade_no from orders where order_no = ${orderNoOf(made)}`
    expect(row?.channel_trade_no).toBe(tradeNo)
    expect(simulator.mistakes).toEqual([])
  })

  test("that names another seller is refused, and asks nothing", async () => {
    const { shop, made, out_trade_no, hear } = await attacked()
    await simulator.pay(out_trade_no, { notify: false })
    expect(await hear({ seller_id: "somebody_else" })).toBe("fail")
    expect(await statusOf(shop, made)).toBe("PENDING")
  })

  test("makes the order PAID by Yinsheng's word, with the trade that Yinsheng names", async () => {
    const { shop, made, out_trade_no, hear } = await attacked()
    const { tradeNo } = await simulator.pay(out_trade_no, { notify: false })
    expect(await hear()).toBe("success")
    expect(await statusOf(shop, made)).toBe("PAID")
    const [row] = await suite().audit.sql`select channel_trade_no from orders where order_no = ${orderNoOf(made)}`
    expect(row?.channel_trade_no).toBe(tradeNo)
  })

  test("is not needed: the real one, pushed by Yinsheng itself, makes it PAID at once", async () => {
    const { shop, made, out_trade_no } = await attacked()
    const { notices } = await simulator.pay(out_trade_no)
    expect(notices).toMatchObject([{ acknowledged: true }])
    expect(await statusOf(shop, made)).toBe("PAID")
  })
})

describe("notices out of order converge", () => {
  const words = ["paid", "other", "second", "short"] as const
  const orders = permutations(words)

  test(`in each of ${orders.length} orders of paid, other news, a second payment and a short one`, async () => {
    const { order, provider, shop } = suite()
    await Promise.all(
      orders.map(async (sequence) => {
        const made = await order()
        const orderNo = orderNoOf(made)
        const payment = provider.pay(orderNo)
        for (const word of sequence) {
          const said =
            word === "paid"
              ? payment
              : word === "second"
                ? { ...payment, trade_no: `${payment.trade_no}-2` }
                : word === "short"
                  ? { ...payment, amount_fen: 1, trade_no: `${payment.trade_no}-3` }
                  : null
          expect(isAcknowledged(await provider.notify(orderNo, { payment: said }))).toBe(true)
        }
        expect([sequence, await statusOf(shop, made)]).toEqual([sequence, "PAID"])
        // The first of the two full payments counts and the other is flagged.
        const flags = await flagsOf(orderNo)
        expect(flags).toContain("second-payment")
      })
    )
  })

  test("when the sandbox sends failed, then paid, then closed", async () => {
    const { gateway } = suite()
    const tester = await gateway.merchant()
    const made = await tester.qrcodePay({ amount: 888_817 })
    await actAsPayer(made)
    // The sandbox's button answers once all three notices have been answered.
    await becomes(tester, made, "PAID")
  })
})

function permutations<T>(items: ReadonlyArray<T>): ReadonlyArray<ReadonlyArray<T>> {
  if (items.length <= 1) return [items]
  return items.flatMap((item, index) =>
    permutations([...items.slice(0, index), ...items.slice(index + 1)]).map((rest) => [item, ...rest])
  )
}

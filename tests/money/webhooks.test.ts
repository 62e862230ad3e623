import { describe, expect, setDefaultTimeout, test } from "bun:test"
import type { Answer } from "../harness/merchant-client.ts"
import { until } from "../harness/until.ts"
import {
  bodyOf,
  FAILURE,
  type Inbox,
  isPushSignedWith,
  type Push,
  type Reply,
  SUCCESS
} from "../harness/webhook-receiver.ts"
import { auditedSuite, orderNoOf, statusOf } from "./audited-gateway.ts"

/* The webhook of every committed payment is delivered or visibly dead. tests/contract/webhook.test.ts checks its form. */

setDefaultTimeout(60_000)

const suite = auditedSuite({ env: { PAYHUB_RECONCILE_SCHEDULE: "600", PAYHUB_WEBHOOK_SCHEDULE: "1,1" } })

const paidOrder = async (inbox: Pick<Inbox, "url">, notify_url = inbox.url): Promise<Answer> => {
  const { order, provider } = suite()
  const made = await order("", { notify_url })
  provider.pay(orderNoOf(made))
  await provider.notify(orderNoOf(made))
  return made
}
const stateOf = async (made: Answer): Promise<string> => {
  const [row] = await suite().audit.sql`
    select (array['due', 'delivered', 'dead'])[state + 1] as state from outbox where order_no = ${orderNoOf(made)}`
  return row?.state ?? "none"
}
const becomesState = (made: Answer, state: string, timeoutMs = 15_000) =>
  until(`the webhook to be ${state}`, async () => (await stateOf(made)) === state, { timeoutMs })

describe.concurrent("a committed payment's webhook", () => {
  test("has the same body and event id in every attempt, is listed when it is dead, and is resent unchanged", async () => {
    const { receiver, gateway, shop } = suite()
    const inbox = receiver.inbox(FAILURE, { kind: "drop" }, FAILURE)
    const made = await paidOrder(inbox)
    await becomesState(made, "dead")
    const dead = (await gateway.command(["webhook", "list", "--dead"])) as unknown as Array<{ order_no: string }>
    expect(dead.map(({ order_no }) => order_no)).toContain(orderNoOf(made))
    inbox.reply(SUCCESS)
    await gateway.command(["webhook", "resend", orderNoOf(made)])
    await becomesState(made, "delivered")
    const pushes = inbox.pushes as ReadonlyArray<Push>
    expect(pushes).toHaveLength(4)
    expect(new Set(pushes.map(({ bytes }) => bytes.toString("hex"))).size).toBe(1)
    expect(new Set(pushes.map(({ headers }) => headers["x-payhub-event"])).size).toBe(1)
    expect(pushes.map(({ headers }) => headers["x-payhub-attempt"])).toEqual(["1", "2", "3", "4"])
    expect(pushes.every((push) => isPushSignedWith(shop.secret, push))).toBe(true)
  })

  test("keeps its bytes through a rotation of the secret and a change of the merchant", async () => {
    const { receiver, gateway, provider, accountId } = suite()
    const inbox = receiver.inbox(FAILURE, SUCCESS)
    const shop = await gateway.merchant({ test: false, accounts: [accountId] })
    const made = await shop.qrcodePay({ notify_url: inbox.url })
    provider.pay(orderNoOf(made))
    await provider.notify(orderNoOf(made))
    await inbox.waitFor(1)
    await gateway.command(["merchant", "reset-secret", shop.appId])
    await gateway.command(["merchant", "disable", shop.appId])
    const [first, second] = (await inbox.waitFor(2)) as [Push, Push]
    expect(second.bytes.equals(first.bytes)).toBe(true)
    expect(isPushSignedWith(shop.secret, second)).toBe(true)
  })

  const refusals: ReadonlyArray<readonly [string, Reply]> = [
    ["201 success", { kind: "answer", status: 201, body: "success" }],
    ["204", { kind: "answer", status: 204 }],
    ["200 SUCCESS", { kind: "answer", body: "SUCCESS" }],
    ["200 successful", { kind: "answer", body: "successful" }],
    ['200 "success"', { kind: "answer", body: '"success"' }],
    ["200 and nothing", { kind: "answer", body: "" }],
    ["500 success", { kind: "answer", status: 500, body: "success" }],
    ["a redirect to a receiver that says success", { kind: "redirect", to: "/inbox/1" }],
    ["a cut connection", { kind: "drop" }]
  ]
  test.each(refusals)("is not delivered by %s and is dead after three pushes", async (_, reply) => {
    const { receiver, shop } = suite()
    const inbox = receiver.inbox(reply)
    const made = await paidOrder(inbox)
    await becomesState(made, "dead")
    expect(inbox.pushes).toHaveLength(3)
    expect(await statusOf(shop, made)).toBe("PAID")
  })

  test.each([
    ["success", "success"],
    ["success with white space around it", " \r\n success\n"]
  ])("is delivered by 200 and %s, once", async (_, body) => {
    const inbox = suite().receiver.inbox({ kind: "answer", body, type: "text/html" })
    const made = await paidOrder(inbox)
    await becomesState(made, "delivered")
    await suite().nextPushRound()
    expect(inbox.pushes).toHaveLength(1)
  })

  test("to a name that does not resolve leaves the order PAID, is tried as scheduled, and is visibly dead", async () => {
    const { shop, audit } = suite()
    const made = await paidOrder({ url: "" }, "https://no-such-shop.invalid/notify")
    expect(await statusOf(shop, made)).toBe("PAID")
    await becomesState(made, "dead", 60_000)
    const rows = await audit.sql`
      select attempt, status from attempts where order_no = ${orderNoOf(made)} order by attempt`
    expect(rows.map(({ attempt, status }) => [attempt, status])).toEqual([
      [1, null],
      [2, null],
      [3, null]
    ])
  })

  test("does not wait behind a receiver that never answers", async () => {
    const { receiver } = suite()
    const hanging = receiver.inbox({ kind: "hang" })
    const well = receiver.inbox()
    await Promise.all(Array.from({ length: 20 }, () => paidOrder(hanging)))
    await hanging.waitFor(20)
    const before = Date.now()
    await paidOrder(well)
    const [push] = (await well.waitFor(1)) as [Push]
    expect(push.at - before).toBeLessThan(3_000)
  })

  test("of 200 payments at once is pushed once for each order with that order's amount", async () => {
    const { order, provider, receiver } = suite()
    const inbox = receiver.inbox()
    const made = await Promise.all(
      Array.from({ length: 200 }, (_, index) => order("", { amount: 1000 + index, notify_url: inbox.url }))
    )
    for (const one of made) provider.pay(orderNoOf(one))
    await Promise.all(made.map((one) => provider.notify(orderNoOf(one))))
    await inbox.waitForAnswers(200, 30_000)
    await suite().nextPushRound()
    const told = inbox.pushes.map((push) => bodyOf(push))
    expect(new Map(told.map((body) => [body.order_no, body.amount]))).toEqual(
      new Map(made.map((one, index) => [orderNoOf(one), (10 + index / 100).toFixed(2)]))
    )
    expect(told).toHaveLength(200)
  })
})

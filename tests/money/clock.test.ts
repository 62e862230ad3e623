import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { Effect } from "effect"
import { admitPayer, newPayToken, PAY_TOKEN_MS, payTokenHash } from "../../core/cashier/pay-token.ts"
import { placeOrder } from "../../core/cashier/place.ts"
import { reconcileOrder } from "../../core/cashier/reconcile.ts"
import { settlePayment } from "../../core/cashier/settle.ts"
import { newOrderNo } from "../../core/domain/order-no.ts"
import { nextStep } from "../../core/pipeline/notifier/worker.ts"
import { Outbox } from "../../core/pipeline/persistence/outbox.ts"
import { Replay } from "../../core/pipeline/replay/replay.ts"
import { Throttle } from "../../core/pipeline/throttle/throttle.ts"
import { closesIn } from "../harness/bookkeeper.ts"
import { paymentOf } from "../harness/in-process-gateway.ts"
import { unique } from "../harness/merchant-client.ts"
import { type AuditedCore, openAuditedCore } from "./audited-core.ts"

/*
 * Somebody sets the machine's clock ten minutes forward or back: no nonce becomes usable again, no payment is lost and no
 * order ends early.
 */

setDefaultTimeout(60_000)

const TEN_MINUTES_MS = 600_000

const REQUEST = {
  clientIp: "203.0.113.7",
  payer: null,
  amountFen: 1000,
  notifyUrl: "https://shop.example.com/notify",
  body: "",
  extra: "",
  note: "",
  channelCode: undefined,
  expireMinutes: 30
} as const

let core: AuditedCore
beforeAll(async () => {
  core = await openAuditedCore()
})
afterAll(async () => {
  const breaches = await core?.audit.breaches()
  await core?.close()
  expect(breaches).toEqual([])
})

describe.each([
  ["forward", TEN_MINUTES_MS],
  ["back", -TEN_MINUTES_MS]
])("a clock that is set ten minutes %s", (_, stepMs) => {
  const stepped = async <A>(act: () => Promise<A>): Promise<A> => {
    core.clock.stepMs = stepMs
    try {
      return await act()
    } finally {
      core.clock.stepMs = 0
    }
  }

  test("frees no nonce before its window has really passed", async () => {
    const { merchant } = core
    const claim = (nonce: string) =>
      core.run(Effect.flatMap(Replay, (replay) => Effect.result(replay.claim(merchant, nonce))))
    const nonce = unique("nonce")
    expect((await claim(nonce))._tag).toBe("Success")
    expect((await stepped(() => claim(nonce)))._tag).toBe("Failure")
    expect((await claim(nonce))._tag).toBe("Failure")
  })

  test("frees no slot of the throttle early and holds none longer", async () => {
    const rule = { count: 1, windowMs: 3_000 }
    const take = (key: string) =>
      core.run(Effect.flatMap(Throttle, (throttle) => Effect.result(throttle.takeKey(key, rule))))
    const key = unique("slot")
    expect((await take(key))._tag).toBe("Success")
    const again = await stepped(() => take(key))
    const waitMs =
      again._tag === "Failure" && again.failure._tag === "ThrottleExceeded" ? again.failure.retryAfterMs : 0
    expect(waitMs).toBeGreaterThan(0)
    expect(waitMs).toBeLessThanOrEqual(3_000)
  })

  test.each([
    ["leaves an order with five minutes left open, here and at the channel", 300_000, "PENDING"],
    ["closes an order that expired five minutes ago", -300_000, "CLOSED"]
  ] as const)("%s", async (_, leftMs, status) => {
    const { order, find, run, book } = core
    book.onClose = closesIn(book.states)
    const made = await order({ expiresAt: new Date(Date.now() + leftMs) })
    await stepped(() => run(reconcileOrder(made)))
    expect((await find(made)).status).toBe(status)
    expect(book.closes.includes(made.orderNo)).toBe(status === "CLOSED")
  })

  test("does not put off the next question to the channel", async () => {
    const { order, run, audit } = core
    const made = await order()
    await stepped(() => run(reconcileOrder(made)))
    const [row] = await audit.sql`
      select extract(epoch from next_check_at - now())::float as wait_s from orders where order_no = ${made.orderNo}`
    expect(row?.wait_s).toBeWithin(25, 35)
  })

  test("gives an order that is placed meanwhile its full time, here and at the channel", async () => {
    const { merchant, run, book } = core
    const before = Date.now()
    await stepped(() =>
      run(
        Effect.gen(function* () {
          const { order } = yield* placeOrder({ ...REQUEST, merchant, merchantOrderNo: unique("ORD") })
          expect(order.createdAt.getTime()).toBeWithin(before - 1_000, Date.now() + 1_000)
          expect(order.expiresAt.getTime() - order.createdAt.getTime()).toBe(1_800_000)
        })
      )
    )
    expect(book.charges.at(-1)?.remainingMs).toBeWithin(1_790_000, 1_800_001)
  })

  test("does not end a pay link that is a minute old", async () => {
    const { order, run } = core
    const token = await core.run(newPayToken)
    const createdAt = new Date(Date.now() - 60_000)
    const payUntil = new Date(createdAt.getTime() + PAY_TOKEN_MS)
    const jsapi = { appId: null, miniProgram: false, tokenHash: payTokenHash(token), openid: null, payUntil }
    const made = await order({ orderNo: newOrderNo("WX", 1, Date.now()), jsapi, createdAt })
    await stepped(() => run(admitPayer(made)))
  })

  test("does not bring a webhook's next push forward or put it off", async () => {
    const { order, run, clock, audit } = core
    const made = await order()
    await run(settlePayment(made, paymentOf(made), null))
    const outbox = await run(Effect.map(Outbox, (store) => store))
    const take = { limit: 1000, perHost: 1000, busyHosts: [], perMerchant: 100, underWay: [], leaseMs: 23_000 }
    const webhook = (await run(outbox.lease(take))).find(({ orderNo }) => orderNo === made.orderNo)
    expect(webhook).toBeDefined()
    await stepped(async () =>
      run(
        outbox.record({
          merchantId: made.merchantId,
          eventId: webhook?.eventId ?? "",
          orderNo: made.orderNo,
          attempt: 1,
          round: 0,
          at: new Date(clock.currentTimeMillisUnsafe()),
          durationMs: 5,
          status: 500,
          detail: "",
          next: nextStep(false, 60_000)
        })
      )
    )
    const [row] = await audit.sql`
      select extract(epoch from due_at - now())::float as wait_s from outbox where order_no = ${made.orderNo}`
    expect(row?.wait_s).toBeGreaterThan(55)
    expect(row?.wait_s).toBeLessThan(65)
  })

  test("settles a payment that comes while an expired order is being closed", async () => {
    const { order, find, run, book } = core
    const made = await order({ expiresAt: new Date(Date.now() - 300_000) })
    book.onClose = (orderNo) => {
      book.states.set(orderNo, { state: "paid", payment: paymentOf(made) })
      return { state: "paid" }
    }
    await stepped(() => run(reconcileOrder(made)))
    book.states.set(made.orderNo, { state: "paid", payment: paymentOf(made) })
    await run(reconcileOrder(await find(made)))
    expect((await find(made)).status).toBe("PAID")
  })
})

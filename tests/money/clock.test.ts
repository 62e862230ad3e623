import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { Effect } from "effect"
import { reconcileOrder } from "../../core/cashier/reconcile.ts"
import { settlePayment } from "../../core/cashier/settle.ts"
import { Persistence } from "../../core/pipeline/persistence.ts"
import { Replay } from "../../core/pipeline/replay.ts"
import { Throttle } from "../../core/pipeline/throttle.ts"
import { nextStep } from "../../core/pipeline/webhook-worker.ts"
import { unique } from "../services/merchant-client.ts"
import { type CoreTill, openCoreTill, paymentOf } from "./core-till.ts"

/* Somebody sets the machine's clock ten minutes forward or back: no nonce comes free, no payment is lost. */

setDefaultTimeout(60_000)

const TEN_MINUTES_MS = 600_000

let till: CoreTill
beforeAll(async () => {
  till = await openCoreTill()
})
afterAll(async () => {
  const breaches = await till?.audit.breaches()
  await till?.close()
  expect(breaches).toEqual([])
})

describe.each([
  ["forward", TEN_MINUTES_MS],
  ["back", -TEN_MINUTES_MS]
])("a clock that is set ten minutes %s", (_, stepMs) => {
  const stepped = async <A>(act: () => Promise<A>): Promise<A> => {
    till.clock.stepMs = stepMs
    try {
      return await act()
    } finally {
      till.clock.stepMs = 0
    }
  }

  test("frees no nonce before its window has passed in earnest", async () => {
    const { merchant } = till
    const claim = (nonce: string) =>
      till.run(Effect.flatMap(Replay, (replay) => Effect.result(replay.claim(merchant, nonce))))
    const nonce = unique("nonce")
    expect((await claim(nonce))._tag).toBe("Success")
    expect((await stepped(() => claim(nonce)))._tag).toBe("Failure")
    expect((await claim(nonce))._tag).toBe("Failure")
  })

  test("gives no slot of the throttle away, and holds none longer", async () => {
    const rule = { count: 1, windowMs: 3_000 }
    const take = (key: string) =>
      till.run(Effect.flatMap(Throttle, (throttle) => Effect.result(throttle.takeKey(key, rule))))
    const key = unique("slot")
    expect((await take(key))._tag).toBe("Success")
    const again = await stepped(() => take(key))
    const waitMs =
      again._tag === "Failure" && again.failure._tag === "ThrottleExceeded" ? again.failure.retryAfterMs : 0
    expect(waitMs).toBeGreaterThan(0)
    expect(waitMs).toBeLessThanOrEqual(3_000)
  })

  test("never lets an order be closed here that the channel has not closed, whatever the clock makes of its expiry", async () => {
    const { order, find, run, book } = till
    book.onClose = () => ({ state: "closed" })
    const made = await order({ expiresAt: new Date(till.clock.currentTimeMillisUnsafe() + 300_000) })
    await stepped(() => run(reconcileOrder(made)))
    const { status } = await find(made)
    expect(status).toBe(stepMs > 0 ? "CLOSED" : "PENDING")
    expect(book.closes.includes(made.orderNo)).toBe(stepMs > 0)
  })

  // Broken today: the core hands the store instants of its own clock, which the store compares with the database's.
  test("does not bring a webhook's next push forward or put it off", async () => {
    const { order, run, clock, audit } = till
    const made = await order()
    await run(settlePayment(made, paymentOf(made), null))
    const { webhooks } = await run(Effect.map(Persistence, (store) => store))
    const take = { limit: 1000, perHost: 1000, busyHosts: [], busyMerchants: [], leaseMs: 23_000 }
    const webhook = (await run(webhooks.lease(take))).find(({ orderNo }) => orderNo === made.orderNo)
    expect(webhook).toBeDefined()
    await stepped(async () =>
      run(
        webhooks.record({
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

  test("settles a payment that comes while the order is thought to have expired", async () => {
    const { order, find, run, book } = till
    const made = await order({ expiresAt: new Date(till.clock.currentTimeMillisUnsafe() + 300_000) })
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

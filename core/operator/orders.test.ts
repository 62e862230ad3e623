import { describe, expect, test } from "bun:test"
import { Effect } from "effect"
import { operator } from "../../tests/harness/cli.ts"
import { newOrderNo } from "../domain/order-no.ts"
import { Merchants } from "../pipeline/persistence/merchants.ts"
import { Notices } from "../pipeline/persistence/notices.ts"
import { Orders } from "../pipeline/persistence/orders.ts"
import { Outbox } from "../pipeline/persistence/outbox.ts"
import { Settlements } from "../pipeline/persistence/settlements.ts"
import { OperatorError } from "./operation.ts"

const { payhub, json, inStore } = operator()

describe("order and webhook", () => {
  const makeOrder = (appId: string, amountFen: number, extra = "") =>
    inStore(
      Effect.gen(function* () {
        const merchants = yield* Merchants
        const orders = yield* Orders
        const merchant = (yield* merchants.find(appId))?.merchant
        if (merchant === undefined) return yield* new OperatorError({ message: "no merchant" })
        const nowMs = Date.now()
        const orderNo = newOrderNo("QR", merchant.id, nowMs)
        yield* orders.create({
          merchantId: merchant.id,
          orderNo,
          merchantOrderNo: `ORD-${orderNo}`,
          channelCode: "YINSHENG_QRCODE",
          flow: "qrcode",
          provider: "bank",
          accountId: "acc_x",
          amountFen,
          feeRateBp: 60,
          notifyUrl: "https://shop.example.com/notify",
          body: "",
          extra,
          note: "在线支付",
          clientIp: "203.0.113.7",
          createdAt: new Date(nowMs),
          expiresAt: new Date(nowMs + 1_800_000),
          reference: {},
          jsapi: null,
          charging: true,
          nextCheckAt: new Date(nowMs + 30_000)
        })
        return { merchantId: merchant.id, orderNo, accountId: "acc_x" }
      })
    )
  type Made = Awaited<ReturnType<typeof makeOrder>>
  const pay = (order: Made, amountFen: number) =>
    inStore(
      Effect.flatMap(Settlements, (settlements) =>
        settlements.settle({
          order,
          provider: "bank",
          payment: {
            channelTradeNo: `T${order.orderNo}`,
            amountFen,
            currency: "CNY",
            paidAt: new Date("2026-03-15T08:00:00Z")
          },
          feeFen: 6,
          actualFen: amountFen - 6,
          webhook: { eventId: `evt_${order.orderNo}`, url: "https://shop.example.com/notify", body: "{}" },
          source: "query",
          notice: null
        })
      )
    )
  const merchant = async (): Promise<string> => (await json("merchant", "create", "--name", "Orders")).app_id
  const numbers = (orders: ReadonlyArray<{ order_no: string }>) => orders.map(({ order_no }) => order_no)

  test("show prints the order, its amounts in fen and in yuan, and its timeline", async () => {
    const app_id = await merchant()
    const order = await makeOrder(app_id, 1000)
    expect(await json("order", "show", order.orderNo)).toMatchObject({
      order_no: order.orderNo,
      merchant_order_no: `ORD-${order.orderNo}`,
      app_id,
      status: 0,
      status_name: "PENDING",
      status_text: "待支付",
      amount: "10.00",
      amount_fen: 1000,
      actual_amount: null,
      fee: null,
      pay_time: null,
      channel_trade_no: null,
      flags: [],
      webhooks: [],
      timeline: [{ kind: "created" }]
    })
    await pay(order, 1000)
    const paid = await json("order", "show", order.orderNo)
    expect(paid).toMatchObject({
      status: 1,
      status_name: "PAID",
      actual_amount: "9.94",
      actual_amount_fen: 994,
      fee: "0.06",
      fee_fen: 6,
      fee_rate_bp: 60,
      pay_time: "2026-03-15T08:00:00.000Z",
      channel_trade_no: `T${order.orderNo}`,
      webhooks: [{ order_no: order.orderNo, state: "due", attempts: [] }]
    })
    expect(paid.timeline.map(({ kind }: { kind: string }) => kind)).toContain("paid")
    for (const { at } of paid.timeline) expect(at).toMatch(/^\d{4}-\d\d-\d\dT.*Z$/)
  })

  test("show does not let a merchant's text control the terminal", async () => {
    const order = await makeOrder(await merchant(), 1, "\u001b[2J\u202e\nstatus name  PAID")
    const { out } = await payhub("order", "show", order.orderNo)
    expect(out).toContain("\\u001b[2J")
    for (const character of ["\u001b", "\u202e"]) expect(out).not.toContain(character)
    expect(out).toMatch(/^status name +PENDING$/m)
    expect(out).not.toMatch(/^status name +PAID$/m)
  })

  test("list filters by merchant, status, time and flag, newest first", async () => {
    const app_id = await merchant()
    const first = await makeOrder(app_id, 100)
    const second = await makeOrder(app_id, 200)
    await makeOrder(await merchant(), 300)
    const list = async (...flags: string[]) => numbers(await json("order", "list", "--app-id", app_id, ...flags))
    expect((await list()).sort()).toEqual([first.orderNo, second.orderNo].sort())
    await pay(second, 200)
    expect(await list("--status", "paid")).toEqual([second.orderNo])
    expect(await list("--status", "PENDING")).toEqual([first.orderNo])
    expect(await list("--since", "1h", "--limit", "1")).toHaveLength(1)
    expect(await list("--since", "2999-01-01")).toEqual([])
    expect(await list("--flagged")).toEqual([])
    const flag = Effect.flatMap(Notices, (notices) =>
      notices.flag({
        order: first,
        anomaly: "amount-mismatch",
        payment: { channelTradeNo: "T9", amountFen: 99, currency: "CNY", paidAt: new Date() },
        source: "query",
        notice: null
      })
    )
    await inStore(flag)
    expect(await list("--flagged")).toEqual([first.orderNo])
    expect((await json("order", "show", first.orderNo)).flags).toEqual(["amount-mismatch"])
    expect(numbers(await json("order", "list")).length).toBeGreaterThan(2)
    const people = (await payhub("order", "list", "--app-id", app_id)).out
    expect(people).toMatch(/^ORDER NO +MERCHANT ORDER NO +APP ID +STATUS NAME +AMOUNT/)
  })

  test("strays lists the notices that name no order, newest first, with their content", async () => {
    const keep = (day: string) =>
      Effect.flatMap(Notices, (notices) =>
        notices.keepStray({
          accountId: "acc_x",
          orderNo: `QR-${day}`,
          receivedAt: new Date(`${day}T08:00:00Z`),
          headers: {},
          body: new Uint8Array([1]),
          detail: { channelTradeNo: day, amountFen: 5 }
        })
      )
    await inStore(keep("2100-03-15"))
    await inStore(keep("2100-03-16"))
    const strays = await json("order", "strays")
    expect(strays.slice(0, 2)).toEqual(
      ["2100-03-16", "2100-03-15"].map((day) => ({
        account_id: "acc_x",
        order_no: `QR-${day}`,
        received_at: `${day}T08:00:00.000Z`,
        detail: { channelTradeNo: day, amountFen: 5 }
      }))
    )
    expect(await json("order", "strays", "--limit", "1")).toEqual(strays.slice(0, 1))
  })

  test("webhook list shows deliveries with their attempts; resend makes a dead one due", async () => {
    const app_id = await merchant()
    const unpaid = await makeOrder(app_id, 100)
    const order = await makeOrder(app_id, 100)
    await pay(order, 100)
    const eventId = `evt_${order.orderNo}`
    const attempt = Effect.flatMap(Outbox, (outbox) =>
      outbox.record({
        merchantId: order.merchantId,
        eventId,
        orderNo: order.orderNo,
        attempt: 1,
        at: new Date("2026-03-15T08:00:01Z"),
        durationMs: 12,
        status: 500,
        detail: "oops",
        round: 0,
        next: { kind: "dead" }
      })
    )
    await inStore(attempt)
    expect(await json("webhook", "list", "--dead", "--order", order.orderNo)).toEqual([
      {
        event_id: eventId,
        order_no: order.orderNo,
        app_id,
        url: "https://shop.example.com/notify",
        body: "{}",
        state: "dead",
        pushes: 1,
        created_at: expect.any(String),
        due_at: null,
        attempts: [{ attempt: 1, at: "2026-03-15T08:00:01.000Z", duration_ms: 12, status: 500, detail: "oops" }]
      }
    ])
    expect(await json("webhook", "resend", order.orderNo)).toEqual({ order_no: order.orderNo, resent: true })
    expect(await json("webhook", "list", "--dead", "--order", order.orderNo)).toEqual([])
    expect(await json("webhook", "list", "--order", order.orderNo)).toMatchObject([{ state: "due", pushes: 1 }])
    const { code, err } = await payhub("webhook", "resend", unpaid.orderNo)
    expect([code, err]).toEqual([
      1,
      `The order ${unpaid.orderNo} is PENDING and has no webhook: only a paid one has.\n`
    ])
  })
})

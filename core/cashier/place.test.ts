import { afterEach, describe, expect, test } from "bun:test"
import { Effect, Fiber } from "effect"
import { accepts, rejects, staysSilent } from "../../tests/harness/bookkeeper.ts"
import { openInProcessGateway, STARTED_AT } from "../../tests/harness/in-process-gateway.ts"
import { orderKey } from "../../tests/harness/memory-persistence/tables.ts"
import { unique } from "../../tests/harness/merchant-client.ts"
import { perTest } from "../../tests/harness/per-test.ts"
import { until } from "../../tests/harness/until.ts"
import type { Merchant } from "../domain/merchant.ts"
import { exposition } from "../observe/metrics.ts"
import { Accounts } from "../pipeline/persistence/accounts.ts"
import { CHARGE_LEASE_MS } from "../pipeline/persistence/charges.ts"
import type { NewMerchant } from "../pipeline/persistence/merchants.ts"
import { Orders } from "../pipeline/persistence/orders.ts"
import { Channels } from "./channels.ts"
import { chargeForPayer } from "./pay-info.ts"
import { PAY_TOKEN_MS, payTokenHash } from "./pay-token.ts"
import { type PlaceOrder, placeOrder } from "./place.ts"

const gateway = perTest(() => openInProcessGateway({ accounts: [{ id: "acc_1" }, { id: "acc_2" }] }))

const command = (change: Partial<PlaceOrder> = {}): PlaceOrder => ({
  merchant: gateway().merchant,
  clientIp: "203.0.113.7",
  merchantOrderNo: unique("ORD"),
  amountFen: 1000,
  notifyUrl: "https://shop.example.com/notify",
  body: "",
  extra: "",
  note: "two coffees",
  channelCode: undefined,
  expireMinutes: 30,
  payer: null,
  ...change
})

const place = (change: Partial<PlaceOrder> = {}) => gateway().run(placeOrder(command(change)))
/** The failure of a placing, by its tag. */
const refusal = async (change: Partial<PlaceOrder>) => gateway().run(Effect.flip(placeOrder(command(change))))
/** Places an order while the store answers otherwise: "placed", or the failure's tag. */
const withOrders = (
  change: (orders: Orders["Service"]) => Partial<Orders["Service"]>,
  placed: Partial<PlaceOrder> = {}
): Promise<string> =>
  gateway().run(
    Effect.gen(function* () {
      const orders = yield* Orders
      return yield* placeOrder(command(placed)).pipe(
        Effect.provideService(Orders, { ...orders, ...change(orders) }),
        Effect.match({ onFailure: ({ _tag }) => _tag, onSuccess: () => "placed" })
      )
    })
  )
const aJsapiParams = {
  appId: "wx1",
  timeStamp: "1",
  nonceStr: "n",
  package: "prepay_id=1",
  signType: "RSA",
  paySign: "s"
} as const
const stored = () => [...gateway().tables.orders.values()].map(({ order }) => order)

describe("an order that is placed", () => {
  test("is durable and PENDING before any channel hears of it", async () => {
    const { book } = gateway()
    const seen: Array<string> = []
    book.onCharge = () => {
      seen.push(...stored().map(({ status }) => status))
      return accepts
    }
    const { order, presentation, payToken } = await place()
    expect(seen).toEqual(["PENDING"])
    expect(presentation).toEqual({ kind: "qrcode", content: "https://book.example.com" })
    expect(payToken).toBeNull()
    expect(order.orderNo).toMatch(/^QR20260315100000[0-9A-Z]{8}$/)
    expect(order).toMatchObject({ channelCode: "YINSHENG_QRCODE", accountId: "acc_1", feeRateBp: 60, jsapi: null })
    expect(order.expiresAt.getTime() - order.createdAt.getTime()).toBe(1_800_000)
    expect(order.nextCheckAt.getTime()).toBe(STARTED_AT.getTime() + 30_000)
    expect(order.reference).toEqual({ acc_1: order.orderNo })
  })

  test("is charged with its own life, account and addresses", async () => {
    const { book } = gateway()
    const { order } = await place({ expireMinutes: 5 })
    expect(book.charges).toMatchObject([
      {
        orderNo: order.orderNo,
        code: "YINSHENG_QRCODE",
        amountFen: 1000,
        description: "two coffees",
        remainingMs: 300_000,
        noticeUrl: "http://127.0.0.1:1/api/notice/acc_1",
        clientIp: "203.0.113.7",
        reference: { acc_1: order.orderNo }
      }
    ])
  })

  test("is asked about only when its charge has ended: nobody else may charge it meanwhile", async () => {
    const { book, run } = gateway()
    const asked: Array<number> = []
    book.onCharge = () =>
      Effect.gen(function* () {
        const orders = yield* Effect.promise(() =>
          run(Effect.flatMap(Orders, (o) => o.leaseChecks({ limit: 10, perAccount: 10, underWay: [], leaseMs: 1 })))
        )
        asked.push(orders.length)
        return yield* accepts
      })
    await place()
    expect(asked).toEqual([0])
    const [row] = gateway().tables.orders.values()
    expect(row).toMatchObject({ attempts: 1, chargingUntilMs: STARTED_AT.getTime() + CHARGE_LEASE_MS })
  })

  test.each([
    ["another number where its own was drawn before", 4, "placed"],
    ["no sixth number", 5, "StoreUnavailable"]
  ])("draws %s", async (_, taken, outcome) => {
    const numbers = new Set<string>()
    const answer = await withOrders((orders) => ({
      create: (order) => {
        numbers.add(order.orderNo)
        return numbers.size <= taken ? Effect.succeed("order-no-taken") : orders.create(order)
      }
    }))
    expect(answer).toBe(outcome)
    expect(numbers.size).toBe(5)
    expect(stored()).toHaveLength(outcome === "placed" ? 1 : 0)
  })
})

describe("duplicate order comes before the throttle, the throttle before the channel", () => {
  const throttled = (change: Partial<NewMerchant> = {}): Promise<Merchant> =>
    gateway().addMerchant(unique("pk_live_"), { throttle: { count: 1, windowMs: 3_000 }, ...change })

  test("a number that is known is refused as such, and takes no slot", async () => {
    const merchant = await throttled()
    const merchantOrderNo = unique("ORD")
    await place({ merchant, merchantOrderNo })
    await gateway().advance("3 seconds")
    expect((await refusal({ merchant, merchantOrderNo }))._tag).toBe("DuplicateOrder")
    await place({ merchant })
  })

  test("a second order inside the window is throttled, and tells how long to wait", async () => {
    const merchant = await throttled()
    await place({ merchant })
    await gateway().advance("1 second")
    expect(await refusal({ merchant })).toMatchObject({ _tag: "ThrottleExceeded", retryAfterMs: 2_000 })
    expect(stored()).toHaveLength(1)
    await gateway().advance("2 seconds")
    await place({ merchant })
  })

  test("the same order sent twice at once is a duplicate, not throttled: the slot was its own", async () => {
    const merchant = await throttled()
    const merchantOrderNo = unique("ORD")
    await place({ merchant, merchantOrderNo })
    // The second call has looked before the first was stored.
    let looks = 0
    const answer = await withOrders(
      (orders) => ({
        known: (...key) => {
          looks += 1
          return looks === 1 ? Effect.succeed(false) : orders.known(...key)
        }
      }),
      { merchant, merchantOrderNo }
    )
    expect(answer).toBe("DuplicateOrder")
    expect(gateway().book.charges).toHaveLength(1)
  })

  test("a number that is known is refused even while the slot is taken", async () => {
    const merchant = await throttled()
    const merchantOrderNo = unique("ORD")
    await place({ merchant, merchantOrderNo })
    expect((await refusal({ merchant, merchantOrderNo }))._tag).toBe("DuplicateOrder")
  })

  test.each([["off"], [{ count: 1, windowMs: 3_000 }]] as const)(
    "with a throttle of %p, a known number that no channel would take is a duplicate",
    async (throttle) => {
      const merchant = await throttled({ throttle })
      const merchantOrderNo = unique("ORD")
      await place({ merchant, merchantOrderNo })
      expect((await refusal({ merchant, merchantOrderNo, channelCode: "nobody" }))._tag).toBe("DuplicateOrder")
    }
  )

  test("without a throttle 20 orders of one number at once make one order and one charge", async () => {
    const merchantOrderNo = unique("ORD")
    const all = Effect.all(
      Array.from({ length: 20 }, () => Effect.result(placeOrder(command({ merchantOrderNo })))),
      { concurrency: "unbounded" }
    )
    const answers = await gateway().run(all)
    expect(answers.filter(({ _tag }) => _tag === "Success")).toHaveLength(1)
    expect(gateway().book.charges).toHaveLength(1)
  })
})

describe("nobody to charge", () => {
  const disable = async (...ids: ReadonlyArray<string>) => {
    const { run } = gateway()
    for (const id of ids) await run(Effect.flatMap(Accounts, (accounts) => accounts.change(id, { enabled: false })))
    await run(Effect.map(Channels, (channels) => channels.forget()))
  }

  test.each([
    ["an unknown code", { channelCode: "nobody" }],
    ["a test merchant's order, where no account is the sandbox's", { channelCode: "YINSHENG_QRCODE" }]
  ])("%s: nothing is stored, and the number is not used", async (name, change) => {
    const { addMerchant, merchant, tables, book } = gateway()
    const by = name.startsWith("a test merchant") ? await addMerchant("pk_test_nobody", { mode: "test" }) : merchant
    expect(await refusal({ merchant: by, ...change })).toMatchObject({ _tag: "ChannelUnavailable", orderNo: null })
    expect([tables.orders.size, book.charges.length]).toEqual([0, 0])
  })

  test("all accounts disabled: nothing is stored; enabled again, the same number is taken", async () => {
    const { run, tables } = gateway()
    const merchantOrderNo = unique("ORD")
    await disable("acc_1", "acc_2")
    expect((await refusal({ merchantOrderNo }))._tag).toBe("ChannelUnavailable")
    expect(tables.orders.size).toBe(0)
    await run(Effect.flatMap(Accounts, (accounts) => accounts.change("acc_2", { enabled: true })))
    await run(Effect.map(Channels, (channels) => channels.forget()))
    expect((await place({ merchantOrderNo })).order.accountId).toBe("acc_2")
  })
})

describe("what the channels say", () => {
  test("refused by all: FAILED, with the number, which stays used", async () => {
    const { book, find, merchant } = gateway()
    book.onCharge = () => rejects
    const merchantOrderNo = unique("ORD")
    const refused = await refusal({ merchantOrderNo })
    const orderNo = refused._tag === "ChannelUnavailable" ? (refused.orderNo ?? "") : ""
    expect(book.chargedAt).toEqual(["acc_1", "acc_2"])
    expect((await find({ merchantId: merchant.id, orderNo })).status).toBe("FAILED")
    expect((await refusal({ merchantOrderNo }))._tag).toBe("DuplicateOrder")
  })

  test("silent: PENDING and uncertain, with the number", async () => {
    const { book } = gateway()
    book.onCharge = () => staysSilent
    const failure = await refusal({})
    expect(failure).toMatchObject({ _tag: "ChargeUncertain", orderNo: stored()[0]?.orderNo })
    expect(stored()).toMatchObject([{ status: "PENDING" }])
  })
})

describe("a store that fails", () => {
  test("before the order is stored: StoreUnavailable, no order, no charge", async () => {
    const { fail, tables, book } = gateway()
    fail("orders.create", "away")
    expect((await refusal({}))._tag).toBe("StoreUnavailable")
    expect([tables.orders.size, book.charges.length]).toEqual([0, 0])
  })

  test("whose answer is lost: ChargeUncertain with the number of the order that may be there, and no charge", async () => {
    const { fail, book } = gateway()
    fail("orders.create", "answer-lost")
    const failure = await refusal({})
    expect(stored()).toHaveLength(1)
    expect(failure).toMatchObject({ _tag: "ChargeUncertain", orderNo: stored()[0]?.orderNo })
    expect(book.charges).toEqual([])
  })

  test("while the order moves to its next account: ChargeUncertain, never an error that looks as if nothing happened", async () => {
    const { fail, book } = gateway()
    book.onCharge = () => rejects
    fail("charges.moveToAccount", "away")
    expect(await refusal({})).toMatchObject({ _tag: "ChargeUncertain", orderNo: stored()[0]?.orderNo })
    expect(book.chargedAt).toEqual(["acc_1"])
  })

  test("while it records what the channel took does not keep the code from the payer", async () => {
    gateway().fail("charges.recordAccepted", "away")
    expect((await place()).presentation).toEqual({ kind: "qrcode", content: "https://book.example.com" })
  })
})

describe("a JSAPI order", () => {
  const payer = { appId: null, miniProgram: false, openid: null }

  test("without a payer waits for one: stored, not charged, and nobody holds it", async () => {
    const { book, tables } = gateway()
    const { order, payToken, presentation } = await place({ payer, channelCode: "wxpay_js" })
    expect(order.orderNo).toMatch(/^WX/)
    expect(presentation).toBeNull()
    expect(book.charges).toEqual([])
    expect(order.jsapi?.tokenHash).toBe(payTokenHash(payToken ?? ""))
    expect([...tables.orders.values()]).toMatchObject([{ attempts: 0, chargingUntilMs: null }])
  })

  test.each([
    ["30 minutes", 30, PAY_TOKEN_MS],
    ["10 minutes", 10, PAY_TOKEN_MS],
    ["5 minutes: never longer than the order", 5, 300_000]
  ])("for a payer in WeChat pays for ten minutes of %s", async (_, expireMinutes, payMs) => {
    const { order } = await place({ payer, channelCode: "wxpay_js", expireMinutes })
    expect(order.jsapi?.payUntil.getTime()).toBe(STARTED_AT.getTime() + payMs)
  })

  test("behind a code pays for as long as the order", async () => {
    const { order, payToken } = await place({ payer: null, channelCode: "wxpay_js", expireMinutes: 30 })
    expect(order.orderNo).toMatch(/^QR/)
    expect(payToken).not.toBeNull()
    expect(order.jsapi?.payUntil).toEqual(order.expiresAt)
  })

  test("whose payer is known is charged at once; another account may take it only where the order names its AppID", async () => {
    const { book } = gateway()
    book.onCharge = () => rejects
    const known = { ...payer, openid: "openid-1" }
    expect((await refusal({ payer: known, channelCode: "wxpay_js" }))._tag).toBe("ChannelUnavailable")
    expect(book.chargedAt).toEqual(["acc_1"])
    expect(book.charges[0]?.jsapi).toMatchObject({ appId: null, openid: "openid-1", miniProgram: false })
    expect((await refusal({ payer: { ...known, appId: "wx1" }, channelCode: "wxpay_js" }))._tag).toBe(
      "ChannelUnavailable"
    )
    expect(book.chargedAt.slice(1)).toEqual(["acc_1", "acc_2"])
  })
})

describe("while a channel hangs", () => {
  const open: Array<Promise<unknown>> = []
  /** Orders of the core's merchant that wait at `acc_1` until there is no more room for them there. */
  const hang = async (count = 804) => {
    const { book } = gateway()
    book.onCharge = (_, account) => (account === "acc_1" ? Effect.never : accepts)
    for (let n = 0; n < count; n++) open.push(place().catch(({ _tag }) => _tag))
    await until("the channel to have the orders", () => book.charges.length === count)
  }
  /** Ends what hangs as the channel's deadline does. */
  const giveUp = async () => {
    await gateway().advance("20 seconds")
    return Promise.all(open.splice(0))
  }
  afterEach(giveUp)
  const only = async (...accounts: ReadonlyArray<string>) =>
    gateway().addMerchant(`pk_live_${accounts.join("")}00000000`.slice(0, 20), { accounts })

  test("a full account's merchant is served by its next account, and another merchant by the same one", async () => {
    const { book } = gateway()
    await hang()
    const served = await place()
    expect(served.order.accountId).toBe("acc_2")
    expect(stored().filter(({ accountId }) => accountId === "acc_1")).toHaveLength(804)
    const other = await gateway().addMerchant("pk_live_other0000000")
    open.push(place({ merchant: other }).catch(({ _tag }) => _tag))
    await until("the other merchant's order to be at the channel", () => book.charges.length === 806)
    expect(book.chargedAt.at(-1)).toBe("acc_1")
  })

  test("an order for which no account has room is refused before it is stored, and its number stays free", async () => {
    const { book, run } = gateway()
    const merchant = await only("acc_1")
    book.onCharge = () => Effect.never
    const merchantOrderNo = unique("ORD")
    for (let n = 0; n < 804; n++) open.push(place({ merchant }).catch(({ _tag }) => _tag))
    await until("the channel to have the orders", () => book.charges.length === 804)
    expect(await refusal({ merchant, merchantOrderNo })).toMatchObject({ _tag: "Overloaded" })
    expect(stored()).toHaveLength(804)
    expect(book.charges).toHaveLength(804)
    expect(exposition()).toMatch(/^payhub_orders_waiting\{mode="live",account="acc_1"\} 804$/m)
    expect(exposition()).toMatch(/^payhub_orders_refused_total\{mode="live",account="acc_1"\} [1-9]/m)
    expect(new Set(await giveUp())).toEqual(new Set(["ChargeUncertain"]))
    expect(exposition()).toMatch(/^payhub_orders_waiting\{mode="live",account="acc_1"\} 0$/m)
    book.onCharge = () => accepts
    expect((await place({ merchant, merchantOrderNo })).order.accountId).toBe("acc_1")
    expect(await run(Effect.flatMap(Orders, (orders) => orders.known(merchant.id, merchantOrderNo)))).toBe(true)
  })

  test("an order that its first account refuses is not moved to a full one: it ends FAILED", async () => {
    const { book } = gateway()
    await hang()
    const refusing = book.onCharge
    book.onCharge = (request, account) => (account === "acc_2" ? rejects : refusing(request, account))
    const merchant = await only("acc_2", "acc_1")
    for (let id = 0; id < 400; id++) {
      // Merchants that have nothing waiting yet fill the account to its last place.
      const one = await gateway().addMerchant(`pk_live_one${id}`, { accounts: ["acc_1"] })
      open.push(place({ merchant: one }).catch(({ _tag }) => _tag))
    }
    await until("the account to be full", () => open.length === 1_204 && book.charges.length === 1_146)
    expect(await refusal({ merchant })).toMatchObject({ _tag: "ChannelUnavailable", orderNo: expect.any(String) })
    expect(stored().at(-1)).toMatchObject({ accountId: "acc_2", status: "FAILED" })
    expect(book.chargedAt.at(-1)).toBe("acc_2")
  })

  test("an order that waits for its payer is still placed, but the payer is refused before any channel is asked", async () => {
    const { book, run, tables } = gateway()
    const merchant = await only("acc_1")
    book.onCharge = () => Effect.never
    for (let n = 0; n < 804; n++) open.push(place({ merchant }).catch(({ _tag }) => _tag))
    await until("the channel to have the orders", () => book.charges.length === 804)
    const payer = { appId: null, miniProgram: false, openid: null }
    const { order } = await place({ merchant, payer, channelCode: "wxpay_js" })
    const waiting = await gateway().find(order)
    expect(await run(Effect.flip(chargeForPayer(waiting, { openid: "openid-1" })))).toMatchObject({
      _tag: "Overloaded"
    })
    expect(tables.orders.get(orderKey(order))).toMatchObject({ attempts: 0, chargingUntilMs: null })
    await giveUp()
    book.onCharge = () => Effect.succeed({ kind: "jsapi", params: aJsapiParams })
    expect(await run(chargeForPayer(waiting, { openid: "openid-1" }))).toEqual(aJsapiParams)
  })

  test("an order that is interrupted gives its place back", async () => {
    const { run, book, advance } = gateway()
    await hang(1)
    await run(
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(placeOrder(command()))
        yield* Effect.promise(() => until("it to be at the channel", () => book.charges.length === 2))
        yield* Fiber.interrupt(fiber)
      })
    )
    expect(exposition()).toMatch(/^payhub_orders_waiting\{mode="live",account="acc_1"\} 1$/m)
    await advance("1 second")
  })
})

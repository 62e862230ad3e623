import { Clock, type Duration, Effect, Layer, Logger, ManagedRuntime, Redacted, Schema } from "effect"
import type { AnyProvider } from "../../core/cashier/opened-account.ts"
import type { ChargeRequest, ChargeState, CloseState } from "../../core/channel/provider.ts"
import type { StartRefused } from "../../core/config/start-refused.ts"
import type { Merchant } from "../../core/domain/merchant.ts"
import type { Order, Payment } from "../../core/domain/order.ts"
import type { GatewayServices } from "../../core/http/call.ts"
import { Accounts } from "../../core/pipeline/persistence/accounts.ts"
import { Merchants } from "../../core/pipeline/persistence/merchants.ts"
import type { NewOrder } from "../../core/pipeline/persistence/orders.ts"
import { Orders } from "../../core/pipeline/persistence/orders.ts"
import { Vault } from "../../core/secrets/vault.ts"
import { readConfig } from "../../core/start/environment.ts"
import { gatewayLayer } from "../../core/start/services.ts"
import { memory } from "../../plugins/memory/index.ts"
import { openPersistence } from "../../plugins/postgres/index.ts"
import { type Audit, startAudit } from "../harness/audit.ts"
import { unique } from "../harness/merchant-client.ts"
import { sharedPostgres } from "../harness/postgres.ts"

/*
 * The core without its HTTP edge and its workers, in this process on a real PostgreSQL: for what the whole program
 * cannot be made to do, such as reading a clock that jumps, or hearing events in an order that a test chooses.
 */

/** The machine's clock, which somebody sets forward or back; the monotonic one and sleeping stay what they are. */
export class SteppedClock implements Clock.Clock {
  stepMs = 0
  readonly #real: Clock.Clock
  constructor(real: Clock.Clock) {
    this.#real = real
  }
  currentTimeMillisUnsafe(): number {
    return this.#real.currentTimeMillisUnsafe() + this.stepMs
  }
  readonly currentTimeMillis = Effect.sync(() => this.currentTimeMillisUnsafe())
  currentTimeNanosUnsafe(): bigint {
    return this.#real.currentTimeNanosUnsafe() + BigInt(this.stepMs) * 1_000_000n
  }
  readonly currentTimeNanos = Effect.sync(() => this.currentTimeNanosUnsafe())
  monotonicTimeNanosUnsafe(): bigint {
    return this.#real.monotonicTimeNanosUnsafe()
  }
  readonly monotonicTimeNanos = Effect.sync(() => this.monotonicTimeNanosUnsafe())
  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return this.#real.sleep(duration)
  }
}

/** The provider's book; what an order is not in is absent. */
export interface Book {
  readonly states: Map<string, ChargeState>
  readonly closes: Array<string>
  readonly charges: Array<ChargeRequest>
  /** What the next close answers, after doing what it does. */
  onClose: (orderNo: string) => CloseState
}

export interface CoreTill {
  readonly clock: SteppedClock
  readonly book: Book
  readonly audit: Audit
  readonly merchant: Merchant
  readonly run: <A, E>(effect: Effect.Effect<A, E, GatewayServices>) => Promise<A>
  /** Stores a PENDING order that its channel has taken. */
  readonly order: (change?: Partial<NewOrder>) => Promise<Order>
  /** The order as it is stored now. */
  readonly find: (order: Order) => Promise<Order>
  readonly close: () => Promise<void>
}

const ACCOUNT = "acc_book"

export const openCoreTill = async (): Promise<CoreTill> => {
  const url = await (await sharedPostgres()).createDatabase()
  const audit = await startAudit(url)
  const book: Book = { states: new Map(), closes: [], charges: [], onClose: () => ({ state: "closed" }) }
  const config = await Effect.runPromise(readConfig({ PAYHUB_RECONCILE_SCHEDULE: "30,60" }))
  const clock = new SteppedClock(await Effect.runPromise(Effect.clockWith(Effect.succeed)))
  const persistence = Layer.effectContext(openPersistence({ url: Redacted.make(url), maxConnections: 8 }))
  const services = gatewayLayer({
    config,
    plugins: [memory, { name: "postgres", persistence }],
    channels: [bookkeeper(book)],
    masterKeys: { current: Redacted.make(Buffer.alloc(32, 7).toString("base64")), others: () => [] },
    urls: () => ({ localUrl: "http://127.0.0.1:1", publicUrl: "http://127.0.0.1:1" })
  })
  const runtime: ManagedRuntime.ManagedRuntime<GatewayServices, StartRefused> = ManagedRuntime.make(
    Layer.provideMerge(services, Layer.mergeAll(Layer.succeed(Clock.Clock, clock), Logger.layer([])))
  )
  const merchant = await runtime.runPromise(makeMerchant)
  const merchantId = merchant.id
  const find: CoreTill["find"] = async (order) => {
    const found = await runtime.runPromise(Effect.flatMap(Orders, (orders) => orders.find(order)))
    if (found === null) throw new Error(`order ${order.orderNo} is gone`)
    return found
  }
  let drawn = 0
  return {
    clock,
    book,
    audit,
    merchant,
    run: (effect) => runtime.runPromise(effect),
    find,
    order: async (change = {}) => {
      drawn += 1
      const createdAt = new Date(clock.currentTimeMillisUnsafe())
      const order: NewOrder = {
        merchantId,
        orderNo: `QR20260315100000${String(drawn).padStart(8, "0")}`,
        merchantOrderNo: unique("ORD"),
        channelCode: "YINSHENG_QRCODE",
        flow: "qrcode",
        provider: "bookkeeper",
        accountId: ACCOUNT,
        amountFen: 1000,
        feeRateBp: 60,
        notifyUrl: "https://shop.example.com/notify",
        body: "",
        extra: "",
        note: "",
        clientIp: "203.0.113.7",
        createdAt,
        expiresAt: new Date(createdAt.getTime() + 1_800_000),
        reference: {},
        jsapi: null,
        charging: false,
        nextCheckAt: new Date("2100-01-01T00:00:00Z"),
        ...change
      }
      await runtime.runPromise(Effect.flatMap(Orders, (orders) => orders.create(order)))
      book.states.set(order.orderNo, { state: "pending" })
      const { nextCheckAt: _at, charging: _begun, ...stored } = order
      return find({
        ...stored,
        status: "PENDING",
        presentation: null,
        paidAt: null,
        feeFen: null,
        actualFen: null,
        channelTradeNo: null,
        flags: []
      })
    },
    close: async () => {
      await runtime.dispose()
      await audit.close()
    }
  }
}

/** The payment of all of an order, as its provider reports it. */
export const paymentOf = (order: Order, change: Partial<Payment> = {}): Payment => ({
  channelTradeNo: `T-${order.orderNo}`,
  amountFen: order.amountFen,
  currency: "CNY",
  paidAt: new Date("2026-03-15T02:01:00Z"),
  ...change
})

const makeMerchant = Effect.gen(function* () {
  const merchants = yield* Merchants
  const accounts = yield* Accounts
  const vault = yield* Vault
  const appId = "pk_live_core0000till"
  const merchant = yield* merchants.create({
    appId,
    name: "A shop",
    mode: "live",
    callbackUrl: null,
    allowIps: [],
    throttle: "off",
    accounts: null,
    sealedSecret: vault.seal(Redacted.make("sk_live_secret"), `merchant:${appId}`)
  })
  yield* accounts.create({
    id: ACCOUNT,
    provider: "bookkeeper",
    name: "book",
    feeRateBp: 60,
    sealed: vault.seal(Redacted.make("{}"), `account:${ACCOUNT}`)
  })
  return merchant
})

/** A channel that answers from the book. */
const bookkeeper = (book: Book): AnyProvider => ({
  id: "bookkeeper",
  products: [{ code: "YINSHENG_QRCODE", name: "银盛聚合扫码", nameEn: "QR", type: "aggregate", flow: "qrcode" }],
  account: Schema.Struct({}),
  egress: () => [],
  open: () =>
    Effect.succeed({
      charge: (request) =>
        Effect.sync(() => {
          book.charges.push(request)
          return { kind: "qrcode", content: "https://book.example.com" }
        }),
      query: ({ orderNo }) => Effect.sync(() => book.states.get(orderNo) ?? { state: "absent" }),
      close: ({ orderNo }) =>
        Effect.sync(() => {
          book.closes.push(orderNo)
          const answer = book.onClose(orderNo)
          const before = book.states.get(orderNo)
          if (answer.state === "closed" && before?.state === "pending") book.states.set(orderNo, { state: "closed" })
          return answer
        }),
      readNotice: () => Effect.die("no notices here"),
      replies: {
        accepted: { status: 200, contentType: "text/plain", body: "success" },
        refused: { status: 400, contentType: "text/plain", body: "fail" }
      }
    })
})

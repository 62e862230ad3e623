import { type Duration, Effect, Layer, Logger, ManagedRuntime, Redacted } from "effect"
import { TestClock } from "effect/testing"
import type { StartRefused } from "../../core/config/start-refused.ts"
import type { Merchant } from "../../core/domain/merchant.ts"
import type { Order, Payment } from "../../core/domain/order.ts"
import { makeApp } from "../../core/http/app.ts"
import { type GatewayServices, makeRun } from "../../core/http/call.ts"
import { Accounts } from "../../core/pipeline/persistence/accounts.ts"
import { Merchants, type NewMerchant } from "../../core/pipeline/persistence/merchants.ts"
import { type NewOrder, Orders } from "../../core/pipeline/persistence/orders.ts"
import type { Persistence } from "../../core/pipeline/persistence/persistence.ts"
import { StoreClock } from "../../core/pipeline/persistence/store-clock.ts"
import { Timeline } from "../../core/pipeline/persistence/timeline.ts"
import { Vault } from "../../core/secrets/vault.ts"
import { readConfig } from "../../core/start/environment.ts"
import { gatewayLayer } from "../../core/start/services.ts"
import { memory } from "../../plugins/memory/index.ts"
import { BOOKKEEPER, type Book, bookkeeper, makeBook } from "./bookkeeper.ts"
import { type MemoryPersistence, memoryPersistence } from "./memory-persistence/index.ts"
import { aMerchant } from "./sample-merchants.ts"
import { anOrder } from "./sample-orders.ts"

/*
 * The core without a server and without its workers, in this process: for what the whole program cannot be made to do,
 * such as hearing events in an order that a test chooses, or living by a clock that a test moves.
 */

export interface CoreOptions {
  readonly persistence: Layer.Layer<Persistence, StartRefused>
  /** What the core reads as the machine's time. */
  readonly clock: Layer.Layer<never>
  readonly env?: Readonly<Record<string, string>>
  /** The accounts at the bookkeeper, the preferred one first; one, `acc_1`, where absent. */
  readonly accounts?: ReadonlyArray<{ readonly id: string; readonly closes?: boolean }>
}

export interface Core {
  /** The provider's side of every account. */
  readonly book: Book
  /** A live merchant without a throttle that uses all accounts. */
  readonly merchant: Merchant
  readonly addMerchant: (appId: string, change?: Partial<NewMerchant>) => Promise<Merchant>
  /** Runs an effect in the gateway's services. */
  readonly run: <A, E>(effect: Effect.Effect<A, E, GatewayServices>) => Promise<A>
  /** Stores a PENDING order at the first account that its channel has taken. */
  readonly order: (change?: Partial<NewOrder>) => Promise<Order>
  /** The order as it is stored now. */
  readonly find: (order: Pick<Order, "merchantId" | "orderNo">) => Promise<Order>
  /** The kinds of its timeline's lines. */
  readonly story: (order: Pick<Order, "merchantId" | "orderNo">) => Promise<ReadonlyArray<string>>
  /** What the gateway answers over HTTP. */
  readonly fetch: (path: string, init?: RequestInit) => Promise<Response>
  readonly close: () => Promise<void>
}

const URL_OF_CORE = "http://127.0.0.1:1"

export const openCore = async (options: CoreOptions): Promise<Core> => {
  const accounts = options.accounts ?? [{ id: "acc_1" }]
  const accountId = accounts[0]?.id ?? ""
  const book = makeBook()
  const config = await Effect.runPromise(readConfig({ PAYHUB_RECONCILE_SCHEDULE: "30,60", ...options.env }))
  const services = gatewayLayer({
    config,
    plugins: [memory, { name: "store", persistence: options.persistence }],
    channels: [bookkeeper(book)],
    masterKeys: { current: Redacted.make(Buffer.alloc(32, 7).toString("base64")), others: () => [] },
    urls: () => ({ localUrl: URL_OF_CORE, publicUrl: URL_OF_CORE })
  })
  const runtime: ManagedRuntime.ManagedRuntime<GatewayServices, StartRefused> = ManagedRuntime.make(
    Layer.provideMerge(services, Layer.mergeAll(options.clock, Logger.layer([])))
  )
  const run: Core["run"] = (effect) => runtime.runPromise(effect)
  for (const { id, closes = true } of accounts) await run(addAccount(id, closes))
  const addMerchant: Core["addMerchant"] = (appId, change = {}) => run(makeMerchant(appId, change))
  const merchant = await addMerchant("pk_live_core00000000")

  const find: Core["find"] = async (order) => {
    const found = await run(Effect.flatMap(Orders, (orders) => orders.find(order)))
    if (found === null) throw new Error(`order ${order.orderNo} is gone`)
    return found
  }
  const { app } = makeApp({
    run: makeRun(await runtime.context()),
    config,
    siteIds: [],
    figures: undefined,
    plugins: []
  })
  return {
    book,
    merchant,
    addMerchant,
    run,
    find,
    story: async (order) =>
      (await run(Effect.flatMap(Timeline, (timeline) => timeline.of(order)))).map(({ kind }) => kind),
    order: async (change = {}) => {
      const createdAt = new Date(await run(Effect.map(StoreClock, ({ nowMs }) => nowMs())))
      const expiresAt = new Date(createdAt.getTime() + 1_800_000)
      const at = { merchantId: merchant.id, provider: BOOKKEEPER, accountId, reference: {} }
      const order = anOrder({ ...at, createdAt, expiresAt, ...change })
      await run(Effect.flatMap(Orders, (orders) => orders.create(order)))
      book.states.set(order.orderNo, { state: "pending" })
      return find(order)
    },
    fetch: async (path, init) => app.fetch(new Request(URL_OF_CORE + path, init)),
    close: () => runtime.dispose()
  }
}

export interface InProcessGateway extends Core, Pick<MemoryPersistence, "tables" | "fail"> {
  /** Moves the clock; whatever sleeps until then wakes in order. */
  readonly advance: (duration: Duration.Input) => Promise<void>
  /** Unix milliseconds by the test's clock. */
  readonly nowMs: () => Promise<number>
}

/** The time at which a gateway of this file begins. */
export const STARTED_AT = new Date("2026-03-15T02:00:00Z")

/** The core on a test's clock, with its orders in memory. */
export const openInProcessGateway = async (
  options: Omit<CoreOptions, "persistence" | "clock"> = {}
): Promise<InProcessGateway> => {
  const { layer, tables, fail } = memoryPersistence()
  const core = await openCore({ ...options, persistence: layer, clock: TestClock.layer() })
  await core.run(TestClock.setTime(STARTED_AT.getTime()))
  return {
    ...core,
    tables,
    fail,
    advance: (duration) => core.run(TestClock.adjust(duration)),
    nowMs: () => core.run(Effect.map(StoreClock, ({ nowMs }) => nowMs()))
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

const makeMerchant = Effect.fnUntraced(function* (appId: string, change: Partial<NewMerchant>) {
  const merchants = yield* Merchants
  const vault = yield* Vault
  const sealedSecret = vault.seal(Redacted.make("sk_live_secret"), `merchant:${appId}`)
  return yield* merchants.create(aMerchant(appId, { mode: "live", throttle: "off", sealedSecret, ...change }))
})

const addAccount = Effect.fnUntraced(function* (id: string, closes: boolean) {
  const accounts = yield* Accounts
  const vault = yield* Vault
  const sealed = vault.seal(Redacted.make(JSON.stringify({ name: id, closes })), `account:${id}`)
  return yield* accounts.create({ id, provider: BOOKKEEPER, name: id, feeRateBp: 60, sealed })
})

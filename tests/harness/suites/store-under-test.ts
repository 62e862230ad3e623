import type { Effect } from "effect"
import type { NewOrder, OrderKey } from "../../../core/pipeline/persistence/orders.ts"
import { anOrder, aSettlement } from "../sample-orders.ts"
import type { Stores } from "../stores.ts"

/** A persistence that the suites of this folder hold to its services' promises (core/pipeline/persistence). */
export interface StoreUnderTest {
  readonly stores: Stores
  /** The services of another gateway on the same store. */
  readonly other: () => Promise<Stores>
  readonly run: <A, E>(effect: Effect.Effect<A, E>) => Promise<A>
  /** Lets so many milliseconds pass for everything that the store judges by its clock. */
  readonly pass: (ms: number) => Promise<void>
  /** How many rows of each kind the store holds of an order. */
  readonly rowsOf: (order: OrderKey) => Promise<{
    readonly events: number
    readonly notices: number
    readonly trades: number
    readonly ledger_entries: number
    readonly outbox: number
  }>
  /** An order's ledger entries, account and fen, the smallest amount first. */
  readonly ledgerOf: (order: OrderKey) => Promise<ReadonlyArray<readonly [account: string, amountFen: number]>>
  readonly close: () => Promise<void>
}

/** An empty store. */
export type OpenStore = () => Promise<StoreUnderTest>

/** The first of a list that is not empty. */
export const first = <A>(list: ReadonlyArray<A>): A => {
  const [found] = list
  if (found === undefined) throw new Error("the list is empty")
  return found
}

export const keyOf = ({ merchantId, orderNo }: OrderKey): OrderKey => ({ merchantId, orderNo })

type TakeChecks = Parameters<Stores["orders"]["leaseChecks"]>[0]

/** What a gateway without checks under way leases. */
export const checks = (limit: number, leaseMs: number, change: Partial<TakeChecks> = {}): TakeChecks => ({
  limit,
  perAccount: 100,
  underWay: [],
  leaseMs,
  ...change
})

/** What suites do with orders. */
export const orderActs = (on: () => StoreUnderTest) => ({
  /** An order that can be paid now, stored. */
  placed: async (change: Partial<NewOrder> = {}): Promise<NewOrder> => {
    const { stores, run } = on()
    const createdAt = new Date(stores.clock.nowMs())
    const order = anOrder({ createdAt, expiresAt: new Date(createdAt.getTime() + 1_800_000), ...change })
    await run(stores.orders.create(order))
    return order
  },
  find: (order: OrderKey) => on().run(on().stores.orders.find(keyOf(order))),
  kindsOf: async (order: OrderKey) => (await on().run(on().stores.timeline.of(keyOf(order)))).map(({ kind }) => kind),
  end: (order: NewOrder, status: "FAILED" | "CLOSED", reason = "a reason") =>
    on().run(on().stores.orders.end(order, status, reason)),
  settle: (order: NewOrder, change: Parameters<typeof aSettlement>[1] = {}) =>
    on().run(on().stores.settlements.settle(aSettlement(order, change))),
  begin: (order: OrderKey, stores = on().stores) => on().run(stores.charges.begin(keyOf(order))),
  move: (order: OrderKey, attempt: number, accountId: string) =>
    on().run(
      on().stores.charges.moveToAccount(
        { ...keyOf(order), attempt },
        { provider: "yinsheng-qrcode", accountId, feeRateBp: 38, reference: { shopdate: "1" } }
      )
    ),
  /** The orders whose checks are leased now, for a minute. */
  leaseDue: async (stores = on().stores) =>
    (await on().run(stores.orders.leaseChecks(checks(100, 60_000)))).map(({ orderNo }) => orderNo)
})

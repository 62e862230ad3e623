import { Layer, ManagedRuntime } from "effect"
import { TestClock } from "effect/testing"
import { storesOf } from "../stores.ts"
import type { StoreUnderTest } from "../suites/store-under-test.ts"
import { memoryPersistence } from "./index.ts"
import { ofOrder } from "./tables.ts"

/** A store in memory as the suites in tests/harness/suites take it. Its clock stands still unless a test moves it. */
export const openMemory = async (): Promise<StoreUnderTest> => {
  const { layer, tables } = memoryPersistence()
  const runtime = ManagedRuntime.make(Layer.provideMerge(layer, TestClock.layer()))
  await runtime.runPromise(TestClock.setTime(Date.now()))
  const stores = storesOf(await runtime.context())
  return {
    stores,
    other: async () => stores,
    run: (effect) => runtime.runPromise(effect),
    pass: (ms) => runtime.runPromise(TestClock.adjust(ms)),
    rowsOf: async (order) => {
      const isOfOrder = ofOrder(order)
      return {
        events: tables.events.filter(isOfOrder).length,
        notices: tables.notices.filter(isOfOrder).length,
        trades: [...tables.trades.values()].filter(isOfOrder).length,
        ledger_entries: tables.ledger.filter(isOfOrder).length,
        outbox: [...tables.outbox.values()].filter(isOfOrder).length
      }
    },
    ledgerOf: async (order) =>
      tables.ledger
        .filter(ofOrder(order))
        .map(({ account, amountFen }) => [account, amountFen] as const)
        .sort(([, a], [, b]) => a - b),
    close: () => runtime.dispose()
  }
}

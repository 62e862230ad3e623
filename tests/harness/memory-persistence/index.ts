import { Clock, Context, Effect, Layer } from "effect"
import { StoreStatus } from "../../../core/observe/store-status.ts"
import { Accounts } from "../../../core/pipeline/persistence/accounts.ts"
import { ChannelFacts } from "../../../core/pipeline/persistence/channel-facts.ts"
import { Charges } from "../../../core/pipeline/persistence/charges.ts"
import { Merchants } from "../../../core/pipeline/persistence/merchants.ts"
import { Notices } from "../../../core/pipeline/persistence/notices.ts"
import { Orders } from "../../../core/pipeline/persistence/orders.ts"
import { Outbox } from "../../../core/pipeline/persistence/outbox.ts"
import type { Persistence } from "../../../core/pipeline/persistence/persistence.ts"
import { Settlements } from "../../../core/pipeline/persistence/settlements.ts"
import { StoreClock } from "../../../core/pipeline/persistence/store-clock.ts"
import { StoreSignals } from "../../../core/pipeline/persistence/store-signals.ts"
import { Timeline } from "../../../core/pipeline/persistence/timeline.ts"
import { makeAccounts } from "./accounts.ts"
import { makeChannelFacts } from "./channel-facts.ts"
import { makeCharges } from "./charges.ts"
import { makeMerchants } from "./merchants.ts"
import { makeNotices } from "./notices.ts"
import { makeOrders } from "./orders.ts"
import { makeOutbox } from "./outbox.ts"
import { makeSettlements } from "./settlements.ts"
import { type MemoryControls, makeControls, makeStore } from "./store.ts"
import { makeStoreStatus } from "./store-status.ts"
import { makeTimeline } from "./timeline.ts"

/** All persistence services over plain Maps, and what a test reads and breaks of them. */
export interface MemoryPersistence extends MemoryControls {
  /** The services live by the Clock that they are built on, a TestClock where one is given. */
  readonly layer: Layer.Layer<Persistence>
}

/**
 * A store for tests that need no PostgreSQL. It keeps the same promises: tests/harness/suites holds both to them. It
 * forgets everything when the process ends, and its methods wait for nobody.
 */
export const memoryPersistence = (): MemoryPersistence => {
  const { tables, faults, fail } = makeControls()
  return {
    tables,
    fail,
    layer: Layer.effectContext(
      Effect.map(Clock.Clock, (clock) => {
        const store = makeStore(tables, faults, () => clock.currentTimeMillisUnsafe())
        return Context.make(Merchants, makeMerchants(store)).pipe(
          Context.add(Accounts, makeAccounts(store)),
          Context.add(Orders, makeOrders(store)),
          Context.add(Charges, makeCharges(store)),
          Context.add(Settlements, makeSettlements(store)),
          Context.add(Notices, makeNotices(store)),
          Context.add(Timeline, makeTimeline(store)),
          Context.add(Outbox, makeOutbox(store)),
          Context.add(ChannelFacts, makeChannelFacts(store)),
          Context.add(StoreClock, { nowMs: store.nowMs }),
          Context.add(StoreSignals, {
            listen: (onSignal) => store.act("signals.listen", () => void store.listeners.add(onSignal))
          }),
          Context.add(StoreStatus, makeStoreStatus(store))
        )
      })
    )
  }
}

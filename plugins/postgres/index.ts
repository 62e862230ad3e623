import { Context, Effect, Layer, type Scope } from "effect"
import type { StartRefused } from "../../core/config/start-refused.ts"
import { StoreStatus } from "../../core/observe/store-status.ts"
import { Accounts } from "../../core/pipeline/persistence/accounts.ts"
import { ChannelFacts } from "../../core/pipeline/persistence/channel-facts.ts"
import { Charges } from "../../core/pipeline/persistence/charges.ts"
import { Merchants } from "../../core/pipeline/persistence/merchants.ts"
import { Notices } from "../../core/pipeline/persistence/notices.ts"
import { Orders } from "../../core/pipeline/persistence/orders.ts"
import { Outbox } from "../../core/pipeline/persistence/outbox.ts"
import type { Persistence } from "../../core/pipeline/persistence/persistence.ts"
import { Settlements } from "../../core/pipeline/persistence/settlements.ts"
import { StoreClock } from "../../core/pipeline/persistence/store-clock.ts"
import { StoreSignals } from "../../core/pipeline/persistence/store-signals.ts"
import { Timeline } from "../../core/pipeline/persistence/timeline.ts"
import type { Plugin } from "../../core/start/plugin.ts"
import { makeAccounts } from "./accounts.ts"
import { makeChannelFacts } from "./channel-facts.ts"
import { makeCharges } from "./charges.ts"
import { type DatabaseOptions, openDatabase } from "./driver/database.ts"
import { makeMerchants } from "./merchants.ts"
import { makeNotices } from "./notices.ts"
import { makeOrders } from "./orders.ts"
import { makeOutbox } from "./outbox.ts"
import { makeSettlements } from "./settlements.ts"
import { makeStoreSignals } from "./store-signals.ts"
import { makeStoreStatus } from "./store-status.ts"
import { makeTimeline } from "./timeline.ts"

/**
 * Merchants, orders and webhooks in PostgreSQL (15 or newer). Migrates the database at the start. Fails with
 * StartRefused when the database does not answer within 5 s or is newer than this code.
 */
export const postgres = (options: DatabaseOptions): Plugin => ({
  name: "postgres",
  persistence: Layer.effectContext(openPersistence(options))
})

/** All persistence services on one database; its connections close with the scope. */
export const openPersistence = (
  options: DatabaseOptions
): Effect.Effect<Context.Context<Persistence>, StartRefused, Scope.Scope> =>
  Effect.gen(function* () {
    const db = yield* openDatabase(options)
    const signals = yield* makeStoreSignals(db)
    return Context.make(Merchants, makeMerchants(db, signals)).pipe(
      Context.add(Accounts, makeAccounts(db, signals)),
      Context.add(Orders, makeOrders(db)),
      Context.add(Charges, makeCharges(db)),
      Context.add(Settlements, makeSettlements(db, signals)),
      Context.add(Notices, makeNotices(db)),
      Context.add(Timeline, makeTimeline(db)),
      Context.add(Outbox, makeOutbox(db, signals)),
      Context.add(ChannelFacts, makeChannelFacts(db)),
      Context.add(StoreClock, { nowMs: db.nowMs }),
      Context.add(StoreSignals, { listen: signals.listen }),
      Context.add(StoreStatus, makeStoreStatus(db))
    )
  })

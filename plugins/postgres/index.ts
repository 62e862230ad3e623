import { Effect, Layer, type Scope } from "effect"
import { Persistence } from "../../core/pipeline/persistence/persistence.ts"
import type { Plugin, StartRefused } from "../../core/start/plugin.ts"
import { makeAccounts } from "./accounts.ts"
import { makeBacklog } from "./backlog.ts"
import { makeBook } from "./channel-facts.ts"
import { makeCharges } from "./charges.ts"
import { type DatabaseOptions, openDatabase } from "./driver/database.ts"
import { makeMerchants } from "./merchants.ts"
import { makeOrderChanges } from "./order-changes.ts"
import { makeOrders } from "./orders.ts"
import { makeWebhooks } from "./outbox.ts"
import { makeSettle } from "./settle.ts"
import { makeSignals } from "./store-signals.ts"
import { makeTimeline } from "./timeline.ts"

export type { DatabaseOptions } from "./driver/database.ts"

/**
 * Merchants, orders and webhooks in PostgreSQL (15 or newer). Migrates the database at the start; refuses to start when
 * it does not answer within five seconds or is newer than this code.
 */
export const postgres = (options: DatabaseOptions): Plugin => ({
  name: "postgres",
  persistence: Layer.effect(Persistence, openPersistence(options))
})

/** The service itself; its connections end with the scope. */
export const openPersistence = (
  options: DatabaseOptions
): Effect.Effect<Persistence["Service"], StartRefused, Scope.Scope> =>
  Effect.gen(function* () {
    const db = yield* openDatabase(options)
    const signals = yield* makeSignals(db)
    return Persistence.of({
      merchants: makeMerchants(db, signals),
      accounts: makeAccounts(db, signals),
      orders: {
        ...makeOrders(db),
        ...makeCharges(db),
        ...makeOrderChanges(db),
        ...makeSettle(db, signals),
        ...makeTimeline(db)
      },
      webhooks: makeWebhooks(db, signals),
      book: makeBook(db),
      backlog: makeBacklog(db),
      nowMs: db.nowMs,
      listen: signals.listen,
      ping: () => db.run((sql) => sql`select 1`).pipe(Effect.asVoid)
    })
  })

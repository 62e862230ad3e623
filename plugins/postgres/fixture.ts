import { Effect, Exit, Redacted, Scope } from "effect"
import postgres from "postgres"
import { sharedPostgres } from "../../tests/harness/postgres.ts"
import { type Stores, storesOf } from "../../tests/harness/stores.ts"
import type { StoreUnderTest } from "../../tests/harness/suites/store-under-test.ts"
import { until } from "../../tests/harness/until.ts"
import { openPersistence } from "./index.ts"

/* What the tests of this folder share. */

/** A store on a database of its own; `close` gives its connections back. */
export const openStore = async (
  url: string
): Promise<{ readonly store: Stores; readonly close: () => Promise<void> }> => {
  const scope = await Effect.runPromise(Scope.make())
  const context = await Effect.runPromise(
    openPersistence({ url: Redacted.make(url), maxConnections: 8 }).pipe(Scope.provide(scope))
  )
  return { store: storesOf(context), close: () => Effect.runPromise(Scope.close(scope, Exit.void)) }
}

export const run = Effect.runPromise

/** A store on PostgreSQL as the suites in tests/harness/suites take it, with a connection beside it. */
export const openPostgres = async (): Promise<
  StoreUnderTest & {
    readonly sql: postgres.Sql
    /** Ends the store's own connections; `sql` goes on. */
    readonly disconnect: () => Promise<void>
  }
> => {
  const url = await (await sharedPostgres()).createDatabase()
  const sql = postgres(url, { max: 2, onnotice: () => {} })
  const opened = await openStore(url)
  const closing = [opened.close]
  const disconnect = async () => {
    for (const close of closing) await close()
  }
  return {
    sql,
    disconnect,
    stores: opened.store,
    other: async () => {
      const other = await openStore(url)
      closing.push(other.close)
      return other.store
    },
    run,
    pass: (ms) => timePasses(sql, ms),
    rowsOf: async ({ merchantId, orderNo }) => {
      const [row] = await sql<Array<Awaited<ReturnType<StoreUnderTest["rowsOf"]>>>>`
        select ${sql.unsafe(
          ["events", "notices", "trades", "ledger_entries", "outbox"]
            .map(
              (table) => `(select count(*)::int from ${table} where merchant_id = k.m and order_no = k.o) as ${table}`
            )
            .join(", ")
        )} from (values (${merchantId}::bigint, ${orderNo}::text)) as k(m, o)`
      if (row === undefined) throw new Error("the database counts nothing")
      return { ...row }
    },
    ledgerOf: async ({ merchantId, orderNo }) => {
      const entries = await sql<Array<{ account: string; amount_fen: number }>>`
        select account, amount_fen::int from ledger_entries
        where merchant_id = ${merchantId} and order_no = ${orderNo} order by amount_fen`
      return entries.map(({ account, amount_fen }) => [account, amount_fen] as const)
    },
    close: async () => {
      await disconnect()
      await sql.end()
    }
  }
}

/** Moves every time that the store judges by into the past, as if the database's clock had gone on. */
const timePasses = async (sql: postgres.Sql, ms: number): Promise<void> => {
  const passed = sql`${`${ms} milliseconds`}::text::interval`
  await sql`
    update orders set created_at = created_at - ${passed}, expires_at = expires_at - ${passed},
      pay_until = pay_until - ${passed}, next_check_at = next_check_at - ${passed},
      charging_until = charging_until - ${passed}`
  await sql`
    update outbox set created_at = created_at - ${passed}, due_at = due_at - ${passed}, take_at = take_at - ${passed}`
  await sql`update events set at = at - ${passed}`
  await sql`update merchant_secrets set created_at = created_at - ${passed}, expires_at = expires_at - ${passed}`
}

/** Rows that have been read from a table by its indexes: all of them once `connectionsEnd`. */
export const rowsRead = async (sql: postgres.Sql, table: string): Promise<number> => {
  await sql`select pg_stat_clear_snapshot()`
  const [row] = await sql<Array<{ read: number }>>`
    select sum(idx_tup_read)::int as read from pg_stat_user_indexes where relname = ${table}`
  return row?.read ?? 0
}

/** A closed store's connections have told the server what they read when they are gone from its list. */
export const connectionsEnd = async (sql: postgres.Sql): Promise<void> => {
  await until("the end of the store's connections", async () => {
    const open = await sql`
      select from pg_stat_activity where datname = current_database() and application_name = 'payhub'`
    return open.length === 0
  })
}

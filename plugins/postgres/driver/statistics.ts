import { Effect, Schedule } from "effect"
import type postgres from "postgres"

/*
 * Plans are made once (connection.ts), and of a table that has never been analyzed PostgreSQL knows nothing: to it a
 * unique key costs as much as the beginning of another index, and a statement planned then reads all that its merchant
 * has. Its own look comes up to a minute after the first rows, in which a busy new gateway was measured to fall behind.
 * So a table's first rows are analyzed at once; that also ends the plans of before.
 */

const LOOK_EVERY = "1 second"
/** From here on one merchant's rows look dearer than one order's. */
const ROWS_MIN = 100
/** Nothing is looked at while nothing happens. */
const STATEMENTS_MIN = 50

/** Analyzes what has grown since PostgreSQL last looked, if it ever has. */
export const analyzeNewTables = async (sql: postgres.Sql): Promise<void> => {
  const tables = await sql<Array<{ name: string }>>`
    select c.relname as name from pg_class c join pg_stat_user_tables s on s.relid = c.oid
    where s.schemaname = current_schema() and c.reltuples < ${ROWS_MIN} and s.n_live_tup >= ${ROWS_MIN}`
  for (const { name } of tables) await sql`analyze ${sql(name)}`
}

/**
 * Analyzes new tables now and then until the scope closes.
 * @param statements how many have been run so far
 * @param analyze where it fails, PostgreSQL's own look is waited for
 */
export const startStatistics = Effect.fnUntraced(function* (statements: () => number, analyze: () => Promise<void>) {
  let seen = 0
  const look = Effect.suspend(() => {
    if (statements() - seen < STATEMENTS_MIN) return Effect.void
    seen = statements()
    return Effect.ignore(Effect.tryPromise(analyze))
  })
  yield* look.pipe(Effect.repeat(Schedule.spaced(LOOK_EVERY)), Effect.delay(LOOK_EVERY), Effect.forkScoped)
})

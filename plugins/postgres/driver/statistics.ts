import { Effect, Schedule } from "effect"
import type postgres from "postgres"

/*
 * Statements are planned once (connection.ts). Of a table that was never analyzed PostgreSQL has no statistics: a
 * unique key then looks as expensive as the prefix of another index, and a statement planned like that reads all rows
 * of its merchant. Autovacuum analyzes a table up to a minute after its first rows, and in that minute a busy new
 * gateway was measured to fall behind. So a new table is analyzed as soon as it has rows, which also discards the
 * earlier plans.
 */

const LOOK_EVERY = "1 second"
/** From this many rows on, reading one merchant's rows looks more expensive to the planner than reading one order. */
const ROWS_MIN = 100
/** With fewer statements since the last look there is nothing new to analyze. */
const STATEMENTS_MIN = 50

type Use = <A>(statement: (sql: postgres.Sql) => PromiseLike<A>) => Promise<A>

/**
 * Analyzes the tables that have ROWS_MIN rows now and had fewer, or were not counted, at their last analysis.
 * @param asOwner runs a statement as the tables' owner: others may not analyze them, and PostgreSQL only warns
 */
export const analyzeNewTables = async (use: Use, asOwner: Use): Promise<void> => {
  const tables = await use(
    (sql) => sql<Array<{ name: string }>>`
      select c.relname as name from pg_class c join pg_stat_user_tables s on s.relid = c.oid
      where s.schemaname = current_schema() and c.reltuples < ${ROWS_MIN} and s.n_live_tup >= ${ROWS_MIN}`
  )
  if (tables.length === 0) return
  await asOwner(async (sql) => {
    for (const { name } of tables) await sql`analyze ${sql(name)}`
  })
}

/**
 * Analyzes new tables, with a look every second while statements run, until the scope closes.
 * @param statements how many statements have been run so far
 * @param analyze its failure is ignored: autovacuum analyzes later
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

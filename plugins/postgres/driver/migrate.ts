import { readdir, readFile } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import type postgres from "postgres"

const FOLDER = fileURLToPath(new URL("../migrations/", import.meta.url))

/** Key of the advisory lock, a number that no other program uses in this database. */
const LOCK = 7_246_001

/** A newer PayHub has migrated this database. */
export class DatabaseTooNew extends Error {
  constructor(database: number, code: number) {
    super(`the database is at migration ${database}, this PayHub knows up to ${code}: start the newer version`)
  }
}

/**
 * Brings the schema up to date, forward only. Any number of gateways may start at once: one migrates, the others wait.
 * Each file runs in a transaction of its own together with its record. Rejects with DatabaseTooNew.
 * @param connection the owner's, or that of a role that may read the record where nothing is left to do
 * @param then runs under the same lock
 */
export const migrate = async <A>(connection: postgres.Sql, then: () => Promise<A>): Promise<A> => {
  const files = await migrationFiles()
  try {
    // A session lock, because it spans the transactions of all files.
    await connection`select pg_advisory_lock(${LOCK})`
    await connection`set client_min_messages = warning`
    const done = await doneOf(connection)
    const newest = Math.max(0, ...done)
    const known = files.at(-1)?.number ?? 0
    if (newest > known) throw new DatabaseTooNew(newest, known)
    for (const { number, name } of files) {
      if (done.has(number)) continue
      const text = await readFile(FOLDER + name, "utf8")
      const record = `insert into payhub_migrations (number, name) values (${number}, '${name}');`
      // One message and so one round trip. No statement time-out: a large table may take its time.
      await connection
        .unsafe(`begin; set local statement_timeout = 0; ${text}; ${record} commit;`)
        .catch(async (cause: unknown) => {
          await connection`rollback`.catch(() => undefined)
          throw cause
        })
    }
    return await then()
  } finally {
    await connection`select pg_advisory_unlock(${LOCK})`.catch(() => undefined)
  }
}

/** The numbers of the migrations that have run. Makes their record in a database that has none. */
const doneOf = async (connection: postgres.Sql): Promise<ReadonlySet<number>> => {
  const [found] = await connection<Array<{ owns: boolean | null }>>`
    select (select pg_has_role(relowner, 'usage') from pg_class where oid = to_regclass('payhub_migrations')) as owns`
  // PostgreSQL refuses "if not exists" too to a role that may not create tables.
  if (found?.owns !== false) {
    await connection`
      create table if not exists payhub_migrations (
        number integer primary key, name text not null, at timestamptz not null default now()
      )`
  }
  const rows = await connection<{ number: number }[]>`select number from payhub_migrations`
  return new Set(rows.map((row) => row.number))
}

const migrationFiles = async (): Promise<ReadonlyArray<{ readonly number: number; readonly name: string }>> =>
  (await readdir(FOLDER))
    .filter((name) => /^\d{6}_[a-z0-9_]+\.sql$/.test(name))
    .sort()
    .map((name) => ({ number: Number(name.slice(0, 6)), name }))

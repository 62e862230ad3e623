import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { Cause, Effect, Exit, Logger, Redacted, Scope } from "effect"
import postgres from "postgres"
import { StartRefused } from "../../../core/config/start-refused.ts"
import { sharedPostgres } from "../../../tests/harness/postgres.ts"
import { anOrder } from "../../../tests/harness/sample-orders.ts"
import { openStore, run } from "../fixture.ts"
import { codeOf } from "./connection.ts"
import { type Database, type DatabaseOptions, openDatabase } from "./database.ts"
import { migrate } from "./migrate.ts"
import { RIGHTS } from "./rights.ts"

setDefaultTimeout(30_000)

const PASSWORD = "of-a-test"
const opened: Array<() => Promise<void>> = []
afterAll(async () => {
  for (const close of opened) await close()
})

const connect = (url: string): postgres.Sql => {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  opened.push(() => sql.end())
  return sql
}

/** A gateway's connections, and what it logs at its start. */
const open = async (url: string, more: Partial<Record<"ownerUrl", string>> = {}) => {
  const logged: string[] = []
  const logger = Logger.layer([Logger.map(Logger.formatLogFmt, (line) => void logged.push(line))])
  const options: DatabaseOptions = {
    url: Redacted.make(url),
    ownerUrl: more.ownerUrl === undefined ? null : Redacted.make(more.ownerUrl),
    maxConnections: 2
  }
  const scope = await run(Scope.make())
  opened.push(() => run(Scope.close(scope, Exit.void)))
  const exit = await Effect.runPromiseExit(
    openDatabase(options).pipe(Effect.provide(logger), Effect.provideService(Scope.Scope, scope))
  )
  if (Exit.isFailure(exit)) throw Cause.squash(exit.cause)
  return { db: exit.value, logged: logged.join("\n") }
}

const refusal = async (url: string, ownerUrl?: string): Promise<string> => {
  const error = await open(url, ownerUrl === undefined ? {} : { ownerUrl }).catch((cause: unknown) => cause)
  if (!(error instanceof StartRefused)) throw new Error(`not refused: ${String(error)}`)
  expect(error.message).not.toContain(PASSWORD)
  return error.message
}

let logins = 0
/** A login role of the shared server; its URLs by database. */
const makeLogin = async (attributes = "") => {
  logins += 1
  const name = `login_${process.pid}_${logins}`
  await connect((await sharedPostgres()).url).unsafe(`create role ${name} login password '${PASSWORD}' ${attributes}`)
  const on = (url: string): string => {
    const target = new URL(url)
    target.username = name
    target.password = PASSWORD
    return target.href
  }
  return { name, on }
}

/** An empty database of `owner`. */
const databaseOf = async (owner: { readonly name: string }): Promise<string> => {
  const url = await (await sharedPostgres()).createDatabase({ migrated: false })
  await connect(url).unsafe(`alter database ${new URL(url).pathname.slice(1)} owner to ${owner.name}`)
  return url
}

const userOf = async (db: Database): Promise<string> => {
  const [row] = await db.attempt((sql) => sql<Array<{ name: string }>>`select current_user as name`)
  return row?.name ?? ""
}

/** The SQLSTATE that refuses the statement, or "" where it runs. */
const codeFor = (db: Database, statement: string): Promise<string> =>
  db.attempt((sql) => sql.unsafe(statement)).then(() => "", codeOf)

const NOT_ALLOWED = "42501"

describe("the gateway's connection", () => {
  let db: Database
  let admin: postgres.Sql
  beforeAll(async () => {
    const url = await (await sharedPostgres()).createDatabase()
    admin = connect(url)
    db = (await open(url)).db
  })

  test("each table of the migrations has its line in RIGHTS, and the role holds that and no more", async () => {
    const rows = await admin<Array<{ name: string; held: string[] }>>`
      select c.relname as name, array(
        select p from unnest(array['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) p
        where has_table_privilege(${await userOf(db)}, c.oid, p)
      ) as held
      from pg_class c where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') order by relname`
    const names = rows.map(({ name }) => name)
    const undeclared = names.filter((name) => RIGHTS[name] === undefined)
    if (undeclared.length > 0)
      throw new Error(`say in plugins/postgres/driver/rights.ts what the gateway may do with ${undeclared.join(", ")}`)
    expect(Object.keys(RIGHTS).sort()).toEqual([...names].sort())
    for (const { name, held } of rows) {
      const { insert, update, fixed } = RIGHTS[name] ?? {}
      const wanted = [...(insert === true ? ["INSERT"] : []), ...(update === true && !fixed ? ["UPDATE"] : [])]
      expect([name, ...held]).toEqual([name, ...wanted])
    }
  })

  test("neither changes nor removes what is append-only", async () => {
    const appendOnly = ["events", "notices", "stray_notices", "trades", "ledger_entries", "charges", "attempts"]
    for (const table of appendOnly) {
      for (const statement of [
        `update ${table} set order_no = 'x'`,
        `delete from ${table}`,
        `truncate ${table}`,
        `alter table ${table} disable trigger all`,
        `drop table ${table}`
      ]) {
        expect([statement, await codeFor(db, statement)]).toEqual([statement, NOT_ALLOWED])
      }
    }
  })

  test("changes no order's amount, owner or number, nor the bytes of a webhook, and what it must", async () => {
    for (const statement of [
      ...["amount_fen = 1", "merchant_id = 2", "order_no = 'x'", "notify_url = 'x'"].map(
        (set) => `update orders set ${set}`
      ),
      "update outbox set body = 'x'",
      "delete from orders",
      "delete from outbox",
      "update payhub_migrations set number = 0",
      "delete from merchants"
    ]) {
      expect([statement, await codeFor(db, statement)]).toEqual([statement, NOT_ALLOWED])
    }
    for (const statement of [
      "update orders set flags = flags",
      "update outbox set state = state",
      "select from events"
    ]) {
      expect([statement, await codeFor(db, statement)]).toEqual([statement, ""])
    }
  })

  test("makes no table, no role, no function, and sees no file of the server", async () => {
    for (const statement of [
      "create table mine (n int)",
      "create role mine",
      "create function mine() returns int language sql as 'select 1'",
      "copy (select 1) to program 'true'",
      "copy (select 1) to '/tmp/x'",
      "copy channel_book from '/etc/passwd'",
      "select pg_read_file('/etc/passwd')",
      "select pg_ls_dir('/')",
      "select passwd from pg_shadow",
      "alter system set fsync = off"
    ]) {
      expect([statement, await codeFor(db, statement)]).toEqual([statement, NOT_ALLOWED])
    }
  })

  test("runs no statement where its role is gone, rather than with the login's rights", async () => {
    const url = await (await sharedPostgres()).createDatabase()
    const { db: other } = await open(url)
    const role = await userOf(other)
    const owner = connect(url)
    await owner.unsafe(`drop owned by ${role}; drop role ${role}`)
    await owner`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = 'payhub'`
    for (let i = 0; i < 3; i += 1) {
      // The first ones may meet the connections that were ended.
      const answer = await other
        .attempt((sql) => sql`select current_user as name`)
        .then(
          ([row]) => row?.name,
          () => "refused"
        )
      expect(answer).toBe("refused")
    }
  })
})

describe("one login", () => {
  test("without CREATEROLE starts with a warning; what the warning says to run gives it a role", async () => {
    const owner = await makeLogin()
    const url = await databaseOf(owner)
    const first = await open(owner.on(url))
    expect(first.logged).toContain("level=WARN")
    expect(first.logged).toContain("PAYHUB_OWNER_URL")
    expect(first.logged).not.toContain(PASSWORD)
    expect(await userOf(first.db)).toBe(owner.name)
    const told = /in this database: (create role .*); then start/.exec(first.logged.replaceAll('\\"', '"'))?.[1]
    await connect(url).unsafe(String(told))
    const second = await open(owner.on(url))
    expect(second.logged).toBe("")
    expect(await userOf(second.db)).toStartWith("payhub_runtime_")
    expect(await codeFor(second.db, "delete from events")).toBe(NOT_ALLOWED)
  })

  test("with CREATEROLE makes its role; what an earlier version has stored stays", async () => {
    const owner = await makeLogin("createrole")
    const url = owner.on(await databaseOf(owner))
    const before = connect(url)
    await migrate(before, async () => {})
    await before`insert into merchants (app_id, name, mode) values ('kept', 'Shop', 'live')`
    const { db, logged } = await open(url)
    expect(logged).toBe("")
    expect(await userOf(db)).toStartWith("payhub_runtime_")
    expect(await db.attempt((sql) => sql`select name from merchants where app_id = 'kept'`)).toMatchObject([
      { name: "Shop" }
    ])
    // A gateway of that version still runs beside this one.
    await before`update merchants set name = 'Store'`
  })

  test("gateways that start together on many databases of a server each get their database's role", async () => {
    const { createDatabase } = await sharedPostgres()
    const urls = await Promise.all([1, 2, 3].map(() => createDatabase()))
    const users = await Promise.all([...urls, ...urls, ...urls].map(async (url) => userOf((await open(url)).db)))
    expect(new Set(users).size).toBe(3)
    expect(users.slice(0, 3)).toEqual(users.slice(3, 6))
  })

  test("a start that finds the rights as they should be changes none", async () => {
    const url = await (await sharedPostgres()).createDatabase()
    const versions = () => connect(url)`select xmin::text, relname from pg_class
      where relnamespace = 'public'::regnamespace and relkind = 'r' order by relname`
    await open(url)
    const before = await versions()
    await open(url)
    expect([...(await versions())]).toEqual([...before])
  })
})

describe("two logins", () => {
  test("the owner migrates and grants; the gateway's login is a member of nothing, and may start alone afterwards", async () => {
    const [owner, gateway] = [await makeLogin(), await makeLogin()]
    const url = await databaseOf(owner)
    expect(await refusal(gateway.on(url))).toContain("PAYHUB_OWNER_URL")
    const { db, logged } = await open(gateway.on(url), { ownerUrl: owner.on(url) })
    expect(logged).toBe("")
    for (const { db: each } of [{ db }, await open(gateway.on(url))]) {
      expect(await userOf(each)).toBe(gateway.name)
      expect(await codeFor(each, "reset role; delete from events")).toBe(NOT_ALLOWED)
      expect(await codeFor(each, `set role ${owner.name}`)).toBe(NOT_ALLOWED)
    }
    const { store, close } = await openStore(gateway.on(url))
    expect(await run(store.orders.create(anOrder()))).toBe("created")
    await close()
  })

  test("a login without its rights is told so at the start", async () => {
    const [owner, gateway] = [await makeLogin(), await makeLogin()]
    const url = await databaseOf(owner)
    await open(gateway.on(url), { ownerUrl: owner.on(url) })
    await connect(url).unsafe(`revoke insert on events from ${gateway.name}`)
    expect(await refusal(gateway.on(url))).toContain("lacks rights on events")
  })

  test("are refused where the gateway's is the owner, a member of it or a superuser, or on another database", async () => {
    const [owner, gateway, superuser] = [await makeLogin(), await makeLogin(), await makeLogin("superuser")]
    const url = await databaseOf(owner)
    const member = await makeLogin(`in role ${owner.name}`)
    for (const { on } of [owner, member, superuser]) {
      expect(await refusal(on(url), owner.on(url))).toContain("no member of it and no superuser")
    }
    expect(await refusal(gateway.on(await databaseOf(owner)), owner.on(url))).toContain("the same database")
  })

  test("an owner's password that is wrong is told of the owner's variable", async () => {
    const [owner, gateway] = [await makeLogin(), await makeLogin()]
    const url = await databaseOf(owner)
    const wrong = owner.on(url).replace(PASSWORD, "mistyped")
    expect(await refusal(gateway.on(url), wrong)).toContain("the password in PAYHUB_OWNER_URL")
    expect(await refusal(gateway.on(url).replace(PASSWORD, "mistyped"), owner.on(url))).toContain("in DATABASE_URL")
  })
})

import { setTimeout as sleep } from "node:timers/promises"
import { Effect, type Redacted, type Scope } from "effect"
import type postgres from "postgres"
import { StartRefused } from "../../../core/config/start-refused.ts"
import { StoreUnavailable } from "../../../core/domain/errors.ts"
import {
  type Connection,
  type ConnectionOptions,
  codeOf,
  fragmentWriter,
  openConnection,
  READ_ONLY
} from "./connection.ts"
import { DatabaseTooNew, migrate } from "./migrate.ts"
import { makePool, type Pool } from "./pool.ts"
import { type Working, workUnderOneLogin, workUnderTwoLogins } from "./roles.ts"
import { analyzeNewTables, startStatistics } from "./statistics.ts"
import { lookAtClock, startClock } from "./store-clock.ts"

export interface DatabaseOptions {
  readonly url: Redacted.Redacted<string>
  /** The connection of the tables' owner; absent or null = `url` is the owner's, or the owner has migrated already. */
  readonly ownerUrl?: Redacted.Redacted<string> | null
  /** Connections of this process, at most; 10 when absent. */
  readonly maxConnections?: number
}

type Statement<A> = (sql: postgres.Sql) => PromiseLike<A>

/** The pool, and two ways to run a statement on it. */
export interface Database {
  /** Composes parts of statements; a whole statement is written with the `sql` that `run` and `attempt` pass. */
  readonly sql: postgres.Sql
  /** A value as a json parameter. */
  readonly json: (value: unknown) => postgres.Parameter
  /** Runs a statement; every failure, a missing answer too, is StoreUnavailable. */
  readonly run: <A>(statement: Statement<A>) => Effect.Effect<A, StoreUnavailable>
  /** The same as a promise that rejects with the driver's error. */
  readonly attempt: <A>(statement: Statement<A>) => Promise<A>
  /** A connection beside the pool, with the same rights once it is `ready`. */
  readonly connect: (events: Pick<ConnectionOptions, "onClose" | "onNotify">) => Connection
  /** The database's clock in whole Unix milliseconds, without a call. */
  readonly nowMs: () => number
  /** How many statements have been run so far. */
  readonly statements: () => number
}

const CONNECTIONS = 10
/** How long the start waits for a database that is starting too. */
const START_MAX_MS = 5_000
const START_RETRY_MS = 200
const RETRIES = 3

/** A pool on the migrated database, with the rights of rights.ts; its connections end with the scope. */
export const openDatabase = ({
  url,
  ownerUrl = null,
  maxConnections = CONNECTIONS
}: DatabaseOptions): Effect.Effect<Database, StartRefused, Scope.Scope> =>
  Effect.gen(function* () {
    const asOwner = <A>(act: Statement<A>) =>
      onFirstConnection(ownerUrl ?? url, ownerUrl === null ? "DATABASE_URL" : "PAYHUB_OWNER_URL", act)
    const prepare = async (owner: postgres.Sql): Promise<Working> => {
      await checkEncoding(owner)
      return ownerUrl === null
        ? migrate(owner, () => workUnderOneLogin(owner))
        : migrate(owner, () => onFirstConnection(url, "DATABASE_URL", (runtime) => workUnderTwoLogins(owner, runtime)))
    }
    const { role, warning, look } = yield* Effect.tryPromise({
      try: () => asOwner(async (owner) => ({ ...(await prepare(owner)), look: await lookAtClock(owner) })),
      catch: (cause) => (cause instanceof StartRefused ? cause : refusalOf("DATABASE_URL", cause))
    })
    if (warning !== undefined) yield* Effect.logWarning(warning)
    const pool = makePool(url, maxConnections, role)
    yield* Effect.addFinalizer(() => Effect.promise(() => pool.close()))
    const clock = yield* startClock(look, () => pool.use(lookAtClock))
    const db = makeDatabase(pool, url, role, clock.nowMs)
    const poolIsOwner = ownerUrl === null && role === null
    yield* startStatistics(db.statements, () => analyzeNewTables(pool.use, poolIsOwner ? pool.use : asOwner))
    return db
  })

/** Another encoding has no place for all that merchants send: each such order would be refused. */
const checkEncoding = async (sql: postgres.Sql): Promise<void> => {
  const [database] = await sql<Array<{ server_encoding: string }>>`show server_encoding`
  if (database?.server_encoding === "UTF8") return
  throw new StartRefused({
    variable: "DATABASE_URL",
    message: `The database that DATABASE_URL names is encoded in ${database?.server_encoding}; create it with \`encoding 'UTF8' template template0\`.`
  })
}

const makeDatabase = (
  pool: Pool,
  url: Redacted.Redacted<string>,
  role: string | null,
  nowMs: () => number
): Database => {
  const sql = fragmentWriter(url)
  let statements = 0
  const attempt: Database["attempt"] = async (statement) => {
    statements += 1
    for (let retry = 0; ; retry += 1) {
      try {
        return await pool.use(statement)
      } catch (cause) {
        // The victim of a deadlock has been rolled back entirely, so it may run again.
        // A server that takes no writes has done nothing, and the next connection may lead to the one that does.
        if (retry < RETRIES && ["40P01", "40001", READ_ONLY].includes(codeOf(cause))) continue
        throw cause
      }
    }
  }
  return {
    json: (value) => sql.typed(value, 114) as unknown as postgres.Parameter,
    sql,
    attempt,
    run: (statement) => Effect.tryPromise({ try: () => attempt(statement), catch: unavailable }),
    connect: (events) => openConnection(url, { ...events, role }),
    nowMs,
    statements: () => statements
  }
}

/**
 * Codes that prove that nothing was done: the server was not reached, or it is starting (57P03), canceled the statement
 * (57014), is read-only (25006), rolled it back for another (40001, 40P01) or has no such database (3D000).
 */
const DID_NOTHING = new Set([
  ...["ECONNREFUSED", "ENOENT", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "CONNECT_TIMEOUT"],
  ...["57P03", "57014", "25006", "40001", "40P01", "3D000"]
])
/**
 * Classes of SQLSTATE that refuse: data (22), constraint (23), user (28), statement (42), resources (53), limits (54).
 */
const REFUSED = /^(22|23|28|42|53|54)[0-9A-Z]{3}$/
/** Messages of the pool itself (pool.ts), which carry no code. */
const NOT_SENT = /^(the store is closed|no connection within)/

const didNothing = (code: string, message: string): boolean =>
  code === "" ? NOT_SENT.test(message) : DID_NOTHING.has(code) || REFUSED.test(code)

/**
 * StoreUnavailable for an error of the driver or the pool. Only code and message are kept: the driver's error also
 * carries the statement's parameters, and PostgreSQL's detail carries the row.
 */
export const unavailable = (cause: unknown): StoreUnavailable => {
  const message = cause instanceof Error ? cause.message : String(cause)
  const code = codeOf(cause)
  return new StoreUnavailable({
    store: "postgres",
    cause: new Error(code === "" ? message : `${code}: ${message}`),
    ...(didNothing(code, message) ? {} : { mayHaveHappened: true })
  })
}

const firstConnection = async (url: Redacted.Redacted<string>): Promise<Connection> => {
  const deadline = Date.now() + START_MAX_MS
  for (;;) {
    const connection = openConnection(url)
    try {
      await connection.ready()
      return connection
    } catch (cause) {
      connection.destroy()
      const soon = ["ECONNREFUSED", "57P03", "ECONNRESET", "CONNECTION_CLOSED", READ_ONLY].includes(codeOf(cause))
      if (!soon || Date.now() + START_RETRY_MS > deadline) throw cause
      await sleep(START_RETRY_MS)
    }
  }
}

/**
 * Runs `act` on a connection of its own; waits for a database that is starting too. Rejects with StartRefused.
 * @param variable the one that holds the URL
 */
const onFirstConnection = async <A>(
  url: Redacted.Redacted<string>,
  variable: UrlVariable,
  act: Statement<A>
): Promise<A> => {
  let connection: Connection | undefined
  try {
    connection = await firstConnection(url)
    return await act(connection.sql)
  } catch (cause) {
    throw cause instanceof StartRefused ? cause : refusalOf(variable, cause)
  } finally {
    await connection?.close()
  }
}

type UrlVariable = "DATABASE_URL" | "PAYHUB_OWNER_URL"

/** Says in one sentence what the operator can do; never quotes the URL. */
const refusalOf = (variable: UrlVariable, cause: unknown): StartRefused => {
  const refused = (message: string): StartRefused =>
    new StartRefused({ variable, message: message.replaceAll("DATABASE_URL", variable) })
  if (cause instanceof DatabaseTooNew)
    return refused(`DATABASE_URL names a database that is too new: ${cause.message}.`)
  const code = codeOf(cause)
  const message = cause instanceof Error ? cause.message : String(cause)
  // On Deno this error has no code, and its message quotes the URL.
  if (code === "ERR_INVALID_URL" || /invalid url/i.test(message))
    return refused("DATABASE_URL is not a URL, such as postgres://user:password@host/payhub.")
  switch (code) {
    case "28000":
      if (/no encryption|SSL off/i.test(message)) {
        return refused("PostgreSQL at DATABASE_URL accepts connections with TLS only; add ?sslmode=require to the URL.")
      }
      return refused(`PostgreSQL at DATABASE_URL does not accept this user from here (28000): ${message}.`)
    case "28P01":
      return refused(`PostgreSQL refused the user or the password in DATABASE_URL (${code}).`)
    case "3D000":
      return refused("The database that DATABASE_URL names does not exist; create it first.")
    case READ_ONLY:
      return refused("PostgreSQL at DATABASE_URL takes no writes: it is a standby, or it has been set read-only.")
    case "42501":
      return refused(
        variable === "DATABASE_URL"
          ? "The user in DATABASE_URL may not create tables there; make it the database's owner, or set PAYHUB_OWNER_URL."
          : "The user in PAYHUB_OWNER_URL may not create tables there; make it the database's owner."
      )
    case "53300":
      return refused("PostgreSQL at DATABASE_URL has no connection left; raise its max_connections.")
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO_|UnknownIssuer|certificate/i.test(`${code} ${message}`)) {
    return refused(
      `PostgreSQL at DATABASE_URL shows a certificate that is not trusted (${code || message}); set sslrootcert to its authority's file.`
    )
  }
  if (/^[0-9A-Z]{5}$/.test(code)) return refused(`PostgreSQL at DATABASE_URL refused: ${message} (${code}).`)
  return refused(`PostgreSQL at DATABASE_URL does not answer (${code || message}); check host, port and firewall.`)
}

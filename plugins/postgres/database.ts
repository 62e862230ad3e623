import { Socket } from "node:net"
import { Effect, Redacted, type Scope } from "effect"
import postgres from "postgres"
import { StoreUnavailable } from "../../core/domain/errors.ts"
import { StartRefused } from "../../core/plugin.ts"
import { DatabaseTooNew, migrate } from "./migrate.ts"

export interface DatabaseOptions {
  readonly url: Redacted.Redacted<string>
  /** Connections of this process; ten serve about ten thousand orders a second. */
  readonly maxConnections?: number
}

/** The pool, and the two ways to use it. */
export interface Database {
  readonly sql: postgres.Sql
  /** A value as a json parameter. */
  readonly json: (value: unknown) => postgres.Parameter
  /** Runs a statement; every failure is StoreUnavailable, and so is no answer within ANSWER_MAX_MS. */
  readonly run: <A>(statement: () => PromiseLike<A>) => Effect.Effect<A, StoreUnavailable>
  /** The same as a promise that rejects with the driver's error. */
  readonly attempt: <A>(statement: () => PromiseLike<A>) => Promise<A>
  readonly options: DatabaseOptions
}

const CONNECT_MAX_MS = 4_000
/** The server gives up a statement itself … */
const STATEMENT_MAX_MS = 10_000
/** … and where the server says nothing at all, we give up the connection and then the caller's wait. */
const SILENCE_MAX_MS = 12_000
const ANSWER_MAX_MS = 15_000
/** At a start, a database that is starting too may take this long. */
const START_MAX_MS = 5_000
const DEADLOCK_RETRIES = 3

/** A pool on the migrated database; its connections end with the scope. */
export const openDatabase = (options: DatabaseOptions): Effect.Effect<Database, StartRefused, Scope.Scope> =>
  Effect.gen(function* () {
    const sql = yield* Effect.try({
      try: () => connect(options, { max: options.maxConnections ?? 10 }),
      catch: () => refused("DATABASE_URL is not a URL that PostgreSQL's driver can read.")
    })
    yield* Effect.addFinalizer(() => Effect.promise(() => sql.end({ timeout: 5 }).catch(() => undefined)))
    yield* Effect.tryPromise({ try: () => firstAnswer(sql), catch: refusalOf })
    yield* Effect.tryPromise({ try: () => migrate(sql), catch: refusalOf })
    return makeDatabase(sql, options)
  })

const makeDatabase = (sql: postgres.Sql, options: DatabaseOptions): Database => {
  const attempt: Database["attempt"] = async (statement) => {
    for (let retry = 0; ; retry += 1) {
      try {
        return await withinDeadline(statement())
      } catch (cause) {
        // A deadlock's victim has been rolled back whole: it may simply go again.
        if (retry < DEADLOCK_RETRIES && ["40P01", "40001"].includes(codeOf(cause))) continue
        throw cause
      }
    }
  }
  return {
    sql,
    json: (value) => sql.typed(value, 114) as unknown as postgres.Parameter,
    attempt,
    run: (statement) => Effect.tryPromise({ try: () => attempt(statement), catch: unavailable }),
    options
  }
}

/** A client with our types and limits. */
export const connect = (options: DatabaseOptions, more: postgres.Options<Record<string, never>> = {}): postgres.Sql => {
  const settings = {
    connect_timeout: CONNECT_MAX_MS / 1000,
    // Without these two the driver ends connections by age, and waits up to 20 s after a restart of the server.
    max_lifetime: null,
    backoff: (retries: number) => Math.min(0.02 * 2 ** retries, 0.5),
    // One statement at a time on a connection: a slow one holds up no other. What is hot goes in batches instead.
    max_pipeline: 0,
    fetch_types: false,
    onnotice: () => {},
    types: {
      int8: { to: 20, from: [20], serialize: String, parse: wholeNumber },
      json: { to: 114, from: [114, 3802], serialize: storableJson, parse: JSON.parse }
    },
    connection: {
      application_name: "payhub",
      TimeZone: "UTC",
      statement_timeout: STATEMENT_MAX_MS,
      idle_in_transaction_session_timeout: STATEMENT_MAX_MS,
      // Every statement here finds its rows by an index. A plan that was made while the tables were empty would scan
      // them instead, and stay cached while they grow.
      plan_cache_mode: "force_generic_plan",
      enable_seqscan: "off",
      enable_hashjoin: "off",
      enable_mergejoin: "off",
      jit: "off"
    },
    socket: openSocket,
    ...more
  }
  return postgres(Redacted.value(options.url), settings as unknown as postgres.Options<Record<string, never>>)
}

interface DriverOptions {
  readonly host: ReadonlyArray<string>
  readonly port: ReadonlyArray<number>
  readonly path: string | false
}

/**
 * The driver's socket, with a watch on it: a statement that the server leaves unanswered (a stalled machine, a broken
 * network) ends its connection, else it would stay in the pool and every statement after it would wait in vain.
 */
const openSocket = (driver: DriverOptions): Socket => {
  const socket = new Socket()
  let answered = 0
  socket.on("data", () => {
    answered = socket.bytesWritten
  })
  socket.on("timeout", () => {
    if (socket.bytesWritten > answered) socket.destroy(new Error("the server did not answer"))
  })
  socket.setTimeout(SILENCE_MAX_MS)
  if (driver.path) socket.connect(driver.path)
  else {
    const index = Math.floor(Math.random() * driver.host.length)
    const host = driver.host[index] ?? "localhost"
    const port = driver.port[index] ?? 5432
    socket.connect(port, host)
    // The driver reads the server's name for TLS here.
    Object.assign(socket, { host, port })
  }
  return socket
}

const withinDeadline = <A>(answer: PromiseLike<A>): Promise<A> => {
  let timer: ReturnType<typeof setTimeout> | undefined
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ANSWER_MAX_MS} ms`)), ANSWER_MAX_MS)
  })
  return Promise.race([answer, deadline]).finally(() => clearTimeout(timer))
}

/** The SQLSTATE or the driver's own code; "" where there is none. */
export const codeOf = (cause: unknown): string => {
  const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : ""
  return typeof code === "string" ? code : ""
}

/** Keeps code and message; the driver's error also carries the parameters, and PostgreSQL's detail the row. */
export const unavailable = (cause: unknown): StoreUnavailable => {
  const message = cause instanceof Error ? cause.message : String(cause)
  const code = codeOf(cause)
  return new StoreUnavailable({
    store: "postgres",
    cause: new Error(code === "" ? message : `${code}: ${message}`)
  })
}

const wholeNumber = (text: string): number => {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new Error("a stored integer is beyond 2^53")
  return value
}

/** JSON as PostgreSQL takes it: U+0000 and lone surrogates, which it refuses, become U+FFFD. */
export const storableJson = (value: unknown): string => {
  const text = JSON.stringify(value) ?? "null"
  if (!text.includes("\\u")) return text
  return text.replace(/\\(\\|u0000|u[dD][89a-fA-F][0-9a-fA-F]{2})/g, (found) => (found === "\\\\" ? found : "\\ufffd"))
}

const firstAnswer = async (sql: postgres.Sql): Promise<void> => {
  const deadline = Date.now() + START_MAX_MS
  for (;;) {
    try {
      await sql`select 1`
      return
    } catch (cause) {
      const soon = ["ECONNREFUSED", "57P03", "ECONNRESET", "CONNECTION_CLOSED"].includes(codeOf(cause))
      if (!soon || Date.now() + 250 > deadline) throw cause
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
}

const refused = (message: string): StartRefused => new StartRefused({ variable: "DATABASE_URL", message })

/** What an operator can do about it, in one sentence without the URL. */
const refusalOf = (cause: unknown): StartRefused => {
  if (cause instanceof DatabaseTooNew)
    return refused(`DATABASE_URL names a database that is too new: ${cause.message}.`)
  const code = codeOf(cause)
  const message = cause instanceof Error ? cause.message : String(cause)
  switch (code) {
    case "28P01":
    case "28000":
      return refused(`PostgreSQL refused the user or the password in DATABASE_URL (${code}).`)
    case "3D000":
      return refused("The database that DATABASE_URL names does not exist; create it first.")
    case "42501":
      return refused("The user in DATABASE_URL may not create tables there; make it the database's owner.")
    case "53300":
      return refused("PostgreSQL at DATABASE_URL has no connection left; raise its max_connections.")
  }
  if (/^[0-9A-Z]{5}$/.test(code)) return refused(`PostgreSQL at DATABASE_URL refused: ${message} (${code}).`)
  return refused(`PostgreSQL at DATABASE_URL does not answer (${code || message}); check host, port and firewall.`)
}

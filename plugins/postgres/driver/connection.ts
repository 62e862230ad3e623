import type { Socket } from "node:net"
import { setImmediate } from "node:timers"
import { Redacted } from "effect"
import postgres from "postgres"
import { connectionLost, openSocket } from "./socket.ts"
import { readPostgresUrl, type Target } from "./url.ts"

/** One connection to PostgreSQL. It never reconnects. */
export interface Connection {
  readonly sql: postgres.Sql
  /**
   * Settles the session, once: its settings, its role, and that the server takes writes. Awaited before the first
   * statement. Where that fails the connection closes, so that no statement runs with other rights.
   */
  readonly ready: () => Promise<void>
  /** false once the socket is gone. */
  readonly isOpen: () => boolean
  /** Closes after the running statement, or after 5 s. */
  readonly close: () => Promise<void>
  /** Closes at once; a running statement fails. */
  readonly destroy: () => void
}

export interface ConnectionOptions {
  /** Taken by `ready` with SET ROLE; absent or null = the login's own. */
  readonly role?: string | null
  readonly onClose?: () => void
  readonly onNotify?: (channel: string, payload: string) => void
}

/** The server cancels a statement that runs longer. */
const STATEMENT_MAX_MS = 10_000

/**
 * A connection that is made at the first statement, within 4 s. The driver's own pool and reconnect are not used: after
 * a loss it may keep bytes, timers and statements of the old connection, and a later statement then waits for ever.
 */
export const openConnection = (url: Redacted.Redacted<string>, options: ConnectionOptions = {}): Connection => {
  const target = readPostgresUrl(url)
  let open = true
  let socket: Socket | undefined
  let hostIndex = 0
  const gone = (): void => {
    if (!open) return
    open = false
    options.onClose?.()
  }
  const connect = async (): Promise<Socket> => {
    if (!open || socket !== undefined) throw connectionLost()
    try {
      const found = await toFirstHost(url, target)
      socket = found.socket
      hostIndex = found.index
    } catch (cause) {
      gone()
      throw cause
    }
    closeLate(socket, gone)
    return socket
  }
  const sql = postgres(driverOptions(target, { onnotify: options.onNotify, socket: connect }))
  const destroy = (): void => {
    gone()
    socket?.destroy()
    void sql.end({ timeout: 0 }).catch(() => undefined)
  }
  const settle = async (): Promise<void> => {
    try {
      const answers = await sql.unsafe(sessionOf(options.role ?? null)).simple()
      const [state] = (
        answers as unknown as ReadonlyArray<ReadonlyArray<{ readonly transaction_read_only?: string }>>
      ).flat()
      if (state?.transaction_read_only === "on") {
        beginAt.set(Redacted.value(url), (hostIndex + 1) % target.hosts.length)
        throw takesNoWrites()
      }
    } catch (cause) {
      destroy()
      throw cause
    }
  }
  let settled: Promise<void> | undefined
  return {
    sql,
    ready: () => {
      settled ??= settle()
      return settled
    },
    isOpen: () => open,
    close: async () => {
      await sql.end({ timeout: 5 }).catch(() => undefined)
      gone()
      socket?.destroy()
    },
    destroy
  }
}

/** read_only_sql_transaction: a standby, or a primary that another has replaced. */
export const READ_ONLY = "25006"

export const takesNoWrites = (): Error => Object.assign(new Error("the server takes no writes"), { code: READ_ONLY })

/** By URL: the host to try first, which moves on when a host is found to take no writes. */
const beginAt = new Map<string, number>()

const toFirstHost = async (url: Redacted.Redacted<string>, target: Target) => {
  const { hosts } = target
  const begin = beginAt.get(Redacted.value(url)) ?? 0
  let failure: unknown = connectionLost()
  for (let turn = 0; turn < hosts.length; turn++) {
    const index = (begin + turn) % hosts.length
    const host = hosts[index]
    if (host === undefined) continue
    try {
      return { socket: await openSocket(host, target), index }
    } catch (cause) {
      failure = cause
    }
  }
  throw failure
}

/**
 * The settings of a session, as statements and not with the connection's start: PgBouncer passes on a few of those only.
 * The last statement's answer says whether the server takes writes.
 */
const sessionOf = (role: string | null): string =>
  [
    `set statement_timeout = ${STATEMENT_MAX_MS}`,
    `set idle_in_transaction_session_timeout = ${STATEMENT_MAX_MS}`,
    // Every statement of this plugin finds its rows by an index. A plan made while the tables were empty would scan
    // them instead, and stay cached while they grow.
    "set plan_cache_mode = force_generic_plan",
    "set enable_seqscan = off",
    "set enable_hashjoin = off",
    "set enable_mergejoin = off",
    "set jit = off",
    ...(role === null ? [] : [`set role "${role.replaceAll('"', '""')}"`]),
    "show transaction_read_only"
  ].join("; ")

/** Composes parts of statements; never connects. */
export const fragmentWriter = (url: Redacted.Redacted<string>): postgres.Sql =>
  postgres(driverOptions(readPostgresUrl(url), {}))

/** The driver sees one host and no TLS: openSocket settles both before it hands the socket over. */
const driverOptions = (target: Target, more: object) => {
  const [host] = target.hosts
  return {
    ...SETTINGS,
    host: host === undefined || "path" in host ? "localhost" : host.host,
    port: host === undefined || "path" in host ? 5432 : host.port,
    user: target.user,
    pass: target.password,
    database: target.database,
    ssl: false,
    connect_timeout: target.connectMs / 1000,
    connection: { TimeZone: "UTC", ...target.startup },
    ...more
  } as unknown as postgres.Options<Record<string, never>>
}

/**
 * Delays the driver's `close` event by two turns of the event loop. The driver answers the server's requests
 * asynchronously, and its write throws where nobody can catch it if the socket has closed in between. `gone` is called
 * without delay.
 */
const closeLate = (socket: Socket, gone: () => void): void => {
  const emit = socket.emit.bind(socket) as (event: string, ...values: ReadonlyArray<unknown>) => boolean
  socket.emit = (event: string, ...values: ReadonlyArray<unknown>): boolean => {
    if (event === "error" || event === "end" || event === "close") gone()
    if (event !== "close") return emit(event, ...values)
    setImmediate(() => setImmediate(() => emit("close", ...values)))
    return true
  }
}

const wholeNumber = (text: string): number => {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new Error("a stored integer is beyond 2^53")
  return value
}

/** JSON text that PostgreSQL stores: U+0000 and lone surrogates, which it refuses, become U+FFFD. */
export const storableJson = (value: unknown): string => {
  const text = JSON.stringify(value) ?? "null"
  if (!text.includes("\\u")) return text
  return text.replace(/\\(\\|u0000|u[dD][89a-fA-F][0-9a-fA-F]{2})/g, (found) => (found === "\\\\" ? found : "\\ufffd"))
}

const SETTINGS = {
  max: 1,
  max_lifetime: null,
  idle_timeout: null,
  fetch_types: false,
  onnotice: () => {},
  types: {
    int8: { to: 20, from: [20], serialize: String, parse: wholeNumber },
    json: { to: 114, from: [114, 3802], serialize: storableJson, parse: JSON.parse }
  }
}

/** The SQLSTATE or the driver's own code; "" when there is neither. */
export const codeOf = (cause: unknown): string => {
  const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : ""
  return typeof code === "string" ? code : ""
}

import { connect as connectTcp, isIP, type Socket } from "node:net"
import { setImmediate } from "node:timers"
import { connect as connectTls, type ConnectionOptions as TlsOptions } from "node:tls"
import { Redacted } from "effect"
import postgres from "postgres"

/** One connection to PostgreSQL. It never reconnects. */
export interface Connection {
  readonly sql: postgres.Sql
  /**
   * Takes the role, once; awaited before the first statement. Where the role cannot be taken the connection closes, so
   * that no statement runs with other rights.
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

const CONNECT_MAX_MS = 4_000
/** The server cancels a statement that runs longer. */
const STATEMENT_MAX_MS = 10_000

/**
 * A connection that is made at the first statement, within 4 s. The driver's own pool and reconnect are not used: after
 * a loss it may keep bytes, timers and statements of the old connection, and a later statement then waits for ever.
 */
export const openConnection = (url: Redacted.Redacted<string>, options: ConnectionOptions = {}): Connection => {
  const target = readTarget(url)
  let open = true
  let socket: Socket | undefined
  const gone = (): void => {
    if (!open) return
    open = false
    options.onClose?.()
  }
  const settings = {
    ...SETTINGS,
    // The driver sees one host and no TLS: openSocket settles both before it hands the socket over.
    host: target.host,
    port: target.port,
    ssl: false,
    onnotify: options.onNotify,
    socket: async (): Promise<Socket> => {
      if (!open || socket !== undefined) throw connectionLost()
      try {
        socket = await openSocket(target)
      } catch (cause) {
        gone()
        throw cause
      }
      closeLate(socket, gone)
      return socket
    }
  }
  const sql = postgres(Redacted.value(url), settings as unknown as postgres.Options<Record<string, never>>)
  const destroy = (): void => {
    gone()
    socket?.destroy()
    void sql.end({ timeout: 0 }).catch(() => undefined)
  }
  const takeRole = async (role: string): Promise<void> => {
    try {
      await sql`set role ${sql(role)}`.simple()
    } catch (cause) {
      destroy()
      throw cause
    }
  }
  const { role = null } = options
  let taken = role === null ? Promise.resolve() : undefined
  return {
    sql,
    ready: () => {
      taken ??= takeRole(role ?? "none")
      return taken
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

/** Composes parts of statements; never connects. */
export const fragmentWriter = (url: Redacted.Redacted<string>): postgres.Sql =>
  postgres(Redacted.value(url), SETTINGS as unknown as postgres.Options<Record<string, never>>)

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
  connect_timeout: CONNECT_MAX_MS / 1000,
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
    // Every statement of this plugin finds its rows by an index. A plan made while the tables were empty would scan
    // them instead, and stay cached while they grow.
    plan_cache_mode: "force_generic_plan",
    enable_seqscan: "off",
    enable_hashjoin: "off",
    enable_mergejoin: "off",
    jit: "off"
  }
}

interface Target {
  readonly host: string
  readonly port: number
  readonly path: string | false
  readonly ssl: string | boolean | object
}

/** Where the driver would connect to; of several hosts, one at random. */
const readTarget = (url: Redacted.Redacted<string>): Target => {
  const options = postgres(Redacted.value(url), { max: 1 }).options as unknown as {
    readonly host: ReadonlyArray<string>
    readonly port: ReadonlyArray<number>
    readonly path: string | false
    readonly ssl: string | boolean | object
  }
  const index = Math.floor(Math.random() * options.host.length)
  const host = options.host[index] ?? "localhost"
  const port = options.port[index] ?? 5432
  // As in libpq, an encoded folder in place of the host is that of a Unix socket. The driver does not decode it.
  const path = /^%2f/i.test(host) ? `${decodeURIComponent(host)}/.s.PGSQL.${port}` : options.path
  return { host, port, path, ssl: options.ssl }
}

const openSocket = async (target: Target): Promise<Socket> => {
  const { host, port, path, ssl } = target
  const tcp = path ? connectTcp(path) : connectTcp(port, host)
  tcp.setNoDelay(true)
  tcp.setKeepAlive(true, 60_000)
  await opened(tcp, "connect")
  if (ssl === false) return tcp
  tcp.write(SSL_REQUEST)
  const [answer] = await opened<[Buffer]>(tcp, "data")
  if (answer[0] !== "S".charCodeAt(0)) {
    if (ssl === "prefer" || ssl === "allow") return tcp
    tcp.destroy()
    throw new Error("the server does not speak TLS")
  }
  const settings: TlsOptions = { socket: tcp }
  if (isIP(host) === 0) settings.servername = host
  // As in libpq, only verify-full and verify-ca check the server's certificate.
  if (typeof ssl === "string" && !ssl.startsWith("verify")) settings.rejectUnauthorized = false
  if (typeof ssl === "object") Object.assign(settings, ssl)
  const tls = connectTls(settings)
  await opened(tls, "secureConnect")
  return tls
}

/** Int32 length 8, Int32 code 80877103. Source: PostgreSQL's manual, "Message Formats", SSLRequest. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])

const opened = <A extends ReadonlyArray<unknown>>(socket: Socket, event: string): Promise<A> =>
  new Promise((resolve, reject) => {
    const finish = (act: () => void): void => {
      clearTimeout(timer)
      socket.off("error", fail).off("close", fail).off(event, done)
      act()
    }
    const fail = (cause?: unknown): void =>
      finish(() => {
        // Later errors have no other listener, and an unheard "error" event ends the process.
        socket.on("error", () => {})
        socket.destroy()
        reject(cause instanceof Error ? cause : connectionLost())
      })
    const done = (...values: ReadonlyArray<unknown>): void => finish(() => resolve(values as unknown as A))
    const timer = setTimeout(
      () => fail(Object.assign(new Error("the server did not answer in time"), { code: "CONNECT_TIMEOUT" })),
      CONNECT_MAX_MS
    )
    socket.on("error", fail).on("close", fail).on(event, done)
  })

export const connectionLost = (): Error =>
  Object.assign(new Error("the connection is closed"), { code: "CONNECTION_CLOSED" })

/** The SQLSTATE or the driver's own code; "" when there is neither. */
export const codeOf = (cause: unknown): string => {
  const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : ""
  return typeof code === "string" ? code : ""
}

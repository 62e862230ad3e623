import { readFileSync } from "node:fs"
import { Redacted } from "effect"
import { StartRefused } from "../../../core/config/start-refused.ts"

/** How a connection is protected: libpq's `sslmode`. */
export type TlsMode = "disable" | "allow" | "prefer" | "require" | "verify-ca" | "verify-full"

/** One server to try: a host and its port, or a Unix socket's path. */
export type Host = { readonly host: string; readonly port: number } | { readonly path: string }

/** Where a URL leads, and how. */
export interface Target {
  /** In the order in which they are tried, at least one. */
  readonly hosts: ReadonlyArray<Host>
  readonly user: string
  readonly password: string | undefined
  readonly database: string
  readonly tls: {
    readonly mode: TlsMode
    /** PEM texts; undefined = the system's authorities. */
    readonly ca: string | undefined
    readonly cert: string | undefined
    readonly key: string | undefined
    readonly passphrase: string | undefined
  }
  readonly connectMs: number
  /** Idle milliseconds until TCP probes begin; null = none. */
  readonly keepAliveMs: number | null
  /** Parameters that go with the start of a session. */
  readonly startup: Readonly<Record<string, string>>
}

const MODES: ReadonlyArray<string> = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]

const CONNECT_MAX_MS = 4_000
const KEEP_ALIVE_MS = 60_000

/** libpq's variables, and the parameters for which they stand where the URL has none. */
const VARIABLES: Readonly<Record<string, string>> = {
  PGHOST: "host",
  PGPORT: "port",
  PGUSER: "user",
  PGPASSWORD: "password",
  PGDATABASE: "dbname",
  PGSSLMODE: "sslmode",
  PGSSLROOTCERT: "sslrootcert",
  PGSSLCERT: "sslcert",
  PGSSLKEY: "sslkey",
  PGCHANNELBINDING: "channel_binding",
  PGGSSENCMODE: "gssencmode",
  PGCONNECT_TIMEOUT: "connect_timeout",
  PGAPPNAME: "application_name",
  PGOPTIONS: "options",
  PGTARGETSESSIONATTRS: "target_session_attrs"
}

/**
 * Parameters that need nothing from us: what our own deadlines do already, what other drivers take for themselves and
 * providers' consoles print, and what the gateway does in any case.
 */
const WITHOUT_EFFECT = new Set([
  ...["keepalives_interval", "keepalives_count", "tcp_user_timeout", "fallback_application_name"],
  ...["pgbouncer", "connection_limit", "pool_timeout", "statement_cache_size", "sslaccept", "load_balance_hosts"]
])

/** Values of parameters of which only some can be served; anything else is refused by name. */
const SERVED: Readonly<Record<string, ReadonlyArray<string>>> = {
  channel_binding: ["disable", "prefer"],
  gssencmode: ["disable", "prefer"],
  sslnegotiation: ["postgres"],
  client_encoding: ["utf8", "utf-8", "unicode", "auto"],
  replication: ["false", "off", "no", "0"],
  // The gateway writes, so a server that takes no writes is passed over in any case.
  target_session_attrs: ["any", "read-write", "primary"]
}

/**
 * Reads a PostgreSQL URL as libpq does (PostgreSQL's manual, "Connection URIs"), its PG… variables included.
 * @throws StartRefused that names the parameter which is unknown or cannot be served; never quotes the URL
 */
export const readPostgresUrl = (
  url: Redacted.Redacted<string>,
  env: Readonly<Record<string, string | undefined>> = process.env
): Target => {
  const [, authority = "", path = "", query = ""] =
    /^postgres(?:ql)?:\/\/([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/.exec(Redacted.value(url)) ?? refuse("it is not a URL")
  const at = authority.lastIndexOf("@")
  const [user, ...password] = at < 0 ? [] : authority.slice(0, at).split(":")
  const given = new Map<string, string>()
  const put = (name: string, value: string | undefined) => {
    if (value !== undefined && value !== "") given.set(name, value)
  }
  for (const [variable, name] of Object.entries(VARIABLES)) put(name, env[variable])
  put("user", user === undefined ? undefined : decoded(user))
  put("password", password.length === 0 ? undefined : decoded(password.join(":")))
  put("dbname", decoded(path))
  const named = authority.slice(at + 1)
  if (named !== "") {
    const hosts = named.split(",").map(hostAndPort)
    given.set("host", hosts.map(({ host }) => host).join(","))
    const ports = hosts.map(({ port }) => port)
    if (ports.some((port) => port !== "")) given.set("port", ports.join(","))
  }
  for (const [name, value] of new URLSearchParams(query)) {
    if (!KNOWN.has(name)) refuse(`the parameter ${name} is not known`)
    put(name === "ssl" ? "sslmode" : name, name === "ssl" ? (value === "true" ? "require" : value) : value)
  }
  return targetOf(given)
}

const KNOWN = new Set([
  ...Object.values(VARIABLES),
  ...WITHOUT_EFFECT,
  ...Object.keys(SERVED),
  ...["hostaddr", "keepalives", "keepalives_idle", "sslpassword", "schema", "search_path", "ssl"]
])

const targetOf = (given: ReadonlyMap<string, string>): Target => {
  for (const [name, served] of Object.entries(SERVED)) {
    const value = given.get(name)
    if (value !== undefined && !served.includes(value.toLowerCase())) refuse(`${name}=${value} is not served`)
  }
  const user = given.get("user") ?? refuse("it names no user")
  const mode = given.get("sslmode") ?? "disable"
  if (!MODES.includes(mode)) refuse(`sslmode=${mode} is not one of ${MODES.join(", ")}`)
  const root = given.get("sslrootcert")
  const options = given.get("options")
  const schema = given.get("schema") ?? given.get("search_path")
  return {
    hosts: hostsOf(given),
    user,
    password: given.get("password"),
    database: given.get("dbname") ?? user,
    tls: {
      // As in libpq: authorities of one's own are there to be checked against, and the system's know no host by its name alone.
      mode: (mode === "disable"
        ? mode
        : root === "system"
          ? "verify-full"
          : root !== undefined && mode === "require"
            ? "verify-ca"
            : mode) as TlsMode,
      ca: root === undefined || root === "system" ? undefined : fileOf("sslrootcert", root),
      cert: textOf("sslcert", given.get("sslcert")),
      key: textOf("sslkey", given.get("sslkey")),
      passphrase: given.get("sslpassword")
    },
    connectMs: Math.min(CONNECT_MAX_MS, secondsOf(given, "connect_timeout", CONNECT_MAX_MS / 1000) * 1000),
    keepAliveMs:
      given.get("keepalives") === "0" ? null : secondsOf(given, "keepalives_idle", KEEP_ALIVE_MS / 1000) * 1000,
    startup: {
      application_name: given.get("application_name") ?? "payhub",
      ...(options === undefined ? {} : { options }),
      ...(schema === undefined ? {} : { search_path: schema })
    }
  }
}

/** `host`, `hostaddr` and `port` are lists of the same length, or one port for all hosts. */
const hostsOf = (given: ReadonlyMap<string, string>): ReadonlyArray<Host> => {
  const hosts = (given.get("hostaddr") ?? given.get("host") ?? "localhost").split(",")
  const ports = (given.get("port") ?? "5432").split(",")
  if (ports.length !== 1 && ports.length !== hosts.length) refuse("it names more or fewer ports than hosts")
  return hosts.map((host, index) => {
    const text = (ports.length === 1 ? ports[0] : ports[index]) || "5432"
    const port = Number(text)
    if (!/^\d+$/.test(text) || port < 1 || port > 65_535) refuse(`${text} is no port`)
    return host.startsWith("/")
      ? { path: `${host}/.s.PGSQL.${port}` }
      : { host: host === "" ? "localhost" : host, port }
  })
}

/** `host`, `host:port`, `[IPv6]` or `[IPv6]:port`; an encoded folder stands for the socket in it. */
const hostAndPort = (text: string): { readonly host: string; readonly port: string } => {
  const [, address, afterAddress = ""] = /^\[([^\]]*)\](?::(.*))?$/.exec(text) ?? []
  if (address !== undefined) return { host: address, port: afterAddress }
  const [host = "", port = "", ...more] = text.split(":")
  if (more.length > 0) refuse("an IPv6 address needs brackets")
  return { host: decoded(host), port }
}

const secondsOf = (given: ReadonlyMap<string, string>, name: string, standard: number): number => {
  const text = given.get(name)
  if (text === undefined || text === "0") return standard
  return /^\d+$/.test(text) ? Number(text) : refuse(`${name}=${text} is no number of seconds`)
}

const textOf = (name: string, path: string | undefined): string | undefined =>
  path === undefined ? undefined : fileOf(name, path)

const fileOf = (name: string, path: string): string => {
  try {
    return readFileSync(path, "utf8")
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : "unknown reason"
    return refuse(`the file of ${name} cannot be read (${code})`)
  }
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return refuse("a % in it is not followed by two hex digits")
  }
}

const refuse = (why: string): never => {
  throw new StartRefused({ variable: "DATABASE_URL", message: `DATABASE_URL cannot be used: ${why}.` })
}

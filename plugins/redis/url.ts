/** Where Redis is, as read from REDIS_URL. It holds passwords and is never logged; `nameOf` is what may be shown. */
export interface RedisTarget {
  readonly kind: "single" | "cluster" | "sentinel"
  /** The one server, some nodes of the cluster, or the sentinels. */
  readonly nodes: ReadonlyArray<RedisNode>
  readonly tls: boolean
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** Always 0 on a cluster, which has no other. */
  readonly database: number
  /** The name by which sentinels know the master. */
  readonly masterName?: string | undefined
  readonly sentinelUsername?: string | undefined
  readonly sentinelPassword?: string | undefined
}

export interface RedisNode {
  readonly host: string
  readonly port: number
}

const KINDS = {
  redis: { kind: "single", tls: false, port: 6379 },
  rediss: { kind: "single", tls: true, port: 6379 },
  "redis+cluster": { kind: "cluster", tls: false, port: 6379 },
  "redis+sentinel": { kind: "sentinel", tls: false, port: 26_379 }
} as const

/**
 * Reads `redis://[user:password@]host[:port][/database]`, `rediss://…` (TLS), `redis+cluster://[…@]h1:p,h2:p` and
 * `redis+sentinel://[…@]h1:p,h2:p/master-name[/database]`. The last two take `?tls=true`; sentinels with a password of
 * their own take `?sentinel_username=…&sentinel_password=…`. Special characters in user and password are
 * percent-encoded.
 * @returns the target, or a sentence that says what is wrong without quoting the URL, which may hold a password
 */
export const parseRedisUrl = (url: string): RedisTarget | string => {
  const match = /^([a-z+]+):\/\/(?:([^/?#]*)@)?([^/?#@]*)(\/[^?#]*)?(?:\?([^#]*))?$/.exec(url.trim())
  const [, scheme = "", credentials = "", hosts = "", path = "", query = ""] = match ?? []
  if (!Object.hasOwn(KINDS, scheme)) {
    return "REDIS_URL must start with redis://, rediss://, redis+cluster:// or redis+sentinel://, and a password in it must be percent-encoded."
  }
  const { kind, tls, port } = KINDS[scheme as keyof typeof KINDS]

  const nodes: Array<RedisNode> = []
  for (const text of hosts.split(",")) {
    const node = readNode(text, port)
    if (node === undefined) return "REDIS_URL must name its server as host or host:port (several separated by commas)."
    nodes.push(node)
  }
  if (kind === "single" && nodes.length > 1) {
    return "REDIS_URL names several servers: write redis+cluster:// or redis+sentinel://."
  }

  const segments = path.split("/").filter((segment) => segment !== "")
  const masterName = kind === "sentinel" ? segments.shift() : undefined
  if (kind === "sentinel" && masterName === undefined) {
    return "REDIS_URL must end with the master's name: redis+sentinel://host:26379/master-name."
  }
  const [database = "0", ...rest] = segments
  if (!/^\d{1,5}$/.test(database) || rest.length > 0) return "REDIS_URL must end with a database number, or nothing."
  if (kind === "cluster" && Number(database) !== 0) return "REDIS_URL: a Redis Cluster has database 0 only."

  const options = new URLSearchParams(query)
  for (const name of options.keys()) {
    if (kind === "single" || !["tls", "sentinel_username", "sentinel_password"].includes(name)) {
      return `REDIS_URL has an unknown parameter: ${name}.`
    }
  }
  const tlsText = options.get("tls") ?? String(tls)
  if (tlsText !== "true" && tlsText !== "false") return "REDIS_URL: tls must be true or false."

  const colon = credentials.indexOf(":")
  const username = decode(colon === -1 ? credentials : credentials.slice(0, colon))
  const password = decode(colon === -1 ? "" : credentials.slice(colon + 1))
  if (username === undefined || password === undefined) {
    return "REDIS_URL: user and password must be percent-encoded (a % is written %25)."
  }
  return {
    kind,
    nodes,
    tls: tlsText === "true",
    username: username || undefined,
    password: password || undefined,
    database: Number(database),
    masterName: masterName === undefined ? undefined : (decode(masterName) ?? masterName),
    sentinelUsername: options.get("sentinel_username") ?? undefined,
    sentinelPassword: options.get("sentinel_password") ?? undefined
  }
}

/** What a log line may show: the hosts, without user and password. */
export const nameOf = (target: RedisTarget): string => {
  const hosts = target.nodes.map(addressOf)
  if (target.kind === "cluster") return `Redis Cluster at ${hosts.join(", ")}`
  if (target.kind === "sentinel") return `Redis (master ${target.masterName} of the sentinels at ${hosts.join(", ")})`
  return `Redis at ${hosts[0]}`
}

/** host:port, an IPv6 address in brackets. */
export const addressOf = ({ host, port }: RedisNode): string => `${host.includes(":") ? `[${host}]` : host}:${port}`

const readNode = (text: string, standardPort: number): RedisNode | undefined => {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = match?.[3] === undefined ? standardPort : Number(match[3])
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port }
}

const decode = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

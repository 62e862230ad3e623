import { createClient, createCluster } from "redis"
import { nonceScript } from "./nonce-script.ts"
import { throttleScript } from "./throttle-script.ts"
import { addressOf, type RedisNode, type RedisTarget } from "./url.ts"

/** A connection to one server, a cluster or the master that sentinels name. Commands of one tick share one write. */
export interface RedisClient {
  /** Sends one command about `key`, once. It is never queued: it fails at once when the connection is gone. */
  readonly send: (key: string, command: ReadonlyArray<string>) => Promise<unknown>
  /** Closes at once; commands in flight fail. */
  readonly close: () => void
}

const CONNECT_TIMEOUT_MS = 1_000

/**
 * Connects once; connection.ts reconnects, in the same way for the three kinds. Rejects with node-redis's error.
 * @param onLost called, any number of times, when an established connection breaks
 * @param stop ends an attempt that takes too long: a Redis that hangs still accepts connections
 */
export const openClient = (
  target: RedisTarget,
  onLost: (cause: Error) => void,
  stop: AbortSignal
): Promise<RedisClient> => {
  switch (target.kind) {
    case "single":
      return openServer(target.nodes[0] as RedisNode, target, onLost, stop)
    case "cluster":
      return openCluster(target, onLost, stop)
    case "sentinel":
      return openMaster(target, onLost, stop)
  }
}

/** A Lua script and its SHA-1 in hex, which EVALSHA names. */
interface Script {
  readonly source: string
  readonly sha: string
}

/** Runs a script on keys of one hash tag: one round trip. */
const runScript = async (
  client: RedisClient,
  script: Script,
  keys: readonly [string, ...Array<string>],
  args: ReadonlyArray<number>
): Promise<number> => {
  const rest = [String(keys.length), ...keys, ...args.map(String)]
  const answer = await client.send(keys[0], ["EVALSHA", script.sha, ...rest]).catch((error: unknown) => {
    // A restarted or flushed server has forgotten the script. Nothing ran, so sending its source is safe.
    if (error instanceof Error && error.message.startsWith("NOSCRIPT")) {
      return client.send(keys[0], ["EVAL", script.source, ...rest])
    }
    throw error
  })
  return Number(answer)
}

/** Takes a throttle slot: 0, or the whole milliseconds (≥ 1) until one is free. */
export const takeSlot = (client: RedisClient, key: string, count: number, windowMs: number): Promise<number> =>
  runScript(client, throttleScript, [key], [count, windowMs])

/** Claims a nonce for `windowMs` without counting it. true = first use. */
export const claimUncounted = async (client: RedisClient, key: string, windowMs: number): Promise<boolean> =>
  (await client.send(key, ["SET", key, "1", "PX", String(windowMs), "NX"])) === "OK"

/** The keys of a claim: the nonce's own, and that of the count of its owner's nonces, both of one hash tag. */
export interface NonceKeys {
  readonly nonce: string
  readonly held: string
}

/**
 * Claims a nonce for `windowMs`: true = first use, "over-share" = its owner holds `share` nonces already.
 */
export const claimNonce = async (
  client: RedisClient,
  { nonce, held }: NonceKeys,
  windowMs: number,
  share: number
): Promise<boolean | "over-share"> => {
  const answer = await runScript(client, nonceScript, [nonce, held], [windowMs, share])
  return answer === -1 ? "over-share" : answer === 1
}

type Login = Pick<RedisTarget, "username" | "password" | "database" | "tls">

const optionsFor = (login: Login) => ({
  // Without a user name the password is sent alone (before Redis 6, or for its default user).
  ...(login.username === undefined ? {} : { username: login.username }),
  ...(login.password === undefined ? {} : { password: login.password }),
  disableOfflineQueue: true,
  maintNotifications: "disabled" as const
})

const socketFor = (node: RedisNode, tls: boolean) => {
  const common = {
    host: node.host,
    port: node.port,
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectStrategy: false as const
  }
  return tls ? { ...common, tls: true as const } : common
}

const openServer = async (
  node: RedisNode,
  login: Login,
  onLost: (cause: Error) => void,
  stop: AbortSignal
): Promise<RedisClient> => {
  const client = createClient({
    ...optionsFor(login),
    RESP: 2, // the version that every Redis and every proxy speaks
    socket: socketFor(node, login.tls),
    database: login.database,
    commandOptions: { timeout: undefined } // node-redis's costs an AbortSignal per command; ours is in connection.ts
  })
  let ready = false
  // Without a listener an "error" event ends the process.
  client.on("error", (error: Error) => ready && onLost(error))
  const abandon = () => client.destroy()
  stop.addEventListener("abort", abandon)
  try {
    stop.throwIfAborted()
    await client.connect()
  } catch (error) {
    client.destroy()
    throw error
  } finally {
    stop.removeEventListener("abort", abandon)
  }
  ready = true
  return {
    send: (_key, command) => client.sendCommand([...command]),
    close: () => {
      ready = false
      client.destroy()
    }
  }
}

const openCluster = async (
  target: RedisTarget,
  onLost: (cause: Error) => void,
  stop: AbortSignal
): Promise<RedisClient> => {
  const { connectTimeout, reconnectStrategy } = socketFor({ host: "", port: 0 }, false)
  const cluster = createCluster({
    // These connections ask for the topology only. node-redis does not hand them out, so they must end by themselves.
    rootNodes: target.nodes.map((node) => ({
      socket: { ...socketFor(node, target.tls), socketTimeout: CONNECT_TIMEOUT_MS }
    })),
    defaults: {
      ...optionsFor(target),
      socket: target.tls ? { connectTimeout, reconnectStrategy, tls: true } : { connectTimeout, reconnectStrategy }
    },
    RESP: 2,
    commandOptions: { timeout: undefined }
  })
  let ready = false
  let cause: Error | undefined
  // "error": one node did not answer when asked for the topology; another may.
  cluster.on("error", (error: Error) => {
    cause = error
  })
  cluster.on("node-error", (error: Error) => {
    cause = error
    if (ready) onLost(error)
  })
  const abandon = () => cluster.destroy()
  stop.addEventListener("abort", abandon)
  try {
    stop.throwIfAborted()
    await cluster.connect()
    stop.throwIfAborted() // connect() may resolve although it was abandoned while it asked for the topology
  } catch (error) {
    cluster.destroy()
    throw cause ?? error
  } finally {
    stop.removeEventListener("abort", abandon)
  }
  ready = true
  return {
    send: (key, command) => cluster.sendCommand(key, false, [...command]),
    close: () => {
      ready = false
      cluster.destroy()
    }
  }
}

/**
 * Connects as redis.io's "Guidelines for Redis clients with support for Redis Sentinel" ask: ask each sentinel in turn,
 * connect to the master that it names, check that it is one; after any loss, begin again. node-redis's own sentinel
 * client retries internally, without a limit that a deadline could rely on.
 */
const openMaster = async (
  target: RedisTarget,
  onLost: (cause: Error) => void,
  stop: AbortSignal
): Promise<RedisClient> => {
  let cause = new Error("no sentinel answered")
  for (const sentinel of target.nodes) {
    try {
      const master = await askSentinel(sentinel, target, stop)
      const client = await openServer(master, target, onLost, stop)
      const role = await client.send("", ["ROLE"]).catch((error: unknown) => {
        client.close()
        throw error
      })
      if (Array.isArray(role) && role[0] === "master") return client
      client.close()
      cause = new Error(`the sentinel at ${addressOf(sentinel)} names a server that is not a master`)
    } catch (error) {
      cause = error instanceof Error ? error : cause
    }
  }
  throw cause
}

const askSentinel = async (sentinel: RedisNode, target: RedisTarget, stop: AbortSignal): Promise<RedisNode> => {
  const login = {
    username: target.sentinelUsername,
    password: target.sentinelPassword,
    database: 0,
    tls: target.tls
  }
  // A sentinel that hangs must leave time for the next one.
  const patience = AbortSignal.any([stop, AbortSignal.timeout(CONNECT_TIMEOUT_MS)])
  const client = await openServer(sentinel, login, () => {}, patience)
  const close = () => client.close()
  patience.addEventListener("abort", close)
  try {
    const answer = await client.send("", ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", target.masterName ?? ""])
    if (!Array.isArray(answer)) throw new Error(`the sentinels know no master named ${target.masterName}`)
    return { host: String(answer[0]), port: Number(answer[1]) }
  } finally {
    patience.removeEventListener("abort", close)
    client.close()
  }
}

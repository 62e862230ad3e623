import { createClient, createCluster } from "redis"
import { throttleScript } from "./throttle-script.ts"
import type { RedisNode, RedisTarget } from "./url.ts"

/** One server, a cluster or the master that sentinels name, connected. Commands sent in one tick share one write. */
export interface RedisClient {
  /** Sends one command about `key`. Never queued: fails at once when the connection is gone, and is sent once only. */
  readonly send: (key: string, command: ReadonlyArray<string>) => Promise<unknown>
  /** Fails what is in flight. */
  readonly close: () => void
}

const CONNECT_TIMEOUT_MS = 1_000

/**
 * Connects once; reconnecting is connection.ts's business, the same for the three kinds.
 * @param onLost called when a connection that was made breaks, any number of times
 * @param stop ends an attempt that takes too long: a Redis that stands still accepts connections and says nothing
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

/** Takes a slot: 0, or the milliseconds until there is one. */
export const takeSlot = async (client: RedisClient, key: string, count: number, windowMs: number): Promise<number> => {
  const rest = ["1", key, String(count), String(windowMs)]
  const answer = await client.send(key, ["EVALSHA", throttleScript.sha, ...rest]).catch((error: unknown) => {
    // A restarted or flushed server has forgotten the script. Nothing was run, so it is safe to send it whole.
    if (error instanceof Error && error.message.startsWith("NOSCRIPT")) {
      return client.send(key, ["EVAL", throttleScript.source, ...rest])
    }
    throw error
  })
  return Number(answer)
}

/** Claims a nonce: one command does it, so there is no script here. true = first use. */
export const claimNonce = async (client: RedisClient, key: string, windowMs: number): Promise<boolean> =>
  (await client.send(key, ["SET", key, "1", "PX", String(windowMs), "NX"])) === "OK"

type Login = Pick<RedisTarget, "username" | "password" | "database" | "tls">

const optionsFor = (login: Login) => ({
  // exactOptional: an absent user name means the password alone (before Redis 6, or its default user).
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
    RESP: 2, // every Redis and every proxy speaks it
    socket: socketFor(node, login.tls),
    database: login.database,
    commandOptions: { timeout: undefined } // theirs is one AbortSignal a command; ours is in connection.ts
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
    // These connections only ask for the topology; node-redis keeps them to itself, so they must end by themselves.
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
  // "error": a node that was asked for the topology did not answer; another may.
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
    stop.throwIfAborted() // abandoned while it asked for the topology, it may resolve all the same
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
 * The way that Redis asks of a Sentinel client (redis.io, "Guidelines for Redis clients with support for Redis
 * Sentinel"): ask each sentinel, connect to the master it names, check that it is one; after any loss, begin again.
 * node-redis's own sentinel client retries inside, without a limit that a deadline could count on.
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
      cause = new Error(`the sentinel at ${sentinel.host}:${sentinel.port} names a server that is not a master`)
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
  // One that stands still must leave time for the next.
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

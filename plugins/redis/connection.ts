import { setImmediate } from "node:timers"
import { Effect, Queue, type Scope } from "effect"
import { StartRefused } from "../../core/config/start-refused.ts"
import { StoreUnavailable } from "../../core/domain/errors.ts"
import { NONCES_MAX } from "../../core/pipeline/replay/nonce-table.ts"
import { claimNonce, openClient, type RedisClient, takeSlot } from "./client.ts"
import { nameOf, type RedisTarget } from "./url.ts"

/** How long a request waits for Redis's answer, and before that, when the connection was just lost, for a reconnect. */
const COMMAND_DEADLINE_MS = 1_000
/** Time for one attempt to connect: TCP, TLS, password and a first slot. */
const OPEN_DEADLINE_MS = 3_000
/** The first and the longest pause between attempts during an outage. */
const BACKOFF_MS = { first: 100, longest: 2_000 } as const
/** A connection that is lost sooner after it was made is an outage: an immediate reconnect would gain nothing. */
const SETTLED_MS = 1_000
/** An outage that begins within this time after the last one goes on with its backoff. */
const CALM_MS = 10_000
/** Hash tags that the check of a new connection writes to; sixteen reach every master of a small cluster. */
const CHECK_TAGS = 16

/**
 * The connection to Redis. While it is up, commands go out, each with its deadline. A connection that breaks is made
 * again while requests wait, because servers close idle connections. If that fails, or if Redis does not answer in
 * time, it is an outage: one alarm line is logged, requests fail at once instead of waiting for a deadline each,
 * attempts go on with backoff, and one line says when it is over. A cluster without one of its masters counts as down,
 * as Redis itself defines it (cluster-require-full-coverage).
 */
export interface RedisConnection {
  /** Runs commands on the current client. Every failure, a missing answer within 1 s too, is StoreUnavailable. */
  readonly run: <A>(use: (client: RedisClient) => Promise<A>) => Effect.Effect<A, StoreUnavailable>
  /**
   * The nonces that one merchant may hold: half of what this Redis's memory has room for (`maxmemory`, read at each
   * connect), at most NONCES_MAX.
   */
  readonly nonceShare: () => number
}

/**
 * Connects, and keeps the connection until the scope closes.
 * @param down without Redis at the start, "refuse" fails with StartRefused and "degrade" starts with the alarm
 */
export const connectRedis = Effect.fnUntraced(function* (
  target: RedisTarget,
  down: "refuse" | "degrade"
): Effect.fn.Return<RedisConnection, StartRefused, Scope.Scope> {
  const name = nameOf(target)
  const losses = yield* Queue.unbounded<Loss>()
  const link = new Link(target, (loss) => Queue.offerUnsafe(losses, loss))
  yield* Effect.addFinalizer(() => Effect.sync(() => link.close()))

  const first = yield* attempt(() => link.open(OPEN_DEADLINE_MS))
  if (first !== null) {
    if (down === "refuse") {
      return yield* new StartRefused({
        variable: "REDIS_URL",
        message: `${name} cannot be used: ${saying(first)} ${ADVICE}`
      })
    }
    link.lose(first)
  } else {
    const policy = link.memory.evictionPolicy
    if (policy !== null) {
      yield* Effect.logWarning(
        `${name} may drop throttle slots and nonces before their time (maxmemory-policy ${policy}): set it to noeviction.`
      )
    }
  }

  let pauseMs: number = BACKOFF_MS.first
  let backAt = Number.NEGATIVE_INFINITY
  const outage = Effect.fnUntraced(function* (cause: unknown) {
    yield* Effect.logError(`${name} cannot be used: ${saying(cause)} ${MEANWHILE[down]}`)
    const beganAt = performance.now()
    if (beganAt - backAt > CALM_MS) pauseMs = BACKOFF_MS.first
    do {
      yield* Effect.sleep(pauseMs * (0.75 + Math.random() / 2)) // so that many gateways do not come back in step
      pauseMs = Math.min(pauseMs * 2, BACKOFF_MS.longest)
    } while ((yield* attempt(() => link.open(OPEN_DEADLINE_MS))) !== null)
    backAt = performance.now()
    yield* Effect.logInfo(`${name} is back after ${((backAt - beganAt) / 1000).toFixed(1)} s.`)
  })

  yield* Effect.forkScoped(
    Effect.forever(
      Effect.gen(function* () {
        const { cause, reopening } = yield* Queue.take(losses)
        const failed = reopening === null ? cause : yield* attempt(() => reopening)
        if (failed !== null) yield* outage(failed)
        else yield* Effect.logInfo(`${name} was lost and is connected again: ${saying(cause)}`)
      })
    )
  )

  return {
    run: (use) =>
      Effect.tryPromise({
        try: () => link.run(use),
        catch: (cause) => new StoreUnavailable({ store: "redis", cause })
      }),
    nonceShare: () => link.memory.nonceShare
  }
})

/** A lost connection, and the attempt to make it again; null when an attempt at once is not worth it. */
interface Loss {
  readonly cause: unknown
  readonly reopening: Promise<unknown> | null
}

/** The current client. At any time there is a client, or one `reopening` that requests wait for, or an outage. */
class Link {
  #client: RedisClient | null = null
  #reopening: Promise<RedisClient> | null = null
  #cause: unknown = null
  #openedAt = Number.NEGATIVE_INFINITY
  #closed = false
  /** Of the Redis that was connected last. */
  memory: Memory = UNKNOWN_MEMORY
  readonly #target: RedisTarget
  readonly #onLoss: (loss: Loss) => void

  constructor(target: RedisTarget, onLoss: (loss: Loss) => void) {
    this.#target = target
    this.#onLoss = onLoss
  }

  /** Connects and takes slots and nonces as a check: a read-only or full Redis would answer a PING. */
  async open(deadlineMs: number): Promise<RedisClient> {
    const stop = new AbortController()
    let lostWhileChecked: Error | null = null
    let opened: RedisClient | null = null
    const onLost = (cause: Error) => {
      if (opened !== null && opened === this.#client) this.lose(cause)
      else lostWhileChecked = cause
    }
    const opening = openClient(this.#target, onLost, stop.signal).then(async (client) => {
      opened = client
      await check(client)
      this.memory = await readMemory(client)
      return client
    })
    try {
      const client = await within(deadlineMs, opening)
      if (lostWhileChecked !== null) throw lostWhileChecked
      if (this.#closed) throw new Error("the gateway is stopping")
      this.#client = client
      this.#openedAt = performance.now()
      return client
    } catch (error) {
      stop.abort(error)
      opening.catch(() => {}).finally(() => opened?.close()) // it may still have connected
      throw error
    }
  }

  /** Drops the client. Its commands in flight fail: nobody knows whether Redis has executed them. */
  lose(cause: unknown): void {
    const settled = performance.now() - this.#openedAt > SETTLED_MS
    this.#client?.close()
    this.#client = null
    this.#cause = cause
    if (this.#closed) return
    if (settled && this.#openedAt > 0 && !(cause instanceof DeadlineExceeded)) {
      const reopening = this.open(COMMAND_DEADLINE_MS).finally(() => {
        this.#reopening = null
      })
      reopening.catch(() => {}) // requests and the fiber of connectRedis handle it
      this.#reopening = reopening
    }
    this.#onLoss({ cause, reopening: this.#reopening })
  }

  run<A>(use: (client: RedisClient) => Promise<A>): Promise<A> {
    if (this.#client !== null) return this.#runOn(this.#client, use)
    if (this.#reopening !== null) {
      return within(COMMAND_DEADLINE_MS, this.#reopening).then((client) => this.#runOn(client, use))
    }
    return Promise.reject(this.#cause)
  }

  close(): void {
    this.#closed = true
    this.#client?.close()
    this.#client = null
    this.#cause = new Error("the gateway is stopping")
  }

  #runOn<A>(client: RedisClient, use: (client: RedisClient) => Promise<A>): Promise<A> {
    return within(COMMAND_DEADLINE_MS, use(client)).catch((error: unknown) => {
      // An error reply (READONLY, LOADING, CLUSTERDOWN, OOM, NOPERM …) counts too: this Redis cannot do its work now.
      if (client === this.#client) this.lose(error)
      throw error
    })
  }
}

interface Memory {
  /** The policy by which this Redis, when full, drops live keys; null = it drops none, or it has no limit. */
  readonly evictionPolicy: string | null
  readonly nonceShare: number
}

/** What is assumed of a Redis whose user may not ask (INFO): no limit. */
const UNKNOWN_MEMORY: Memory = { evictionPolicy: null, nonceShare: NONCES_MAX }

/** What a nonce takes of Redis's memory, its key, expiry and places in two tables: measured on Redis 7. */
const NONCE_BYTES = 200

const readMemory = async (client: RedisClient): Promise<Memory> => {
  const info = await client.send("payhub", ["INFO", "memory"]).then(String, () => null)
  const maxBytes = Number(/^maxmemory:(\d+)/m.exec(info ?? "")?.[1] ?? 0)
  if (info === null || maxBytes === 0) return UNKNOWN_MEMORY
  const policy = /^maxmemory_policy:(\w+(?:-\w+)*)/m.exec(info)?.[1] ?? "noeviction"
  return {
    evictionPolicy: policy === "noeviction" ? null : policy,
    nonceShare: Math.min(NONCES_MAX, Math.ceil(maxBytes / 2 / NONCE_BYTES))
  }
}

/** Takes a slot and claims a nonce under each of the check's tags; rejects when Redis refuses either. */
const check = (client: RedisClient): Promise<unknown> =>
  Promise.all(
    Array.from({ length: CHECK_TAGS }, async (_, tag) => {
      await takeSlot(client, `payhub:check:{${tag}}:take`, 1_000, 1)
      const keys = { nonce: `payhub:check:{${tag}}:claim`, held: `payhub:check:{${tag}}:held` }
      await claimNonce(client, keys, 1, NONCES_MAX)
    })
  )

class DeadlineExceeded extends Error {
  override readonly name = "DeadlineExceeded"
}

/**
 * Rejects with DeadlineExceeded after `deadlineMs`. It uses the runtime's timers: Redis does not wait for a test's
 * Clock.
 */
const within = <A>(deadlineMs: number, work: Promise<A>): Promise<A> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      // If this process itself stood still, the answer may already lie in the socket: one more turn reads it.
      setImmediate(() => reject(new DeadlineExceeded(`no answer within ${deadlineMs} ms`)))
    }, deadlineMs)
    work.then(
      (value) => {
        clearTimeout(timer)
        resolve(value)
      },
      (error: unknown) => {
        clearTimeout(timer)
        reject(error)
      }
    )
  })

/** null = it succeeded; otherwise the cause of its failure. */
const attempt = (work: () => Promise<unknown>): Effect.Effect<unknown> =>
  Effect.promise(() =>
    work().then(
      () => null,
      (cause: unknown) => cause
    )
  )

const ADVICE = "Start it, correct REDIS_URL, or set PAYHUB_REDIS_DOWN=degrade to start without it."

const MEANWHILE = {
  refuse: "Orders and queries are refused (503) until it is back.",
  degrade: "Until it is back each gateway process counts throttle slots and nonces for itself."
} as const

/** A cause as one short sentence. node-redis's errors name hosts and ports, never the password. */
const saying = (cause: unknown): string => {
  const nested = cause instanceof AggregateError && cause.errors.length > 0 ? cause.errors[0] : cause
  const message = nested instanceof Error ? nested.message || nested.name : String(nested)
  const hint = message.startsWith("MOVED") ? "this is a cluster, so write redis+cluster:// (" : ""
  return `${hint}${message
    .replace(/\s+/g, " ")
    .replace(/[.\s]+$/, "")
    .slice(0, 200)}${hint === "" ? "" : ")"}.`
}

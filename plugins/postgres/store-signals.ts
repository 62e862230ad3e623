import { setTimeout as sleep } from "node:timers/promises"
import { Effect, type Scope } from "effect"
import type postgres from "postgres"
import type { StoreSignal, StoreSignals } from "../../core/pipeline/persistence/store-signals.ts"
import type { Connection } from "./driver/connection.ts"
import { type Database, unavailable } from "./driver/database.ts"

/** The service, and what the other stores of this plugin send through it. */
export interface Signals extends Pick<StoreSignals["Service"], "listen"> {
  /** Wakes the webhook senders of every gateway, at most once every 50 ms. */
  readonly webhookDue: () => void
  /** A part of a statement that tells every gateway of a change once the statement commits. */
  readonly changed: (signal: StoreSignal) => postgres.PendingQuery<postgres.Row[]>
  /** The same for each row of `merchants m`, in statements that do not know the app_id. */
  readonly merchantChanged: postgres.PendingQuery<postgres.Row[]>
}

const CHANNEL = "payhub"
/** NOTIFY makes commits wait for one another, so webhook-due is sent outside settling, once for many webhooks. */
const WEBHOOK_DUE_EVERY_MS = 50
const HEARTBEAT_MS = 15_000
const RECONNECT_MS = 200
const ANSWER_MAX_MS = 10_000

/** LISTEN on a connection of its own, opened at the first `listen` and reopened when lost; NOTIFY through the pool. */
export const makeStoreSignals = (db: Database): Effect.Effect<Signals, never, Scope.Scope> =>
  Effect.gen(function* () {
    const listeners = new Set<(signal: StoreSignal) => void>()
    const emit = (signal: StoreSignal): void => {
      for (const onSignal of listeners) onSignal(signal)
    }
    let closed = false
    let connection: Connection | undefined
    let heartbeat: ReturnType<typeof setInterval> | undefined
    let dueTimer: ReturnType<typeof setTimeout> | undefined
    let dueAgain = false

    const connect = async (): Promise<void> => {
      const made = db.connect({
        onClose: () => {
          if (connection === made) void reconnect()
        },
        onNotify: (channel, payload) => {
          const signal = channel === CHANNEL ? readSignal(payload) : undefined
          if (signal !== undefined) emit(signal)
        }
      })
      try {
        await listenOn(made)
      } catch (cause) {
        made.destroy()
        throw cause
      }
      if (closed) return made.destroy()
      connection = made
      if (!made.isOpen()) void reconnect()
    }

    const reconnect = async (): Promise<void> => {
      connection = undefined
      for (let connected = false; !closed && !connected; ) {
        await sleep(RECONNECT_MS)
        connected = await connect().then(
          () => true,
          () => false
        )
      }
      if (!closed) emit({ kind: "all" })
    }

    let starting: Promise<void> | undefined
    const start = async (): Promise<void> => {
      await connect()
      heartbeat = setInterval(() => {
        const asked = connection
        if (asked !== undefined) listenOn(asked).catch(() => asked.destroy())
      }, HEARTBEAT_MS)
      heartbeat.unref?.()
    }

    yield* Effect.addFinalizer(() =>
      Effect.promise(async () => {
        closed = true
        listeners.clear()
        clearInterval(heartbeat)
        clearTimeout(dueTimer)
        await connection?.close()
      })
    )

    const webhookDue = (): void => {
      if (closed) return
      if (dueTimer !== undefined) {
        dueAgain = true
        return
      }
      dueTimer = setTimeout(() => {
        dueTimer = undefined
        if (dueAgain) webhookDue()
        dueAgain = false
      }, WEBHOOK_DUE_EVERY_MS)
      // A lost signal does no harm: the senders also look by themselves now and then.
      void db
        .attempt((sql) => sql`select pg_notify(${CHANNEL}, ${JSON.stringify({ kind: "webhook-due" })})`)
        .catch(() => undefined)
    }

    return {
      listen: (onSignal) =>
        Effect.tryPromise({
          try: async () => {
            starting ??= start().catch((cause: unknown) => {
              starting = undefined
              throw cause
            })
            await starting
            listeners.add(onSignal)
          },
          catch: unavailable
        }),
      webhookDue,
      changed: (signal) => db.sql`pg_notify(${CHANNEL}, ${JSON.stringify(signal)})`,
      merchantChanged: db.sql`pg_notify(${CHANNEL}, json_build_object('kind', 'merchant', 'id', m.app_id)::text)`
    }
  })

/**
 * Sends LISTEN and waits up to 10 s for the answer. Repeating LISTEN is harmless, so it is the heartbeat too: a dead
 * connection would lose signals unnoticed.
 */
const listenOn = async (connection: Connection): Promise<void> => {
  const listening = connection.ready().then(() => connection.sql.unsafe(`listen ${CHANNEL}`))
  listening.catch(() => undefined)
  const silence = new AbortController()
  const deadline = sleep(ANSWER_MAX_MS, undefined, { signal: silence.signal }).then(() => {
    throw new Error("no answer to LISTEN")
  })
  deadline.catch(() => undefined)
  await Promise.race([listening, deadline]).finally(() => silence.abort())
}

const readSignal = (payload: string): StoreSignal | undefined => {
  try {
    const value = JSON.parse(payload) as StoreSignal
    return ["merchant", "account", "webhook-due", "all"].includes(value.kind) ? value : undefined
  } catch {
    return undefined
  }
}

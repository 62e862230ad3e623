import { setTimeout as sleep } from "node:timers/promises"
import { Effect, type Scope } from "effect"
import type postgres from "postgres"
import type { StoreSignal, StoreSignals } from "../../core/pipeline/persistence/store-signals.ts"
import { type Connection, openConnection } from "./driver/connection.ts"
import { type Database, unavailable } from "./driver/database.ts"

/** The service, and what this plugin's other stores send through it. */
export interface Signals extends Pick<StoreSignals["Service"], "listen"> {
  /** Wakes the senders of every gateway, soon. */
  readonly webhookDue: () => void
  /** The part of a statement that tells every gateway of a change, when and if the statement commits. */
  readonly changed: (signal: StoreSignal) => postgres.PendingQuery<postgres.Row[]>
}

const CHANNEL = "payhub"
/** NOTIFY makes commits wait for one another, so webhook-due is sent apart from settling, and not for each. */
const WEBHOOK_DUE_EVERY_MS = 50
const HEARTBEAT_MS = 15_000
const RECONNECT_MS = 200
const ANSWER_MAX_MS = 10_000

/** LISTEN and NOTIFY on a connection of its own, made when somebody listens. */
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
      const made = openConnection(db.url, {
        onClose: () => {
          if (connection === made) void reconnect()
        },
        onNotify: (channel, payload) => {
          const signal = channel === CHANNEL ? readSignal(payload) : undefined
          if (signal !== undefined) emit(signal)
        }
      })
      try {
        await answered(made)
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
        if (asked !== undefined) answered(asked).catch(() => asked.destroy())
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
      // Lost ones do no harm: the senders look by themselves now and then.
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
      changed: (signal) => db.sql`pg_notify(${CHANNEL}, ${JSON.stringify(signal)})`
    }
  })

/** LISTEN, which may be said again: a silent connection would lose signals unnoticed, so this also asks whether it lives. */
const answered = async (connection: Connection): Promise<void> => {
  const listening = connection.sql.unsafe(`listen ${CHANNEL}`)
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

import { setTimeout as sleep } from "node:timers/promises"
import { Effect, type Scope } from "effect"
import type postgres from "postgres"
import type { StoreUnavailable } from "../../core/domain/errors.ts"
import type { StoreSignal } from "../../core/pipeline/persistence.ts"
import { connect, type Database, unavailable } from "./database.ts"

export interface Signals {
  readonly listen: (onSignal: (signal: StoreSignal) => void) => Effect.Effect<void, StoreUnavailable>
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

/** LISTEN and NOTIFY on a connection of its own, made when somebody listens. */
export const makeSignals = (db: Database): Effect.Effect<Signals, never, Scope.Scope> =>
  Effect.gen(function* () {
    const listeners = new Set<(signal: StoreSignal) => void>()
    const emit = (signal: StoreSignal): void => {
      for (const onSignal of listeners) onSignal(signal)
    }
    let closed = false
    let starting: Promise<void> | undefined
    let client: postgres.Sql | undefined
    let heartbeat: ReturnType<typeof setInterval> | undefined
    let dueTimer: ReturnType<typeof setTimeout> | undefined
    let dueAgain = false

    const subscribe = (sql: postgres.Sql): PromiseLike<unknown> => sql.unsafe(`listen ${CHANNEL}`)

    let reconnecting = false
    const reconnect = async (): Promise<void> => {
      if (closed || reconnecting || client === undefined) return
      reconnecting = true
      for (;;) {
        await sleep(RECONNECT_MS)
        if (closed) return
        try {
          await subscribe(client)
          break
        } catch {
          // The next round tries again.
        }
      }
      reconnecting = false
      emit({ kind: "all" })
    }

    const start = async (): Promise<void> => {
      const settings = {
        max: 1,
        onclose: () => void reconnect(),
        onnotify: (channel: string, payload: string) => {
          const signal = channel === CHANNEL ? readSignal(payload) : undefined
          if (signal !== undefined) emit(signal)
        }
      }
      // Until it stands, a lost connection is this call's failure and not a thing to repair.
      reconnecting = true
      client = connect(db.options, settings as postgres.Options<Record<string, never>>)
      try {
        await db.attempt(() => subscribe(client as postgres.Sql))
      } catch (cause) {
        await client.end({ timeout: 0 }).catch(() => undefined)
        client = undefined
        starting = undefined
        throw cause
      }
      reconnecting = false
      const listening = client
      // A silent connection would lose signals unnoticed: an unanswered heartbeat ends it. LISTEN may be said again.
      heartbeat = setInterval(() => void subscribe(listening).then(undefined, () => undefined), HEARTBEAT_MS)
      heartbeat.unref?.()
    }

    yield* Effect.addFinalizer(() =>
      Effect.promise(async () => {
        closed = true
        listeners.clear()
        clearInterval(heartbeat)
        clearTimeout(dueTimer)
        await client?.end({ timeout: 1 }).catch(() => undefined)
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
        .attempt(() => db.sql`select pg_notify(${CHANNEL}, ${JSON.stringify({ kind: "webhook-due" })})`)
        .catch(() => undefined)
    }

    return {
      listen: (onSignal) =>
        Effect.tryPromise({
          try: async () => {
            starting ??= start()
            await starting
            listeners.add(onSignal)
          },
          catch: unavailable
        }),
      webhookDue,
      changed: (signal) => db.sql`pg_notify(${CHANNEL}, ${JSON.stringify(signal)})`
    }
  })

const readSignal = (payload: string): StoreSignal | undefined => {
  try {
    const value = JSON.parse(payload) as StoreSignal
    return ["merchant", "account", "webhook-due", "all"].includes(value.kind) ? value : undefined
  } catch {
    return undefined
  }
}

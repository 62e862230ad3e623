import type { Redacted } from "effect"
import type postgres from "postgres"
import { type Connection, codeOf, openConnection, READ_ONLY } from "./connection.ts"
import { connectionLost } from "./socket.ts"

/** Connections that run one statement at a time each, so that no statement queues behind a slow one. */
export interface Pool {
  /**
   * Runs a statement on the next free connection. Rejects with the driver's error, or once waiting and running have
   * taken ANSWER_MAX_MS together; its connection is then destroyed, because nobody knows what it is still doing.
   */
  readonly use: <A>(statement: (sql: postgres.Sql) => PromiseLike<A>) => Promise<A>
  /** Running statements finish, waiting ones are refused. */
  readonly close: () => Promise<void>
}

/** The server cancels a statement after 10 s and says so; this is for a server or a network that stays silent. */
const ANSWER_MAX_MS = 13_000
/** How long the driver may take to report a loss with the server's reason. */
const LOSS_REPORT_MS = 100

interface Waiting {
  readonly resume: (connection: Connection) => void
  readonly refuse: (cause: Error) => void
}

/**
 * A pool of at most `size` connections, each opened when it is first needed.
 * @param role the role that each connection takes; null = the login's own
 */
export const makePool = (
  url: Redacted.Redacted<string>,
  size: number,
  role: string | null = null,
  answerMaxMs = ANSWER_MAX_MS
): Pool => {
  const connections = new Set<Connection>()
  const idle: Connection[] = []
  const waiting: Waiting[] = []
  const running = new Map<Connection, (cause: Error) => void>()
  let closed = false

  const open = (): Connection => {
    const connection: Connection = openConnection(url, {
      role,
      onClose: () => {
        connections.delete(connection)
        const index = idle.indexOf(connection)
        if (index >= 0) idle.splice(index, 1)
        // The driver usually rejects the statement itself, with the server's reason if there is one, but not always.
        const refuse = running.get(connection)
        if (refuse !== undefined) setTimeout(() => refuse(connectionLost()), LOSS_REPORT_MS)
        // A waiting statement gets a new connection in this one's place.
        if (!closed && waiting.length > 0 && connections.size < size) waiting.shift()?.resume(open())
      }
    })
    connections.add(connection)
    return connection
  }

  const take = (): Connection | undefined => idle.pop() ?? (connections.size < size ? open() : undefined)

  const give = (connection: Connection): void => {
    if (!connection.isOpen()) return
    const next = waiting.shift()
    if (next === undefined) idle.push(connection)
    else next.resume(connection)
  }

  /** A server that has become read-only keeps its connections; only new ones find the one that has replaced it. */
  const leaveServer = (found: Connection): void => {
    for (const connection of [found, ...idle]) connection.destroy()
  }

  const use: Pool["use"] = (statement) =>
    new Promise((resolve, reject) => {
      if (closed) return reject(new Error("the store is closed"))
      let over = false
      let used: Connection | undefined
      const finish = (act: () => void): void => {
        if (over) return
        over = true
        clearTimeout(timer)
        act()
      }
      const start = (connection: Connection): void => {
        if (over) {
          give(connection)
          return
        }
        used = connection
        running.set(connection, wait.refuse)
        connection
          .ready()
          .then(() => statement(connection.sql))
          .then(
            (answer) => finish(() => resolve(answer)),
            (cause) => {
              if (codeOf(cause) === READ_ONLY) leaveServer(connection)
              finish(() => reject(cause))
            }
          )
          .finally(() => {
            running.delete(connection)
            give(connection)
          })
      }
      const wait: Waiting = { resume: start, refuse: (cause) => finish(() => reject(cause)) }
      const timer = setTimeout(
        () =>
          finish(() => {
            const index = waiting.indexOf(wait)
            if (index >= 0) waiting.splice(index, 1)
            reject(new Error(`${used === undefined ? "no connection" : "no answer"} within ${answerMaxMs} ms`))
            used?.destroy()
          }),
        answerMaxMs
      )
      const free = take()
      if (free === undefined) waiting.push(wait)
      else start(free)
    })

  return {
    use,
    close: async () => {
      closed = true
      for (const { refuse } of waiting.splice(0)) refuse(new Error("the store is closed"))
      await Promise.all([...connections].map((connection) => connection.close()))
    }
  }
}

import type { Redacted } from "effect"
import type postgres from "postgres"
import { type Connection, connectionLost, openConnection } from "./connection.ts"

/** A number of connections, each with one statement at a time: a slow statement holds up no other behind it. */
export interface Pool {
  /**
   * Runs a statement on a free connection, or on the next that is. Rejects with the driver's error, or when it has
   * waited and run for ANSWER_MAX_MS; then its connection is ended, since nobody knows what it is still doing.
   */
  readonly use: <A>(statement: (sql: postgres.Sql) => PromiseLike<A>) => Promise<A>
  /** Statements that run are finished, those that wait are refused. */
  readonly close: () => Promise<void>
}

/** The server gives up after ten seconds and says so; this is for a server, or a network, that says nothing. */
const ANSWER_MAX_MS = 13_000
const LOSS_TOLD_MS = 100

interface Waiting {
  readonly resume: (connection: Connection) => void
  readonly refuse: (cause: Error) => void
}

export const makePool = (url: Redacted.Redacted<string>, size: number, answerMaxMs = ANSWER_MAX_MS): Pool => {
  const connections = new Set<Connection>()
  const idle: Connection[] = []
  const waiting: Waiting[] = []
  const running = new Map<Connection, (cause: Error) => void>()
  let closed = false

  const open = (): Connection => {
    const connection: Connection = openConnection(url, {
      onClose: () => {
        connections.delete(connection)
        const index = idle.indexOf(connection)
        if (index >= 0) idle.splice(index, 1)
        // The driver tells its statement, with the server's reason if there was one; but not always.
        const refuse = running.get(connection)
        if (refuse !== undefined) setTimeout(() => refuse(connectionLost()), LOSS_TOLD_MS)
        // Its place is free for one that waits.
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
        Promise.resolve()
          .then(() => statement(connection.sql))
          .then(
            (answer) => finish(() => resolve(answer)),
            (cause) => finish(() => reject(cause))
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

import { setTimeout as sleep } from "node:timers/promises"
import { Redacted } from "effect"
import { type Connection, openConnection } from "../postgres/driver/connection.ts"
import { type Cluster, SUPERUSER } from "./cluster.ts"
import type { Server } from "./server.ts"

/*
 * Who uses the server. Every gateway and command holds USED shared for its life; whoever leaves and gets it exclusively
 * was the last, and stops the server. A gateway holds OWNED besides, so that there is one for a folder.
 */
const USED = 7_246_002
const OWNED = 7_246_003

/** A killed gateway's connection may be seen as open for a moment. */
const OWNER_WAIT_MS = 1_500
const RETRY_MS = 250
const LEAVE_MAX_MS = 5_000

/** The folder has its gateway already. */
export class AlreadyOwned extends Error {}

export interface Usage {
  /** Gives the server up; true = nobody else uses it, and nobody can begin to: stop it. */
  readonly leave: () => Promise<boolean>
  /** After the server has stopped. */
  readonly close: () => Promise<void>
}

export const urlOf = (cluster: Cluster, server: Server): string =>
  `postgres://${SUPERUSER}:${cluster.password}@127.0.0.1:${server.port}/postgres`

/**
 * Joins the users of a running server; null = it is stopping or is not the server of this folder, so look again.
 * @param owner whether this is the folder's gateway
 */
export const joinServer = async (cluster: Cluster, server: Server, owner: boolean): Promise<Usage | null> => {
  const url = Redacted.make(urlOf(cluster, server))
  let left = false
  let connection: Connection | undefined

  const join = async (): Promise<boolean> => {
    const made = openConnection(url, {
      onClose: () => {
        if (connection === made && !left) void rejoin()
      }
    })
    try {
      // A copy of the folder carries the original's postmaster.pid and password: look whose data this is.
      const [row] = await made.sql<Array<{ used: boolean; folder: string }>>`
        select pg_try_advisory_lock_shared(${USED}) as used, current_setting('data_directory') as folder`
      const joined = row?.used === true && row.folder === cluster.folder
      if (joined && owner) await own(made)
      if (!joined || left) made.destroy()
      else connection = made
      return joined
    } catch (cause) {
      made.destroy()
      if (cause instanceof AlreadyOwned) throw cause
      return false
    }
  }

  /** After a crash of the server, which starts again by itself, the locks are taken again. */
  const rejoin = async (): Promise<void> => {
    connection = undefined
    for (let joined = false; !joined && !left; ) {
      await sleep(RETRY_MS)
      joined = await join().catch(() => false)
    }
  }

  const giveUp = async (): Promise<boolean> => {
    left = true
    if (connection === undefined) return owner
    await connection.sql`select pg_advisory_unlock_shared(${USED})`
    const [row] = await connection.sql<Array<{ last: boolean }>>`select pg_try_advisory_lock(${USED}) as last`
    return row?.last === true
  }

  if (!(await join())) return null
  return {
    leave: async () => {
      // A gateway does not leave a server behind that no longer answers.
      const silence = sleep(LEAVE_MAX_MS, owner, { ref: false })
      const last = await Promise.race([giveUp().catch(() => owner), silence])
      // The last one keeps its lock until the server is gone, so that nobody joins a server that is stopping.
      if (!last) await connection?.close()
      return last
    },
    close: async () => connection?.destroy()
  }
}

const own = async ({ sql }: Connection): Promise<void> => {
  const deadline = Date.now() + OWNER_WAIT_MS
  for (;;) {
    const [row] = await sql<Array<{ owned: boolean }>>`select pg_try_advisory_lock(${OWNED}) as owned`
    if (row?.owned === true) return
    if (Date.now() > deadline) throw new AlreadyOwned()
    await sleep(RETRY_MS)
  }
}

import { setTimeout as sleep } from "node:timers/promises"
import { Redacted } from "effect"
import { type Connection, codeOf, openConnection } from "../postgres/driver/connection.ts"
import { type Cluster, RUNTIME, SUPERUSER } from "./cluster.ts"
import type { Server } from "./server.ts"

/*
 * Who uses the server, by advisory locks. Every gateway and command holds USED shared while it runs; whoever leaves and
 * gets USED exclusively was the last user, and stops the server. A gateway also holds OWNED, so that a folder has only
 * one.
 */
const USED = 7_246_002
const OWNED = 7_246_003

/** The connection of a gateway that was just killed may hold its lock for a moment. */
const OWNER_WAIT_MS = 1_500
const RETRY_MS = 250
const LEAVE_MAX_MS = 5_000

/** Another gateway runs on the folder. */
export class AlreadyOwned extends Error {}

/** This process's use of the server. */
export interface Usage {
  /** Ends the use, within 5 s. true = nobody else uses the server and nobody can join it: the caller stops it. */
  readonly leave: () => Promise<boolean>
  /** Drops the connection once the server has stopped. */
  readonly close: () => Promise<void>
}

/** The two URLs of a server; they hold passwords. */
export interface Urls {
  /** The gateway's and the commands'. */
  readonly url: Redacted.Redacted<string>
  /** The superuser's, for migrations. */
  readonly ownerUrl: Redacted.Redacted<string>
}

export const urlsOf = (cluster: Cluster, { socketFolder, port }: Server): Urls => {
  const host = socketFolder === null ? "127.0.0.1" : encodeURIComponent(socketFolder)
  const urlOf = (user: string, password: string) =>
    Redacted.make(`postgres://${user}:${password}@${host}:${port}/postgres`)
  return { url: urlOf(RUNTIME, cluster.runtimePassword), ownerUrl: urlOf(SUPERUSER, cluster.password) }
}

/**
 * Joins the users of a running server; null = it is stopping or serves another folder, so the caller looks again.
 * Rejects with AlreadyOwned when the folder has another gateway.
 * @param owner whether the caller is a gateway
 */
export const joinServer = async (cluster: Cluster, server: Server, owner: boolean): Promise<Usage | null> => {
  const { url, ownerUrl } = urlsOf(cluster, server)
  let left = false
  let connection: Connection | undefined

  const join = async (): Promise<boolean> => {
    if (!(await serves(cluster, ownerUrl).catch(() => false))) return false
    const made = openConnection(url, {
      onClose: () => {
        if (connection === made && !left) void rejoin()
      }
    })
    try {
      const [row] = await made.sql<Array<{ used: boolean }>>`select pg_try_advisory_lock_shared(${USED}) as used`
      const joined = row?.used === true
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

  /** Takes the locks again after a crash of the server, which restarts by itself or is started again by its gateway. */
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
      // If the server does not answer, a gateway counts as the last user and does not leave the server behind.
      const silence = sleep(LEAVE_MAX_MS, owner, { ref: false })
      const last = await Promise.race([giveUp().catch(() => owner), silence])
      // The last user keeps its lock until the server is gone, so that nobody joins a server that is stopping.
      if (!last) await connection?.close()
      return last
    },
    close: async () => connection?.destroy()
  }
}

/**
 * Whether the server serves this cluster: a copied folder carries the original's postmaster.pid and password. Makes the
 * runtime's login, which is a member of nothing, where an earlier version has made the cluster or it is new.
 */
const serves = async (cluster: Cluster, ownerUrl: Redacted.Redacted<string>): Promise<boolean> => {
  const { sql, close } = openConnection(ownerUrl)
  try {
    const [row] = await sql<Array<{ folder: string; known: boolean }>>`
      select current_setting('data_directory') as folder,
        exists (select from pg_roles where rolname = ${RUNTIME}) as known`
    if (row?.folder !== cluster.folder) return false
    if (!row.known) {
      // Base64url: nothing in it has to be quoted.
      await sql.unsafe(`create role ${RUNTIME} login password '${cluster.runtimePassword}'`).catch((cause: unknown) => {
        // Another process made it at the same time.
        if (!["42710", "23505"].includes(codeOf(cause))) throw cause
      })
    }
    return true
  } finally {
    await close()
  }
}

/** Takes OWNED; rejects with AlreadyOwned when another gateway keeps it for 1.5 s. */
const own = async ({ sql }: Connection): Promise<void> => {
  const deadline = Date.now() + OWNER_WAIT_MS
  for (;;) {
    const [row] = await sql<Array<{ owned: boolean }>>`select pg_try_advisory_lock(${OWNED}) as owned`
    if (row?.owned === true) return
    if (Date.now() > deadline) throw new AlreadyOwned()
    await sleep(RETRY_MS)
  }
}

import { setTimeout as sleep } from "node:timers/promises"
import postgres from "postgres"
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
  let left = false
  let repairing = false
  const sql = postgres(urlOf(cluster, server), {
    max: 1,
    max_lifetime: null,
    connect_timeout: 4,
    backoff: () => RETRY_MS / 1000,
    fetch_types: false,
    onnotice: () => {},
    connection: { application_name: owner ? "payhub (gateway)" : "payhub (command)" },
    onclose: () => void repair()
  })

  /** After a restart of the server (its own after a crash, say) the locks are taken again. */
  const repair = async (): Promise<void> => {
    if (left || repairing) return
    repairing = true
    for (let held = false; !left && !held; ) {
      await sleep(RETRY_MS)
      held = await take().catch(() => false)
    }
    repairing = false
  }

  const take = async (): Promise<boolean> => {
    const [row] = await sql<Array<{ used: boolean }>>`select pg_try_advisory_lock_shared(${USED}) as used`
    if (row?.used !== true) return false
    if (owner) await sql`select pg_try_advisory_lock(${OWNED})`
    return true
  }

  const abandon = async (): Promise<null> => {
    left = true
    await sql.end({ timeout: 0 }).catch(() => undefined)
    return null
  }

  try {
    // A copy of the folder carries the original's postmaster.pid and password: look whose data this is.
    const [row] = await sql<Array<{ used: boolean; folder: string }>>`
      select pg_try_advisory_lock_shared(${USED}) as used, current_setting('data_directory') as folder`
    if (row?.used !== true || row.folder !== cluster.folder) return await abandon()
    if (owner) await own(sql)
  } catch (cause) {
    await abandon()
    if (cause instanceof AlreadyOwned) throw cause
    return null
  }

  const giveUp = async (): Promise<boolean> => {
    await sql`select pg_advisory_unlock_shared(${USED})`
    const [row] = await sql<Array<{ last: boolean }>>`select pg_try_advisory_lock(${USED}) as last`
    return row?.last === true
  }

  return {
    leave: async () => {
      left = true
      // A gateway does not leave a server behind that no longer answers.
      const silence = sleep(LEAVE_MAX_MS, owner, { ref: false })
      const last = await Promise.race([
        giveUp()
          .catch(giveUp)
          .catch(() => owner),
        silence
      ])
      // The last one keeps its lock until the server is gone, so that nobody joins a server that is stopping.
      if (!last) await sql.end({ timeout: 1 }).catch(() => undefined)
      return last
    },
    close: () => sql.end({ timeout: 0 }).catch(() => undefined)
  }
}

const own = async (sql: postgres.Sql): Promise<void> => {
  const deadline = Date.now() + OWNER_WAIT_MS
  for (;;) {
    const [row] = await sql<Array<{ owned: boolean }>>`select pg_try_advisory_lock(${OWNED}) as owned`
    if (row?.owned === true) return
    if (Date.now() > deadline) throw new AlreadyOwned()
    await sleep(RETRY_MS)
  }
}

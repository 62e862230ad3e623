import { realpath } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { Effect, Layer, Redacted, type Scope } from "effect"
import { StartRefused } from "../../core/config/start-refused.ts"
import type { Plugin } from "../../core/start/plugin.ts"
import { openPersistence } from "../postgres/index.ts"
import { type Binaries, findBinaries } from "./binaries.ts"
import { type Cluster, isAlive, openCluster } from "./cluster.ts"
import { ensureServer, type Server, stopServer } from "./server.ts"
import { AlreadyOwned, joinServer, type Usage, urlOf } from "./usage.ts"

export interface EmbeddedPostgresOptions {
  /** Absolute; the database is in its folder `postgres`, the server's log in `postgres.log`. */
  readonly dataFolder: string
  /** `gateway`: the only one of its folder. `command`: beside a running gateway, or alone. */
  readonly mode: "gateway" | "command"
}

/**
 * A real PostgreSQL of its own in the data folder, for those who have none: started when first needed, joined when it
 * runs already, stopped by the last who uses it.
 */
export const embeddedPostgres = (options: EmbeddedPostgresOptions): Plugin => ({
  name: "embedded-postgres",
  persistence: Layer.effectContext(
    Effect.gen(function* () {
      const url = yield* openEmbedded(options)
      // The server is small; a command makes a handful of calls.
      return yield* openPersistence({ url, maxConnections: options.mode === "gateway" ? 10 : 2 }).pipe(
        Effect.mapError(({ message }) => refuse(message.replaceAll("DATABASE_URL", options.dataFolder)))
      )
    })
  )
})

/** The embedded server's URL; it is given up with the scope. */
export const openEmbedded = (
  options: EmbeddedPostgresOptions
): Effect.Effect<Redacted.Redacted<string>, StartRefused, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.tryPromise({ try: () => acquire(options), catch: (cause) => refusalOf(options, cause) }),
    (running) =>
      Effect.promise(async () => {
        if (!(await running.usage.leave())) return
        await stopServer(running.cluster, running.server)
        await running.usage.close()
      })
  ).pipe(
    // Ended before the server is: whoever stops it must not see it come back.
    Effect.tap((running) =>
      options.mode === "gateway" ? Effect.forkScoped(keepAlive(options, running)) : Effect.void
    ),
    Effect.map(({ cluster, server }) => Redacted.make(urlOf(cluster, server)))
  )

/** How soon a server that has died is missed. */
const LOOK_MS = 500

/** Starts the server anew, on its port, when it was killed under a running gateway (the system was out of memory …). */
const keepAlive = ({ dataFolder }: EmbeddedPostgresOptions, running: Running): Effect.Effect<void> =>
  Effect.forever(
    Effect.gen(function* () {
      yield* Effect.sleep(LOOK_MS)
      if (isAlive(running.server.pid)) return
      yield* Effect.logError("the embedded PostgreSQL has died; starting it again", { data: dataFolder })
      // Not to be interrupted between a start and our knowing of it.
      yield* Effect.uninterruptible(
        Effect.tryPromise(async () => {
          const { cluster, server } = running
          const binaries = await findBinaries()
          const options = { logFile: join(dataFolder, "postgres.log"), port: server.port }
          // Our usage, and the store's connections, find it there by themselves.
          running.server = await ensureServer(binaries, cluster, options)
        })
      )
      yield* Effect.logInfo("the embedded PostgreSQL runs again")
    }).pipe(
      Effect.catch((failure) =>
        Effect.logError("the embedded PostgreSQL does not start", { cause: String(failure.cause) })
      )
    )
  )

interface Running {
  readonly cluster: Cluster
  /** Another one after the server has died. */
  server: Server
  readonly usage: Usage
}

const JOIN_MAX_MS = 60_000

const acquire = async ({ dataFolder, mode }: EmbeddedPostgresOptions): Promise<Running> => {
  const binaries: Binaries = await findBinaries()
  const opened = await openCluster(binaries, join(dataFolder, "postgres"))
  // PostgreSQL names its folder by its real path, and so do we when we compare.
  const cluster = { ...opened, folder: await realpath(opened.folder) }
  const deadline = Date.now() + JOIN_MAX_MS
  while (Date.now() < deadline) {
    const server = await ensureServer(binaries, cluster, { logFile: join(dataFolder, "postgres.log") })
    const usage = await joinServer(cluster, server, mode === "gateway")
    if (usage !== null) return { cluster, server, usage }
    await sleep(50)
  }
  throw new Error("its server runs, but refuses our connections")
}

const refuse = (message: string): StartRefused => new StartRefused({ variable: "PAYHUB_DATA", message })

const refusalOf = ({ dataFolder }: EmbeddedPostgresOptions, cause: unknown): StartRefused => {
  if (cause instanceof AlreadyOwned) {
    return refuse(`Another gateway is running on ${dataFolder}; stop it, or give this one a PAYHUB_DATA of its own.`)
  }
  const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : ""
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    return refuse(
      `PayHub may not write to ${dataFolder}; make it writable for this user, or set PAYHUB_DATA to a folder that is.`
    )
  }
  if (code === "ENOSPC") return refuse(`The disk of ${dataFolder} is full.`)
  if (code === "ENOTDIR" || code === "EEXIST") return refuse(`${dataFolder} is not a folder; set PAYHUB_DATA to one.`)
  const why = cause instanceof Error ? cause.message : String(cause)
  return refuse(`The embedded PostgreSQL in ${dataFolder} did not start: ${why}. Set DATABASE_URL to use another one.`)
}

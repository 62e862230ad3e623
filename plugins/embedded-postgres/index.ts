import { realpath } from "node:fs/promises"
import { join } from "node:path"
import process from "node:process"
import { setTimeout as sleep } from "node:timers/promises"
import { Effect, Layer, type Scope } from "effect"
import { StartRefused } from "../../core/config/start-refused.ts"
import type { Plugin } from "../../core/start/plugin.ts"
import { openPersistence } from "../postgres/index.ts"
import { type Binaries, findBinaries } from "./binaries.ts"
import { type Cluster, isAlive, openCluster } from "./cluster.ts"
import { ensureServer, type Server, stopServer } from "./server.ts"
import { AlreadyOwned, joinServer, type Urls, type Usage, urlsOf } from "./usage.ts"

export interface EmbeddedPostgresOptions {
  /** Absolute path. The database is in its folder `postgres`, the server's log in `postgres.log`. */
  readonly dataFolder: string
  /** `gateway`: the only gateway on its folder. `command`: a command beside a running gateway, or alone. */
  readonly mode: "gateway" | "command"
}

/**
 * A real PostgreSQL in the data folder, for those who have no server: started when it is first needed, joined when it
 * is running, stopped by its last user. Fails with StartRefused when the folder or the server cannot be used.
 */
export const embeddedPostgres = (options: EmbeddedPostgresOptions): Plugin => ({
  name: "embedded-postgres",
  persistence: Layer.effectContext(
    Effect.gen(function* () {
      const urls = yield* openEmbedded(options)
      // The server allows few connections, and a command runs a handful of statements.
      return yield* openPersistence({ ...urls, maxConnections: options.mode === "gateway" ? 10 : 2 }).pipe(
        Effect.mapError(({ message }) =>
          refuse(message.replaceAll(/DATABASE_URL|PAYHUB_OWNER_URL/g, options.dataFolder))
        )
      )
    })
  )
})

/** The URLs of the embedded server, which is in use until the scope closes. Fails with StartRefused. */
export const openEmbedded = (options: EmbeddedPostgresOptions): Effect.Effect<Urls, StartRefused, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.tryPromise({ try: () => acquire(options), catch: (cause) => refusalOf(options, cause) }),
    (running) =>
      Effect.promise(async () => {
        if (!(await running.usage.leave())) return
        await stopServer(running.cluster, running.server)
        await running.usage.close()
      })
  ).pipe(
    // This fiber ends before the server is stopped, so that it cannot start the server again.
    Effect.tap((running) =>
      options.mode === "gateway" ? Effect.forkScoped(keepAlive(options, running)) : Effect.void
    ),
    Effect.map(({ cluster, server }) => urlsOf(cluster, server))
  )

/** How often a gateway looks whether its server runs. */
const LOOK_MS = 500

/**
 * Starts the server again in its old place when it is killed under a running gateway (by the OOM killer, for example).
 */
const keepAlive = ({ dataFolder }: EmbeddedPostgresOptions, running: Running): Effect.Effect<void> =>
  Effect.forever(
    Effect.gen(function* () {
      yield* Effect.sleep(LOOK_MS)
      if (isAlive(running.server.pid)) return
      yield* Effect.logError("the embedded PostgreSQL has died; starting it again", { data: dataFolder })
      // An interruption between the start and the assignment would leave a server that nobody stops.
      yield* Effect.uninterruptible(
        Effect.tryPromise(async () => {
          const { cluster, server } = running
          const binaries = await findBinaries()
          const options = { logFile: join(dataFolder, "postgres.log"), place: server }
          // Our usage and the store's connections reconnect by themselves.
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
  /** Replaced when the server has died and was started again. */
  server: Server
  readonly usage: Usage
}

const JOIN_MAX_MS = 60_000

const acquire = async ({ dataFolder, mode }: EmbeddedPostgresOptions): Promise<Running> => {
  const binaries: Binaries = await findBinaries()
  const opened = await openCluster(binaries, join(dataFolder, "postgres"))
  // PostgreSQL reports its data folder as a real path, and joinServer compares the two.
  const cluster = { ...opened, folder: await realpath(opened.folder) }
  const deadline = Date.now() + JOIN_MAX_MS
  while (Date.now() < deadline) {
    const server = await ensureServer(binaries, cluster, { logFile: join(dataFolder, "postgres.log") })
    const usage = await joinServer(cluster, server, mode === "gateway")
    const outdated = mode === "gateway" && server.socketFolder === null && process.platform !== "win32"
    if (usage !== null && !outdated) return { cluster, server, usage }
    // A killed gateway of an earlier version left a server on TCP; it starts again on its socket.
    if (usage !== null && (await usage.leave())) {
      await stopServer(cluster, server)
      await usage.close()
    }
    await sleep(50)
  }
  throw new Error("its server runs but refuses connections")
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

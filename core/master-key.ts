import { randomBytes } from "node:crypto"
import { mkdir, open, readFile } from "node:fs/promises"
import { join } from "node:path"
import { Effect, Redacted } from "effect"
import { type GatewayConfig, isMasterKey } from "./config.ts"
import { Persistence } from "./pipeline/persistence.ts"
import { Vault } from "./pipeline/vault.ts"
import { StartRefused } from "./plugin.ts"

const FILE = "master.key"

/** The master key: PAYHUB_MASTER_KEY, else the data folder's key file, made (0600) at the first start. */
export const masterKeyOf = (config: GatewayConfig): Effect.Effect<Redacted.Redacted<string>, StartRefused> => {
  if (config.masterKey !== null) return Effect.succeed(config.masterKey)
  const path = join(config.dataFolder, FILE)
  return Effect.tryPromise({
    try: async () => {
      await mkdir(config.dataFolder, { recursive: true, mode: 0o700 })
      try {
        // "wx": of two first starts at once one makes the key, the other reads it.
        const file = await open(path, "wx", 0o600)
        await file.writeFile(`${randomBytes(32).toString("base64")}\n`)
        await file.sync()
        await file.close()
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error
      }
      return (await readFile(path, "utf8")).trim()
    },
    catch: (error) =>
      new StartRefused({
        variable: "PAYHUB_DATA",
        message: `PAYHUB_DATA: the key file ${path} can be neither read nor made (${error instanceof Error && "code" in error ? error.code : "unknown reason"}).`
      })
  }).pipe(
    Effect.filterOrFail(
      isMasterKey,
      () =>
        new StartRefused({
          variable: "PAYHUB_MASTER_KEY",
          message: `PAYHUB_MASTER_KEY is not set and ${path} does not hold a key (32 bytes in Base64); restore it from your backup.`
        })
    ),
    Effect.map((key) => Redacted.make(key))
  )
}

/** What a database was first opened with is what it opens with: a lost key shows at the start, not at the first order. */
export const checkMasterKey = Effect.gen(function* () {
  const { book } = yield* Persistence
  const vault = yield* Vault
  const stored = yield* book.update("payhub", "key-check", (value) =>
    value === null ? { sealed: vault.seal(Redacted.make("payhub"), "key-check") } : value
  )
  yield* vault.open(String(stored.sealed), "key-check")
}).pipe(
  Effect.catchTag("VaultRefused", () =>
    Effect.fail(
      new StartRefused({
        variable: "PAYHUB_MASTER_KEY",
        message:
          "PAYHUB_MASTER_KEY is not the key that this database was sealed with; start with the key it was made with."
      })
    )
  ),
  Effect.catchTag("StoreUnavailable", () =>
    Effect.fail(
      new StartRefused({ variable: "DATABASE_URL", message: "The database stopped answering during the start." })
    )
  )
)

import { randomBytes } from "node:crypto"
import { readFileSync } from "node:fs"
import { mkdir, open, readFile, rename } from "node:fs/promises"
import { join } from "node:path"
import { Effect, Redacted } from "effect"
import type { GatewayConfig } from "../config/gateway-config.ts"
import { StartRefused } from "../config/start-refused.ts"
import type { MasterKeys } from "./vault.ts"

/** The key file: one key per line, the current one first; more than one only during a rotation. */
const pathOf = (config: GatewayConfig): string => join(config.dataFolder, "master.key")

/** The master key: PAYHUB_MASTER_KEY, else the data folder's key file, which the first start makes (mode 0600). */
export const masterKeysOf = (config: GatewayConfig): Effect.Effect<MasterKeys, StartRefused> => {
  const { masterKey, masterKeyOld } = config
  if (masterKey !== null) {
    return Effect.succeed({ current: masterKey, others: () => (masterKeyOld === null ? [] : [masterKeyOld]) })
  }
  const path = pathOf(config)
  return Effect.tryPromise({
    try: async () => {
      await makeKeyFile(config, path)
      return keysIn(await readFile(path, "utf8"))
    },
    catch: (error) =>
      new StartRefused({
        variable: "PAYHUB_DATA",
        message: `PAYHUB_DATA: the key file ${path} can be neither read nor made (${error instanceof Error && "code" in error ? error.code : "unknown reason"}).`
      })
  }).pipe(
    Effect.flatMap(([current]) =>
      current === undefined
        ? Effect.fail(
            new StartRefused({
              variable: "PAYHUB_MASTER_KEY",
              message: `PAYHUB_MASTER_KEY is not set and ${path} does not hold a key (32 bytes in Base64); restore it from your backup.`
            })
          )
        : Effect.succeed({ current, others: () => keysIn(readFileSync(path, "utf8")) })
    )
  )
}

const makeKeyFile = async (config: GatewayConfig, path: string): Promise<void> => {
  await mkdir(config.dataFolder, { recursive: true, mode: 0o700 })
  try {
    // "wx": of two concurrent first starts, one makes the file and the other reads it.
    const file = await open(path, "wx", 0o600)
    await file.writeFile(`${newKey()}\n`)
    await file.sync()
    await file.close()
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error
  }
}

const newKey = (): string => randomBytes(32).toString("base64")

/** The keys of a file; none if any line is not a key, because half a file must not look like the end of a rotation. */
const keysIn = (text: string): ReadonlyArray<Redacted.Redacted<string>> => {
  const lines = text.split("\n").filter((line) => line.trim() !== "")
  return lines.every((line) => isMasterKey(line.trim())) ? lines.map((line) => Redacted.make(line.trim())) : []
}

/** Puts a new key in front of the file's keys: it seals from now on, the older ones still open. */
export const addFileKey = async (config: GatewayConfig): Promise<MasterKeys> => {
  const path = pathOf(config)
  const current = Redacted.make(newKey())
  const olds = keysIn(await readFile(path, "utf8"))
  await replaceFile(path, [current, ...olds])
  return { current, others: () => olds }
}

/** Keeps only the current key, once everything has been resealed with it. */
export const dropOldFileKeys = ({ dataFolder }: GatewayConfig, { current }: MasterKeys): Promise<void> =>
  replaceFile(join(dataFolder, "master.key"), [current])

/** Replaces the file atomically: after a crash there is either the old file or the new one. */
const replaceFile = async (path: string, keys: ReadonlyArray<Redacted.Redacted<string>>): Promise<void> => {
  const draft = `${path}.${process.pid}`
  const file = await open(draft, "w", 0o600)
  await file.writeFile(keys.map((key) => `${Redacted.value(key)}\n`).join(""))
  await file.sync()
  await file.close()
  await rename(draft, path)
}

/** 32 bytes in Base64, with or without padding. */
export const isMasterKey = (text: string): boolean =>
  /^[A-Za-z0-9+/]{43}=?$/.test(text) && Buffer.from(text, "base64").length === 32

import { randomBytes } from "node:crypto"
import { existsSync, readFileSync } from "node:fs"
import { link, mkdir, open, readFile, rename, rm } from "node:fs/promises"
import { dirname, join } from "node:path"
import { Effect, Redacted } from "effect"
import type { GatewayConfig } from "../config/gateway-config.ts"
import { StartRefused } from "../config/start-refused.ts"
import type { MasterKeys } from "./vault.ts"

/** The key file: one key per line, the current one first; more than one only during a rotation. */
const pathOf = (config: GatewayConfig): string => join(config.dataFolder, "master.key")

/**
 * The master key: PAYHUB_MASTER_KEY, else the data folder's key file.
 * @param absent what to do without a key file: the first start makes it (mode 0600), a command refuses
 */
export const masterKeysOf = (
  config: GatewayConfig,
  absent: "make" | "refuse"
): Effect.Effect<MasterKeys, StartRefused> => {
  const { masterKey, masterKeyOld } = config
  if (masterKey !== null) {
    return Effect.succeed({ current: masterKey, others: () => (masterKeyOld === null ? [] : [masterKeyOld]) })
  }
  const path = pathOf(config)
  return Effect.tryPromise({
    try: async () => {
      if (absent === "make") await makeKeyFile(config, path)
      return keysIn(await readFile(path, "utf8"))
    },
    catch: (error) =>
      new StartRefused({
        variable: "PAYHUB_DATA",
        message: isAbsent(error)
          ? `There is no master key in ${path}; set PAYHUB_MASTER_KEY, or PAYHUB_DATA to the folder of a gateway that has been started.`
          : `PAYHUB_DATA: the key file ${path} can be neither read nor made (${error instanceof Error && "code" in error ? error.code : "unknown reason"}).`
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

const isAbsent = (error: unknown): boolean => error instanceof Error && "code" in error && error.code === "ENOENT"

const makeKeyFile = async (config: GatewayConfig, path: string): Promise<void> => {
  if (existsSync(path)) return
  await mkdir(config.dataFolder, { recursive: true, mode: 0o700 })
  const draft = await writeDraft(path, [Redacted.make(newKey())])
  try {
    // Of two concurrent first starts, one makes the file and the other reads it; neither sees it empty.
    await link(draft, path)
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error
  } finally {
    await rm(draft)
  }
  await syncFolder(config.dataFolder)
}

const newKey = (): string => randomBytes(32).toString("base64")

/** The keys of a file; none if any line is not a key, because half a file must not look like the end of a rotation. */
const keysIn = (text: string): ReadonlyArray<Redacted.Redacted<string>> => {
  const lines = text.split("\n").filter((line) => line.trim() !== "")
  return lines.every((line) => isMasterKey(line.trim())) ? lines.map((line) => Redacted.make(line.trim())) : []
}

/**
 * Puts a new key in front of the file's keys: it seals from now on, the older ones still open.
 * @returns the keys, and the file to which the old ones have been copied, because database backups are sealed with them
 */
export const addFileKey = async (
  config: GatewayConfig,
  now: Date
): Promise<{ readonly keys: MasterKeys; readonly kept: string }> => {
  const path = pathOf(config)
  const current = Redacted.make(newKey())
  const olds = keysIn(await readFile(path, "utf8"))
  const kept = `${path}.${now.toISOString().replaceAll(/[-:]|\.\d+/g, "")}`
  await rename(await writeDraft(kept, olds), kept)
  await replaceFile(path, [current, ...olds])
  return { keys: { current, others: () => olds }, kept }
}

/** Keeps only the current key, once everything has been resealed with it. */
export const dropOldFileKeys = (config: GatewayConfig, { current }: MasterKeys): Promise<void> =>
  replaceFile(pathOf(config), [current])

/** Replaces the file atomically: after a crash there is either the old file or the new one. */
const replaceFile = async (path: string, keys: ReadonlyArray<Redacted.Redacted<string>>): Promise<void> => {
  await rename(await writeDraft(path, keys), path)
  await syncFolder(dirname(path))
}

/** Writes keys durably beside a path and returns the draft's path. */
const writeDraft = async (path: string, keys: ReadonlyArray<Redacted.Redacted<string>>): Promise<string> => {
  const draft = `${path}.${process.pid}`
  const file = await open(draft, "w", 0o600)
  try {
    await file.writeFile(keys.map((key) => `${Redacted.value(key)}\n`).join(""))
    await file.sync()
  } finally {
    await file.close()
  }
  return draft
}

/** Makes a folder's new names durable. */
const syncFolder = async (folder: string): Promise<void> => {
  const opened = await open(folder, "r")
  try {
    await opened.sync()
  } finally {
    await opened.close()
  }
}

/** 32 bytes in Base64, with or without padding. */
export const isMasterKey = (text: string): boolean =>
  /^[A-Za-z0-9+/]{43}=?$/.test(text) && Buffer.from(text, "base64").length === 32

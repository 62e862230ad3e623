import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"

/*
 * Over the whole test run no gateway may write one of its own secrets, in a log or in an answer. tests/attack/secrets
 * looks deeper, at one gateway's whole life: encoded forms, dumps, timelines.
 */

/** Settings that are secrets, or URLs with a password. */
const SECRET_SETTINGS = ["PAYHUB_MASTER_KEY", "PAYHUB_MASTER_KEY_OLD", "PAYHUB_METRICS_TOKEN"]
const URL_SETTINGS = ["DATABASE_URL", "REDIS_URL"]
/** Of the data folder: a secret in each line. */
const SECRET_FILES = ["master.key", "postgres/payhub.password"]

/** Shorter ones are words that stand in a log by chance. */
const LENGTH_MIN = 12

/** The secrets among a gateway's settings, and those that it made for itself. */
export const secretsOf = (env: Readonly<Record<string, string>>, dataFolder: string): ReadonlyArray<string> => [
  ...SECRET_FILES.map((name) => join(dataFolder, name))
    .filter((path) => existsSync(path))
    .flatMap((path) => readFileSync(path, "utf8").split("\n")),
  ...SECRET_SETTINGS.map((name) => env[name] ?? ""),
  ...URL_SETTINGS.map((name) => /^[\w+]+:\/\/[^/@]*:([^/@]+)@/.exec(env[name] ?? "")?.[1] ?? "")
]

/** @param where who wrote it; the secret itself is not repeated in the error */
export const mustHoldNoSecret = (where: string, text: string, secrets: Iterable<string>): void => {
  for (const secret of secrets) {
    if (secret.length < LENGTH_MIN || !text.includes(secret)) continue
    throw new Error(`${where} holds a secret: ${text.replaceAll(secret, "<THE SECRET>").slice(0, 4_000)}`)
  }
}

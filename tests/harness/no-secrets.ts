import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"

/*
 * In the whole test run no gateway may write one of its own secrets into a log or an answer. tests/attack/secrets.test.ts
 * looks deeper into the life of one gateway: encoded forms, dumps, timelines.
 */

/** Settings that are secrets, and those that are URLs with a password. */
const SECRET_SETTINGS = ["PAYHUB_MASTER_KEY", "PAYHUB_MASTER_KEY_OLD", "PAYHUB_METRICS_TOKEN"]
const URL_SETTINGS = ["DATABASE_URL", "PAYHUB_OWNER_URL", "REDIS_URL"]
/** Files of the data folder with a secret in each line. */
const SECRET_FILES = ["master.key", "postgres/payhub.password"]

/** Shorter texts appear in a log by chance. */
const LENGTH_MIN = 12

/** The secrets among a gateway's settings, and those that it generated itself. */
export const secretsOf = (env: Readonly<Record<string, string>>, dataFolder: string): ReadonlyArray<string> => [
  ...SECRET_FILES.map((name) => join(dataFolder, name))
    .filter((path) => existsSync(path))
    .flatMap((path) => readFileSync(path, "utf8").split("\n")),
  ...SECRET_SETTINGS.map((name) => env[name] ?? ""),
  ...URL_SETTINGS.map((name) => /^[\w+]+:\/\/[^/@]*:([^/@]+)@/.exec(env[name] ?? "")?.[1] ?? "")
]

/** @param where names the text in the error, which does not repeat the secret. @throws where the text holds a secret */
export const mustHoldNoSecret = (where: string, text: string, secrets: Iterable<string>): void => {
  for (const secret of secrets) {
    if (secret.length < LENGTH_MIN || !text.includes(secret)) continue
    throw new Error(`${where} holds a secret: ${text.replaceAll(secret, "<THE SECRET>").slice(0, 4_000)}`)
  }
}

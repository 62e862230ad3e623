import { Cause } from "effect"
import type { StartRefused } from "../config/start-refused.ts"
import type { StoreUnavailable } from "../domain/errors.ts"
import { type AnyOperation, InputInvalid, type OperatorFailure } from "../operator/operation.ts"
import type { Typing } from "./command.ts"

/** Exit codes: done; not done, with the reason printed; not understood. */
export const DONE = 0
export const REFUSED = 1
export const WRONG_USAGE = 2

/** Why a command was not done. */
export interface Failure {
  readonly code: typeof REFUSED | typeof WRONG_USAGE
  /** Plain sentences without secrets; `field` is the argument or flag at fault, such as `--allow-ip`. */
  readonly problems: ReadonlyArray<{ readonly field: string | null; readonly message: string }>
  /** The command whose `--help` shows what it takes, if that would help. */
  readonly help: string | null
}

/** A failure as standard error shows it: sentences, or with `--json` one JSON document. */
export const failureText = ({ problems, help }: Failure, json: boolean): string => {
  if (json) return `${JSON.stringify({ error: { problems, help } }, null, 2)}\n`
  const lines = problems.map(({ field, message }) => (field === null ? message : `${field}: ${message}`))
  if (help !== null) lines.push(`\`${help} --help\` shows what it takes.`)
  return `${lines.join("\n")}\n`
}

/** What a cause says to the operator. */
export const failureOf = (
  env: Readonly<Record<string, string | undefined>>,
  cause: Cause.Cause<unknown>,
  operation?: AnyOperation,
  typings: ReadonlyArray<Typing> = []
): Failure => {
  const failure = Cause.findErrorOption(cause)
  const error = failure._tag === "Some" ? (failure.value as OperatorFailure | StartRefused) : undefined
  if (error instanceof InputInvalid) {
    const labels = new Map(typings.map(({ key, label }) => [key, label]))
    return {
      code: WRONG_USAGE,
      problems: error.problems.map(({ field, message }) => ({ field: labels.get(field) ?? null, message })),
      help: operation === undefined ? null : `payhub ${operation.name.replace(".", " ")}`
    }
  }
  const message = error === undefined ? unexpected(env, cause) : sentenceOf(error)
  return { code: REFUSED, problems: [{ field: null, message }], help: null }
}

const sentenceOf = (error: Exclude<OperatorFailure, InputInvalid> | StartRefused): string =>
  error._tag === "StoreUnavailable" ? storeSentence(error) : error.message

const storeSentence = ({ store }: StoreUnavailable): string =>
  `The store (${store}) did not answer. Nobody knows whether this was done: check before you do it again.`

/** Variables whose values are secret; no message of ours or of a library may show them. */
const SECRET_VARIABLES = [
  "DATABASE_URL",
  "PAYHUB_OWNER_URL",
  "REDIS_URL",
  "PAYHUB_MASTER_KEY",
  "PAYHUB_MASTER_KEY_OLD",
  "PAYHUB_METRICS_TOKEN"
]

const unexpected = (env: Readonly<Record<string, string | undefined>>, cause: Cause.Cause<unknown>): string => {
  const defect = Cause.squash(cause)
  let text = defect instanceof Error ? `${defect.name}: ${defect.message}` : String(defect)
  for (const variable of SECRET_VARIABLES) {
    const secret = env[variable]
    if (secret !== undefined && secret !== "") text = text.replaceAll(secret, `<${variable}>`)
  }
  return `Unexpected error: ${text}`
}

import type { CashierError } from "../../domain/errors.ts"
import type { Language } from "../../domain/language.ts"
import type { BilingualAnswer, Row } from "./row.ts"
import { ROWS } from "./rows.ts"

/** An error's answer as the caller gets it. */
export interface ErrorAnswer {
  /** The HTTP status, also the envelope's `code`. */
  readonly code: number
  readonly message: string
  readonly data: Readonly<Record<string, unknown>> | null
  readonly headers: Readonly<Record<string, string>>
}

/** The caller that an answer is for. */
interface Caller {
  readonly language: Language
  readonly requestId: string
}

/** The answer to an error. */
export const answerTo = (error: CashierError, caller: Caller): ErrorAnswer => {
  const row = ROWS[error._tag] as Row<CashierError>
  return answerIn("answer" in row ? row.answer(error, caller.language) : row, caller)
}

/** An answer in the caller's language. A 500 carries the request id, which the merchant quotes to the operator. */
export const answerIn = (
  { code, message, data = null, headers = {} }: BilingualAnswer,
  { language, requestId }: Caller
): ErrorAnswer => ({
  code,
  message: message[language],
  data: code === 500 ? { ...data, request_id: requestId } : data,
  headers
})

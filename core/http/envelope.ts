import type { CashierError } from "../domain/errors.ts"
import type { Language } from "../domain/language.ts"
import { answerIn, answerTo } from "./errors/answer.ts"
import type { BilingualAnswer } from "./errors/row.ts"

/** What an answer of the API needs to know of its request. */
export interface RequestContext {
  /** The id that merchants quote and that the log carries; also the X-Request-Id header. */
  readonly requestId: string
  readonly language: Language
}

/** Each answer takes a copy, which costs half of headers that are written one by one. */
const answerHeaders = new Headers({
  "content-type": "application/json; charset=utf-8",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff"
})

/** `{"code", "message", "data"}` with the HTTP status equal to `code` (contract section 1). */
export const envelope = (
  context: RequestContext,
  code: number,
  message: string,
  data: unknown,
  headers: Readonly<Record<string, string>> = {}
): Response => {
  answerHeaders.set("x-request-id", context.requestId)
  const response = new Response(JSON.stringify({ code, message, data }), { status: code, headers: answerHeaders })
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value)
  return response
}

/**
 * The envelope of an error of the HTTP layer, which has no tag.
 * @param more headers in addition to the error's own
 */
export const frameworkError = (
  context: RequestContext,
  error: BilingualAnswer,
  more: Readonly<Record<string, string>> = {}
): Response => {
  const { code, message, data, headers } = answerIn(error, context)
  return envelope(context, code, message, data, { ...headers, ...more })
}

/** The envelope of an error that ends a call. */
export const errorResponse = (context: RequestContext, error: CashierError): Response => {
  const { code, message, data, headers } = answerTo(error, context)
  return envelope(context, code, message, data, headers)
}

import type { CashierError } from "../domain/errors.ts"
import { answerTo, type ErrorAnswer } from "./merchant/messages.ts"
import type { Bilingual, Language } from "./web/language.ts"

/** What every answer of the API carries besides its envelope. */
export interface RequestContext {
  /** Quoted by merchants, found in the log; also the X-Request-Id header. */
  readonly requestId: string
  readonly language: Language
}

/** Each answer takes a copy, which is half as dear as headers written one by one. */
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

/** A framework error's envelope. */
export const frameworkError = (
  context: RequestContext,
  error: Bilingual & { readonly code: number },
  headers?: Readonly<Record<string, string>>
): Response => envelope(context, error.code, error[context.language], null, headers)

/** An error's envelope. What nobody knows carries the request id to quote. */
export const errorResponse = (context: RequestContext, error: CashierError): Response => {
  const answer: ErrorAnswer = answerTo(error, context.language)
  const data = answer.code === 500 ? { ...answer.data, request_id: context.requestId } : (answer.data ?? null)
  return envelope(context, answer.code, answer.message, data, answer.headers)
}

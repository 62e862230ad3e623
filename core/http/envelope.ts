import { Cause, Effect, Exit } from "effect"
import type { CashierError } from "../domain/errors.ts"
import { answerTo, type ErrorAnswer, FRAMEWORK } from "./merchant/messages.ts"
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

/** An effect's outcome as a response. A defect is our bug: it is logged whole and answered with nothing but its id. */
export const respond = <A>(
  context: RequestContext,
  exit: Exit.Exit<A, CashierError>,
  success: (value: A) => Response
): Effect.Effect<Response> => {
  if (Exit.isSuccess(exit)) return Effect.succeed(success(exit.value))
  const failure = exit.cause.reasons.find(Cause.isFailReason)
  if (failure === undefined) return internalError(context, exit.cause)
  const { error } = failure
  const response = errorResponse(context, error)
  if (error._tag === "StoreUnavailable") {
    return Effect.logError(`store unavailable: ${error.store}`, String(error.cause ?? "")).pipe(
      Effect.annotateLogs("request_id", context.requestId),
      Effect.as(response)
    )
  }
  return Effect.succeed(response)
}

/** 500 for a cause that no row names. */
export const internalError = (context: RequestContext, cause: unknown): Effect.Effect<Response> =>
  Effect.logError("request failed", cause).pipe(
    Effect.annotateLogs("request_id", context.requestId),
    Effect.as(envelope(context, 500, FRAMEWORK.internal[context.language], { request_id: context.requestId }))
  )

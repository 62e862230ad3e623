import { Cause, Effect, type Exit } from "effect"
import type { CashierError } from "../domain/errors.ts"
import { logSampled } from "../observe/sampled-log.ts"
import type { Call, GatewayServices, Run } from "./call.ts"
import { errorResponse, frameworkError, type RequestContext } from "./envelope.ts"
import { FRAMEWORK } from "./errors/gateway.ts"

/**
 * The one way from an outcome to a response: runs an effect for a call and encodes its value. A failure is answered by
 * its row; a defect is logged in full and answered with nothing but the request's id.
 */
export const respond = async <A>(
  run: Run,
  call: Call,
  effect: Effect.Effect<A, CashierError, GatewayServices>,
  encode: (value: A) => Response
): Promise<Response> => {
  const exit = await run(effect, call)
  // A success logs nothing and needs no second run, which would cost as much as starting the first.
  return exit._tag === "Success" ? encode(exit.value) : refuse(run, call, exit.cause)
}

/** The response to a failure or a defect; logs defects and unavailable stores. */
export const refuse = async (
  run: (effect: Effect.Effect<void>) => Promise<Exit.Exit<void>>,
  context: RequestContext,
  cause: Cause.Cause<CashierError>
): Promise<Response> => {
  const failure = cause.reasons.find(Cause.isFailReason)
  if (failure === undefined) {
    await run(logged(context, Effect.logError("request failed", cause)))
    return frameworkError(context, FRAMEWORK.internal)
  }
  const { error } = failure
  if (error._tag === "StoreUnavailable") {
    const message = `store unavailable: ${error.store}`
    const fields = { cause: String(error.cause ?? "") }
    // Anybody's calls end here while a store is down; one that may have changed something is looked for by its id.
    const line = error.mayHaveHappened
      ? Effect.logError(message, fields)
      : logSampled(Effect.logError, message, "", fields)
    await run(logged(context, line))
  }
  return errorResponse(context, error)
}

const logged = ({ requestId }: RequestContext, line: Effect.Effect<void>): Effect.Effect<void> =>
  Effect.annotateLogs(line, "request_id", requestId)

/** The response where nothing is served: 404 in the envelope. */
export const notFound = (context: RequestContext): Response => frameworkError(context, FRAMEWORK.notFound)

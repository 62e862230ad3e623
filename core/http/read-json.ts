import { MalformedRequest } from "../domain/errors.ts"
import type { Parameters } from "../domain/parameters.ts"
import type { BodyFault } from "./body.ts"
import type { BodyCall, Call } from "./call.ts"
import { errorResponse, frameworkError } from "./envelope.ts"
import { FRAMEWORK } from "./errors/gateway.ts"
import { parseFlatJson } from "./flat-json.ts"

/**
 * The parameters of a JSON request, or the response that refuses it before any check of the pipeline (contract section
 * 1).
 */
export const readJson = (call: BodyCall): Parameters | Response =>
  typeof call.body === "string"
    ? bodyRefused(call, call.body)
    : (parseFlatJson(call.body) ?? errorResponse(call, new MalformedRequest()))

/** The response to a body that could not be read. */
export const bodyRefused = (call: Call, fault: BodyFault): Response => {
  if (fault === "not-json") return frameworkError(call, FRAMEWORK.unsupportedMediaType)
  return fault === "too-large"
    ? frameworkError(call, FRAMEWORK.bodyTooLarge)
    : errorResponse(call, new MalformedRequest())
}

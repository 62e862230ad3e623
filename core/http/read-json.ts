import { MalformedRequest } from "../domain/errors.ts"
import type { Parameters } from "../domain/parameters.ts"
import { type BodyFault, isJsonType, readBody } from "./body.ts"
import type { Call } from "./call.ts"
import { errorResponse, frameworkError } from "./envelope.ts"
import { FRAMEWORK } from "./errors/gateway.ts"
import { parseFlatJson } from "./flat-json.ts"

/**
 * The parameters of a JSON request, or the response that refuses it before any check of the pipeline (contract section
 * 1).
 */
export const readJson = async (call: Call): Promise<Parameters | Response> => {
  const { headers } = call.request
  const encoding = headers.get("content-encoding")
  if (!isJsonType(headers.get("content-type")) || (encoding !== null && encoding !== "")) {
    return frameworkError(call, FRAMEWORK.unsupportedMediaType)
  }
  const body = await readBody(call.request)
  if (typeof body === "string") return bodyRefused(call, body)
  return parseFlatJson(body) ?? errorResponse(call, new MalformedRequest())
}

/** The response to a body that could not be read. */
export const bodyRefused = (call: Call, fault: BodyFault): Response =>
  fault === "too-large" ? frameworkError(call, FRAMEWORK.bodyTooLarge) : errorResponse(call, new MalformedRequest())

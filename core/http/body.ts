/** A request body is at most this (contract section 1). */
export const BODY_BYTES_MAX = 65_536

/** A body that does not arrive within this is given up: neither runtime ends a slow sender by itself. */
const BODY_DEADLINE_MS = 15_000

export type BodyFault = "too-large" | "too-slow"

/**
 * Reads a body up to a limit, whatever its Content-Length says.
 * @param bytesMax limit in bytes
 */
export const readBody = async (request: Request, bytesMax = BODY_BYTES_MAX): Promise<Uint8Array | BodyFault> => {
  const declared = request.headers.get("content-length")
  if (declared !== null && Number(declared) > bytesMax) return "too-large"
  if (request.body === null) return new Uint8Array()
  // The server's parser ends a body where its declared length does, so it may be taken whole: a third of the cost.
  if (declared !== null && !request.headers.has("transfer-encoding")) return await inTime(request.arrayBuffer())
  const reader = request.body.getReader()
  const chunks: Array<Uint8Array> = []
  let size = 0
  let late = false
  const timer = setTimeout(() => {
    late = true
    reader.cancel("too slow").catch(() => undefined)
  }, BODY_DEADLINE_MS)
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (late) return "too-slow"
      if (done) return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
      size += value.length
      if (size > bytesMax) {
        reader.cancel("too large").catch(() => undefined)
        return "too-large"
      }
      chunks.push(value)
    }
  } finally {
    clearTimeout(timer)
  }
}

const inTime = (body: Promise<ArrayBuffer>): Promise<Uint8Array | BodyFault> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve("too-slow"), BODY_DEADLINE_MS)
    body
      .then((bytes) => resolve(new Uint8Array(bytes)), reject)
      .finally(() => clearTimeout(timer))
  })

/** Whether a content type is JSON in UTF-8; other parameters are let through. */
export const isJsonType = (contentType: string | null): boolean => {
  const [type = "", ...parameters] = (contentType ?? "").split(";").map((part) => part.trim())
  return (
    type.toLowerCase() === "application/json" &&
    parameters.every((parameter) => {
      const [name = "", value = ""] = parameter.split("=")
      return name.trim().toLowerCase() !== "charset" || /^"?utf-?8"?$/i.test(value.trim())
    })
  )
}

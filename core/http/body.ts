/** Largest request body (contract section 1). */
export const BODY_BYTES_MAX = 65_536

/** Reading of a body is given up after this time: neither runtime ends a slow sender by itself. */
const BODY_DEADLINE_MS = 15_000

/**
 * A body that is too large is drained up to this many bytes beyond the limit and milliseconds: most senders then read
 * the answer, whereas a connection cut in the middle of their writing would show them a reset.
 */
const DROPPED_BYTES_MAX = 2 << 20
const DROPPING_MS = 1_000

/** `cut-off`: the client hung up, so nobody reads the answer. */
export type BodyFault = "too-large" | "too-slow" | "cut-off"

/**
 * Reads a body up to a limit, whatever its Content-Length says. Holds at most the limit and one chunk in memory.
 * @param bytesMax limit in bytes
 */
export const readBody = async (request: Request, bytesMax = BODY_BYTES_MAX): Promise<Uint8Array | BodyFault> => {
  const body = await read(request, bytesMax)
  if (typeof body === "string") leftOver.add(request)
  return body
}

/** Requests whose bodies were not read to the end. */
const leftOver = new WeakSet<Request>()

const read = async (request: Request, bytesMax: number): Promise<Uint8Array | BodyFault> => {
  const declared = Number(request.headers.get("content-length") ?? 0)
  if (declared > bytesMax + DROPPED_BYTES_MAX) return "too-large"
  if (declared > 0 && declared <= bytesMax && !request.headers.has("transfer-encoding")) {
    // The server's parser ends a body at its declared length, so it may be read whole, at a third of the cost. This
    // must come before any access to `request.body`, which would turn it into a stream.
    return await inTime(request.arrayBuffer())
  }
  if (request.body === null) return declared > bytesMax ? "too-large" : new Uint8Array()
  const reader = request.body.getReader()
  const chunks: Array<Uint8Array> = []
  let size = 0
  let tooLarge = declared > bytesMax
  let late = false
  const giveUpAfter = (ms: number) =>
    setTimeout(() => {
      late = true
      reader.cancel("too slow").catch(() => undefined)
    }, ms)
  let timer = giveUpAfter(tooLarge ? DROPPING_MS : BODY_DEADLINE_MS)
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (late || done) break
      size += value.length
      if (size > bytesMax + DROPPED_BYTES_MAX) {
        reader.cancel("too large").catch(() => undefined)
        return "too-large"
      }
      if (size > bytesMax && !tooLarge) {
        tooLarge = true
        clearTimeout(timer)
        timer = giveUpAfter(DROPPING_MS)
      }
      if (tooLarge) chunks.length = 0
      else chunks.push(value)
    }
  } catch {
    return "cut-off"
  } finally {
    clearTimeout(timer)
  }
  if (tooLarge) return "too-large"
  if (late) return "too-slow"
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
}

const inTime = (body: Promise<ArrayBuffer>): Promise<Uint8Array | BodyFault> =>
  new Promise((resolve) => {
    const end = (answer: Uint8Array | BodyFault) => {
      clearTimeout(timer)
      resolve(answer)
    }
    const timer = setTimeout(end, BODY_DEADLINE_MS, "too-slow")
    body.then(
      (bytes) => end(new Uint8Array(bytes)),
      () => end("cut-off")
    )
  })

/**
 * Whether a body may still be arriving after its request was answered; its connection is then closed.
 * @param status the answer's status
 */
export const isBodyLeft = (request: Request, status: number): boolean =>
  leftOver.has(request) ||
  Number(request.headers.get("content-length") ?? 0) > BODY_BYTES_MAX ||
  (status >= 400 && request.headers.has("transfer-encoding"))

/** Whether a content type is JSON in UTF-8; parameters other than charset are ignored. */
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

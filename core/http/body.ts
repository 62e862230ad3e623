import type { UnreadBodies } from "./unread-bodies.ts"

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

/**
 * Why there are no bytes. `not-json`: the route takes JSON only, so nothing was read. `cut-off`: the client hung up, so
 * nobody reads the answer. `crowded`: too many bodies were awaited at a time, and this one for longest.
 */
export type BodyFault = "not-json" | "too-large" | "too-slow" | "cut-off" | "crowded"

export const NO_BODY = new Uint8Array()

/**
 * Reads a body up to BODY_BYTES_MAX, whatever its Content-Length says. Holds at most the limit and one chunk in memory,
 * and a place in `unread` until it ends.
 * @param client whose body it is
 */
export const readBody = async (
  request: Request,
  client: string,
  unread: UnreadBodies
): Promise<Uint8Array | BodyFault> => {
  const body = await read(request, client, unread)
  if (typeof body === "string") leftOver.add(request)
  return body
}

/** Requests whose bodies were not read to the end. */
const leftOver = new WeakSet<Request>()

const read = (
  request: Request,
  client: string,
  unread: UnreadBodies
): Promise<Uint8Array | BodyFault> | Uint8Array | BodyFault => {
  const declared = Number(request.headers.get("content-length") ?? 0)
  if (declared > BODY_BYTES_MAX + DROPPED_BYTES_MAX) return "too-large"
  if (declared > 0 && declared <= BODY_BYTES_MAX && !request.headers.has("transfer-encoding")) {
    // The server's parser ends a body at its declared length, so it may be read whole, at a third of the cost. This
    // must come before any access to `request.body`, which would turn it into a stream.
    return readWhole(request, client, unread)
  }
  if (request.body === null) return declared > BODY_BYTES_MAX ? "too-large" : NO_BODY
  return readStream(request.body.getReader(), declared, client, unread)
}

const readWhole = (request: Request, client: string, unread: UnreadBodies): Promise<Uint8Array | BodyFault> =>
  new Promise((resolve) => {
    const end = (answer: Uint8Array | BodyFault) => {
      clearTimeout(timer)
      unread.leave(place)
      resolve(answer)
    }
    const timer = setTimeout(end, BODY_DEADLINE_MS, "too-slow")
    const place = unread.enter(client, () => end("crowded"))
    request.arrayBuffer().then(
      (bytes) => end(new Uint8Array(bytes)),
      () => end("cut-off")
    )
  })

const readStream = async (
  reader: ReadableStreamDefaultReader<Uint8Array>,
  declared: number,
  client: string,
  unread: UnreadBodies
): Promise<Uint8Array | BodyFault> => {
  const chunks: Array<Uint8Array> = []
  let size = 0
  let tooLarge = declared > BODY_BYTES_MAX
  let givenUp: "too-slow" | "crowded" | undefined
  const giveUp = (why: "too-slow" | "crowded") => {
    givenUp ??= why
    reader.cancel(why).catch(() => undefined)
  }
  let timer = setTimeout(giveUp, tooLarge ? DROPPING_MS : BODY_DEADLINE_MS, "too-slow")
  const place = unread.enter(client, () => giveUp("crowded"))
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (givenUp !== undefined || done) break
      size += value.length
      if (size > BODY_BYTES_MAX + DROPPED_BYTES_MAX) {
        reader.cancel("too large").catch(() => undefined)
        return "too-large"
      }
      if (size > BODY_BYTES_MAX && !tooLarge) {
        tooLarge = true
        clearTimeout(timer)
        timer = setTimeout(giveUp, DROPPING_MS, "too-slow")
      }
      if (tooLarge) chunks.length = 0
      else chunks.push(value)
    }
  } catch {
    return "cut-off"
  } finally {
    clearTimeout(timer)
    unread.leave(place)
  }
  if (tooLarge) return "too-large"
  if (givenUp !== undefined) return givenUp
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
}

/**
 * Whether a body may still be arriving after its request was answered; its connection is then closed.
 * @param status the answer's status
 */
export const isBodyLeft = (request: Request, status: number): boolean =>
  leftOver.has(request) ||
  Number(request.headers.get("content-length") ?? 0) > BODY_BYTES_MAX ||
  (status >= 400 && request.headers.has("transfer-encoding"))

/** Whether the body of a request is said to be plain JSON in UTF-8 (contract section 1). */
export const saysJson = ({ headers }: Request): boolean => {
  const encoding = headers.get("content-encoding")
  return isJsonType(headers.get("content-type")) && (encoding === null || encoding === "")
}

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

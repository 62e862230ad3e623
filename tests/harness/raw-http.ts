import { connect } from "node:net"

export interface RawAnswer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

/**
 * Sends a request byte for byte on a connection of its own, for requests that no HTTP client makes, and reads the answer.
 * Headers are sent as given, with `Host` and `Connection: close` added.
 * @param chunks the bytes after the head, written one after the other without further framing
 */
export const rawHttp = (
  origin: string,
  requestLine: string,
  headers: ReadonlyArray<string>,
  chunks: ReadonlyArray<Uint8Array | string> = [],
  timeoutMs = 10_000
): Promise<RawAnswer> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(origin)
    const received: Buffer[] = []
    const socket = connect(Number(port), hostname)
    let done = false
    const finish = (error?: Error) => {
      if (done) return
      done = true
      clearTimeout(timer)
      socket.destroy()
      const answer = parse(Buffer.concat(received))
      if (answer !== undefined) resolve(answer)
      else reject(error ?? new Error(`no HTTP answer to ${requestLine}: ${Buffer.concat(received).toString("latin1")}`))
    }
    const timer = setTimeout(() => finish(new Error(`no answer to ${requestLine} in ${timeoutMs} ms`)), timeoutMs)
    socket.on("connect", () => {
      socket.write(
        `${[requestLine, `Host: ${hostname}:${port}`, "Connection: close", ...headers].join("\r\n")}\r\n\r\n`
      )
      for (const chunk of chunks) socket.write(chunk)
    })
    socket.on("data", (data) => {
      received.push(data as Buffer)
      // A server may keep the connection open after it has answered in full.
      if (isWhole(Buffer.concat(received))) finish()
    })
    socket.on("error", finish)
    socket.on("close", () => finish())
  })

/** Frames a body as `Transfer-Encoding: chunked` does. */
export const chunked = (body: Uint8Array, size: number): ReadonlyArray<Uint8Array> => {
  const parts: Uint8Array[] = []
  for (let at = 0; at < body.length; at += size) {
    const part = body.subarray(at, at + size)
    parts.push(Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from("\r\n")]))
  }
  return [...parts, Buffer.from("0\r\n\r\n")]
}

const split = (bytes: Buffer) => {
  const end = bytes.indexOf("\r\n\r\n")
  if (end < 0) return undefined
  const [statusLine = "", ...lines] = bytes.subarray(0, end).toString("latin1").split("\r\n")
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(statusLine)?.[1])
  if (!(status >= 100)) return undefined
  const headers = new Headers()
  for (const line of lines) headers.append(line.slice(0, line.indexOf(":")).trim(), line.slice(line.indexOf(":") + 1))
  return { status, headers, body: bytes.subarray(end + 4) }
}

const isWhole = (bytes: Buffer): boolean => {
  const head = split(bytes)
  if (head === undefined) return false
  const length = head.headers.get("content-length")
  if (length !== null) return head.body.length >= Number(length)
  return head.headers.get("transfer-encoding") === "chunked" && head.body.includes("0\r\n\r\n")
}

const parse = (bytes: Buffer): RawAnswer | undefined => {
  const head = split(bytes)
  if (head === undefined) return undefined
  if (head.headers.get("transfer-encoding") !== "chunked") {
    return { status: head.status, headers: head.headers, text: head.body.toString("utf8") }
  }
  const parts: Buffer[] = []
  for (let at = 0; ; ) {
    const line = head.body.indexOf("\r\n", at)
    const length = Number.parseInt(head.body.subarray(at, line).toString("latin1"), 16)
    if (line < 0 || !(length > 0)) break
    parts.push(head.body.subarray(line + 2, line + 2 + length))
    at = line + 2 + length + 2
  }
  return { status: head.status, headers: head.headers, text: Buffer.concat(parts).toString("utf8") }
}

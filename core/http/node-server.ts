import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { hostOf } from "../domain/address-range.ts"
import type { ServeOptions, Server } from "./server.ts"

/** What a server allows a client, so that a slow or hostile client costs little. */
export interface ServerLimits {
  /** Deadline for a request's head. */
  readonly headMs: number
  /** Deadline for a request's head and body. */
  readonly requestMs: number
  /** How long an idle connection is kept for the next request. */
  readonly idleMs: number
  readonly headBytes: number
  /** Concurrent connections; further ones are closed at once. */
  readonly connections: number
  /** Concurrent connections of one client: an IPv4 address or an IPv6 /64; a trusted proxy may have all. */
  readonly connectionsOfOne: number
}

/** Interval between checks of the time limits, which may therefore end this much late. */
const CHECK_MS = 1_000

/** An unread request body is drained up to this many bytes and milliseconds, then the connection is closed. */
const DRAINED_BYTES_MAX = 1 << 20
const DROPPING_MS = 1_000

/** Unanswered requests per connection; a client that sends more without reading answers is disconnected. */
const PIPELINED_MAX = 64

/** How long a stop waits for the listener to close; requests have been answered before. */
const STOP_MS = 500

/**
 * Serves through node:http, which has time limits and a strict parser (llhttp) where a runtime's own server has none.
 * Rejects if the address cannot be listened on.
 * @param failed makes the response to a request whose `fetch` throws
 */
export const serveOnNode = (
  { hostname, port, reusePort, isProxy, fetch }: ServeOptions,
  limits: ServerLimits,
  failed: () => Response
): Promise<Server> => {
  const unanswered = new WeakMap<Socket, number>()
  const server = createServer(
    {
      headersTimeout: limits.headMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.idleMs,
      connectionsCheckingInterval: CHECK_MS,
      maxHeaderSize: limits.headBytes,
      requireHostHeader: true
    },
    (incoming, outgoing) => {
      const { socket } = incoming
      const waiting = (unanswered.get(socket) ?? 0) + 1
      if (waiting > PIPELINED_MAX) return void socket.destroy()
      if (incoming.httpVersionMajor !== 1) return void outgoing.writeHead(505, { connection: "close" }).end()
      unanswered.set(socket, waiting)
      outgoing.on("close", () => unanswered.set(socket, (unanswered.get(socket) ?? 1) - 1))
      answer(fetch, failed, incoming, outgoing).catch(() => socket.destroy())
    }
  )
  server.maxConnections = limits.connections
  const sockets = new Set<Socket>()
  const counts = new Map<string, number>()
  server.on("connection", (socket) => {
    const address = socket.remoteAddress ?? ""
    const client = hostOf(address)
    const count = counts.get(client) ?? 0
    if (count >= limits.connectionsOfOne && !isProxy(address)) return void socket.destroy()
    counts.set(client, count + 1)
    sockets.add(socket)
    socket.on("close", () => {
      sockets.delete(socket)
      const left = (counts.get(client) ?? 1) - 1
      if (left === 0) counts.delete(client)
      else counts.set(client, left)
    })
  })
  return new Promise((resolve, reject) => {
    server.once("error", reject)
    server.listen({ host: hostname, port, reusePort }, () => {
      server.removeListener("error", reject)
      resolve({
        port: (server.address() as AddressInfo).port,
        stop: () =>
          new Promise((stopped) => {
            const timer = setTimeout(stopped, STOP_MS)
            server.close(() => {
              clearTimeout(timer)
              stopped()
            })
            for (const socket of sockets) socket.destroy()
          })
      })
    })
  })
}

const answer = async (
  fetch: ServeOptions["fetch"],
  failed: () => Response,
  incoming: IncomingMessage,
  outgoing: ServerResponse
): Promise<void> => {
  let response: Response
  try {
    response = await fetch(requestOf(incoming), incoming.socket.remoteAddress ?? "")
  } catch {
    response = failed()
  }
  const headers: Array<string> = []
  for (const [name, value] of response.headers) headers.push(name, value)
  // Accessing `response.body` would first turn it into a stream: a third of an answer's cost on Deno.
  const body = new Uint8Array(await response.arrayBuffer())
  if (response.status !== 204 && response.status !== 304 && incoming.method !== "HEAD") {
    headers.push("content-length", String(body.length))
  }
  if (incoming.complete) {
    outgoing.writeHead(response.status, headers).end(body)
    return
  }
  // The rest of the body is still arriving: the sender gets the answer and DROPPING_MS to notice it, then a closed
  // connection.
  outgoing.shouldKeepAlive = false
  outgoing.writeHead(response.status, headers)
  if (body.length === 0) outgoing.flushHeaders()
  else outgoing.write(body)
  await dropRest(incoming)
  outgoing.end()
  incoming.socket.destroySoon()
}

const dropRest = (incoming: IncomingMessage): Promise<void> =>
  new Promise((resolve) => {
    let dropped = 0
    const timer = setTimeout(resolve, DROPPING_MS)
    const done = () => {
      clearTimeout(timer)
      resolve()
    }
    incoming.removeAllListeners("data")
    incoming.on("data", (chunk: Uint8Array) => {
      dropped += chunk.length
      if (dropped > DRAINED_BYTES_MAX) done()
    })
    incoming.on("end", done)
    incoming.on("close", done)
    incoming.resume()
  })

const requestOf = (incoming: IncomingMessage): Request => {
  const headers = new Headers()
  const { rawHeaders, method = "GET", url = "/" } = incoming
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) headers.append(rawHeaders[i] ?? "", rawHeaders[i + 1] ?? "")
  const init: RequestInit & { duplex?: "half" } = { method: FORBIDDEN.includes(method) ? "UNKNOWN" : method, headers }
  if (method !== "GET" && method !== "HEAD" && hasBody(incoming)) {
    init.body = bodyOf(incoming)
    init.duplex = "half"
  }
  return new Request(urlOf(url, headers.get("host")), init)
}

/** Methods that `Request` refuses; under another name they are answered 405 like every method that no route has. */
const FORBIDDEN = ["TRACE", "TRACK", "CONNECT"]

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0"

/** The request's URL with the path as sent. An absolute target names its host; `*` or an authority matches no route. */
const urlOf = (target: string, host: string | null): string => {
  const base = originOf(host ?? "")
  if (target.startsWith("/")) return base + target
  return /^https?:\/\//i.test(target) && URL.canParse(target) ? target : `${base}/${encodeURIComponent(target)}`
}

/** The last host and its origin: nearly all requests name the same host. */
let lastHost = { host: "", origin: "http://localhost" }

const originOf = (host: string): string => {
  if (lastHost.host !== host) {
    const origin = `http://${host}`
    lastHost = { host, origin: URL.canParse(origin) ? new URL(origin).origin : "http://localhost" }
  }
  return lastHost.origin
}

/** The body as a stream that is read only as fast as its reader asks for it. */
const bodyOf = (incoming: IncomingMessage): ReadableStream<Uint8Array> => {
  let open = true
  const close = (end: () => void) => {
    if (open) end()
    open = false
  }
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        incoming.on("data", (chunk: Uint8Array) => {
          if (!open) return
          controller.enqueue(chunk)
          if ((controller.desiredSize ?? 0) <= 0) incoming.pause()
        })
        incoming.on("end", () => close(() => controller.close()))
        const broken = () => close(() => controller.error(new Error("the request was cut off")))
        incoming.on("error", broken)
        incoming.on("close", broken)
      },
      pull: () => void incoming.resume(),
      cancel: () => {
        open = false
        incoming.pause()
      }
    },
    { highWaterMark: 2 }
  )
}

import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import type { ServeOptions, Server } from "./server.ts"

/** What a server allows a client, so that a slow or hostile one costs little and ends. */
export interface ServerLimits {
  /** A request's head must have arrived after this, and its body too after `requestMs`. */
  readonly headMs: number
  readonly requestMs: number
  /** An idle connection is kept this long for the next request. */
  readonly idleMs: number
  readonly headBytes: number
  /** Connections at once; more are closed as they come. */
  readonly connections: number
}

/** How often time limits are looked at: they are kept this late at most. */
const CHECK_MS = 1_000

/** Of a body that nobody wants so much is dropped, for so long, before its sender is cut off. */
const DROPPED_BYTES_MAX = 1 << 20
const DROPPING_MS = 1_000

/** Requests of one connection that are not answered yet; who sends more without reading answers is cut off. */
const PIPELINED_MAX = 64

/** How long a stop waits for the listener; answers have been given before. */
const STOP_MS = 500

/**
 * Serves through node:http, whose time limits and parser (llhttp, strict) hold where a runtime's own server has none.
 * Rejects when the address cannot be had.
 */
export const serveOnNode = (
  { hostname, port, reusePort, fetch }: ServeOptions,
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
  server.on("connection", (socket) => {
    sockets.add(socket)
    socket.on("close", () => sockets.delete(socket))
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
  // A look at `response.body` would make a stream of it first: a third of what an answer costs on Deno.
  const body = new Uint8Array(await response.arrayBuffer())
  if (response.status !== 204 && response.status !== 304 && incoming.method !== "HEAD") {
    headers.push("content-length", String(body.length))
  }
  if (incoming.complete) {
    outgoing.writeHead(response.status, headers).end(body)
    return
  }
  // The rest of its body is on the way: the sender gets the answer, then a moment to notice it, then no more time.
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
      if (dropped > DROPPED_BYTES_MAX) done()
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

/** `Request` refuses to be made with these; what has another name is 405 like every method that nobody serves. */
const FORBIDDEN = ["TRACE", "TRACK", "CONNECT"]

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0"

/** The path as sent. An absolute target names its host itself; what is neither (`*`, an authority) is no path of ours. */
const urlOf = (target: string, host: string | null): string => {
  const base = originOf(host ?? "")
  if (target.startsWith("/")) return base + target
  return /^https?:\/\//i.test(target) && URL.canParse(target) ? target : `${base}/${encodeURIComponent(target)}`
}

/** Nearly all requests name the same host: the last one is remembered. */
let lastHost = { host: "", origin: "http://localhost" }

const originOf = (host: string): string => {
  if (lastHost.host !== host) {
    const origin = `http://${host}`
    lastHost = { host, origin: URL.canParse(origin) ? new URL(origin).origin : "http://localhost" }
  }
  return lastHost.origin
}

/** The body as a stream that is read no faster than it is asked for. */
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

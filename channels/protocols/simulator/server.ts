import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import type { CallFault } from "./faults.ts"

/** One request to a simulated provider. */
export interface SimulatorRequest {
  readonly method: string
  /** Path and query as received: signatures cover these bytes. */
  readonly target: string
  readonly url: URL
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** A response, a connection that is cut, or no answer at all. */
export type SimulatorReply =
  | {
      readonly status: number
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string | Uint8Array
    }
  | "cut"
  | "unanswered"

export interface SimulatorServer {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string
  readonly stop: () => Promise<void>
}

/** Upper bound of a request body: calls to providers have a few kilobytes. */
const BODY_BYTES_MAX = 65_536

/**
 * Starts a provider's HTTP server on loopback. A handler that throws is answered with status 500 and the error's text.
 * @param where default a free port of 127.0.0.1
 */
export const startSimulatorServer = async (
  answer: (request: SimulatorRequest) => SimulatorReply | Promise<SimulatorReply>,
  where: { readonly port?: number; readonly host?: string } = {}
): Promise<SimulatorServer> => {
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readBody(request)
    if (body === undefined) return send(response, { status: 413, body: "too large" })
    const target = request.url ?? "/"
    const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]))
    const method = request.method ?? ""
    send(response, await answer({ method, target, url: new URL(target, "http://simulator"), headers, body }))
  }
  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => send(response, { status: 500, body: String(error) }))
  })
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject)
    server.listen(where.port ?? 0, where.host ?? "127.0.0.1", resolve)
  })
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}

const readBody = async (request: IncomingMessage): Promise<Buffer | undefined> => {
  const parts: Array<Buffer> = []
  let bytes = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > BODY_BYTES_MAX) return undefined
    parts.push(part)
  }
  return Buffer.concat(parts)
}

const send = (response: ServerResponse, reply: SimulatorReply): void => {
  if (reply === "unanswered") return
  if (reply === "cut") return void response.destroy()
  // One call per connection, so that a cut connection loses exactly one call.
  response.writeHead(reply.status, { ...reply.headers, connection: "close" }).end(reply.body)
}

const SERVER_ERROR: SimulatorReply = {
  status: 500,
  headers: { "content-type": "text/html" },
  body: "<html><body>500 Internal Server Error</body></html>"
}

/**
 * Carries out the faults that no protocol changes: whether the call is performed and whether its answer arrives.
 * `perform` carries out the others.
 */
export const withWireFault = (fault: CallFault | undefined, perform: () => SimulatorReply): SimulatorReply => {
  switch (fault) {
    case "cut-request":
      return "cut"
    case "lost-request":
      return "unanswered"
    case "http-500":
      return SERVER_ERROR
    case "cut-answer":
      perform()
      return "cut"
    case "lost-answer":
      perform()
      return "unanswered"
    case "http-500-done":
      perform()
      return SERVER_ERROR
    case "half-answer":
      return halfOf(perform())
    default:
      return perform()
  }
}

const halfOf = (reply: SimulatorReply): SimulatorReply => {
  if (typeof reply === "string") return reply
  const body = Buffer.from(reply.body ?? "")
  return { ...reply, body: body.subarray(0, Math.floor(body.length / 2)) }
}

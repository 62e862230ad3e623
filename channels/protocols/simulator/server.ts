import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"

type Handle = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

/** A simulator's HTTP server on this machine. */
export interface SimulatorServer {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string
  /** Ends its connections and stops listening. */
  readonly stop: () => Promise<void>
}

/**
 * Listens and serves; a handler that fails cuts the connection.
 * @param at port 0 (the default) is any free one; the host is loopback unless told otherwise
 */
export const serveSimulator = async (
  handle: Handle,
  { port = 0, host = "127.0.0.1" }: { readonly port?: number; readonly host?: string } = {}
): Promise<SimulatorServer> => {
  const server: Server = createServer((request, response) => {
    Promise.try(handle, request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject)
    server.listen(port, host, resolve)
  })
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () => {
      const stopped = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      return stopped
    }
  }
}

/** A request's body as text; undefined = it is over `bytesMax`. */
export const readText = async (request: IncomingMessage, bytesMax = 1 << 20): Promise<string | undefined> => {
  const parts: Array<Buffer> = []
  let bytes = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > bytesMax) return undefined
    parts.push(part)
  }
  return Buffer.concat(parts).toString("utf8")
}

import { createServer, type RequestListener } from "node:http"
import type { AddressInfo, Server } from "node:net"

/** An HTTP server on a free port of 127.0.0.1. */
export interface Loopback {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string
  readonly port: number
  /** Stops listening and ends the connections that are still open. */
  readonly close: () => Promise<void>
}

/** Starts an HTTP server that answers every request by `listener`; without one it never answers. */
export const startLoopback = async (listener: RequestListener = () => {}): Promise<Loopback> => {
  const server = createServer(listener)
  const port = await listenOnLoopback(server)
  return { url: `http://127.0.0.1:${port}`, port, close: () => closeServer(server) }
}

/**
 * Lets a server of any kind listen on a free port of 127.0.0.1.
 * @param backlog connections that wait to be accepted; Node's default is 511
 * @returns the port
 */
export const listenOnLoopback = (server: Server, backlog = 511): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once("error", reject)
    server.listen(0, "127.0.0.1", backlog, () => resolve((server.address() as AddressInfo).port))
  })

const closeServer = (server: Server & { readonly closeAllConnections?: () => void }): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections?.()
  })

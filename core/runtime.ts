/* The only file that knows which runtime this is. Everything else uses web standards and `node:`. */

import { type ServerLimits, serveOnNode } from "./http/node-server.ts"
import type { ServeOptions, Server } from "./http/server.ts"

/**
 * What one client may use; neither runtime limits all of it by itself. The idle time is above the 60 s of common load
 * balancers, so that they are the ones who close a connection, and longer than any answer takes. Bodies have their own
 * limit and deadline where they are read (core/http/body.ts), shorter than `requestMs`.
 */
const LIMITS: ServerLimits = {
  headMs: 20_000,
  requestMs: 40_000,
  idleMs: 75_000,
  headBytes: 16_384,
  connections: 16_384
}

/** Bodies are limited where they are read (core/http/body.ts); this only keeps the runtime from answering first. */
const BODY_BYTES_CEILING = 1 << 30

interface DenoNamespace {
  readonly version: { readonly deno: string }
}

const deno = (globalThis as { readonly Deno?: DenoNamespace }).Deno

export const runtimeName = (): string => (deno === undefined ? `Bun ${Bun.version}` : `Deno ${deno.version.deno}`)

/** The command line, without the file, that starts a process of ours on this runtime. */
export const runtimeCommand = (): ReadonlyArray<string> =>
  deno === undefined ? [process.execPath] : [process.execPath, "run", "-A"]

/**
 * Listens and serves; rejects if the address cannot be listened on. Deno serves through node:http: Deno.serve is three
 * times as fast with nothing behind it, but has no time limits, so that a slow client holds a connection for ever.
 */
export const serve = async (options: ServeOptions): Promise<Server> =>
  deno === undefined ? onBun(options) : serveOnNode(options, LIMITS, failed)

const onBun = ({ hostname, port, reusePort, fetch }: ServeOptions): Server => {
  const server = Bun.serve({
    hostname,
    port,
    reusePort,
    // Applies until a connection's first request head has arrived; then each request gets `idleMs`.
    idleTimeout: LIMITS.headMs / 1000,
    maxRequestBodySize: BODY_BYTES_CEILING,
    development: false,
    fetch: (request, self) => {
      self.timeout(request, LIMITS.idleMs / 1000)
      return fetch(request, self.requestIP(request)?.address ?? "")
    },
    error: failed
  })
  return {
    port: server.port ?? port,
    stop: () => server.stop(true)
  }
}

/** The entrance answers every error itself; whatever reaches this is a defect of the entrance. Shows no internals. */
const failed = (): Response =>
  new Response('{"code":500,"message":"服务异常","data":null}', {
    status: 500,
    headers: { "content-type": "application/json; charset=utf-8" }
  })

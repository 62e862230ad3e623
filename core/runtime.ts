/** The only file that knows which runtime this is. Everything else stands on web standards and `node:`. */

import { type ServerLimits, serveOnNode } from "./http/node-server.ts"
import type { ServeOptions, Server } from "./http/server.ts"

/**
 * What a client may take of us: neither runtime limits all of it by itself. The idle time is above the 60 s of common
 * load balancers, so that it is they who close a connection, and longer than any answer takes. Bodies have a limit and
 * a deadline of their own where they are read (core/http/body.ts), shorter than `requestMs`.
 */
const LIMITS: ServerLimits = {
  headMs: 20_000,
  requestMs: 40_000,
  idleMs: 75_000,
  headBytes: 16_384,
  connections: 16_384
}

/** Bodies are limited where they are read (core/http/body.ts); this only keeps the runtime from answering before us. */
const BODY_BYTES_CEILING = 1 << 30

interface DenoNamespace {
  readonly version: { readonly deno: string }
}

const deno = (globalThis as { readonly Deno?: DenoNamespace }).Deno

export const runtimeName = (): string => (deno === undefined ? `Bun ${Bun.version}` : `Deno ${deno.version.deno}`)

/** The command that starts a file on this runtime, for processes of our own. */
export const runtimeCommand = (): ReadonlyArray<string> =>
  deno === undefined ? [process.execPath] : [process.execPath, "run", "-A"]

/**
 * Listens and serves; rejects when the address cannot be had. On Deno through node:http: Deno.serve is three times as
 * fast with nothing behind it, but has no time limit of any kind, so that one slow client holds a connection for ever.
 */
export const serve = async (options: ServeOptions): Promise<Server> =>
  deno === undefined ? onBun(options) : serveOnNode(options, LIMITS, failed)

const onBun = ({ hostname, port, reusePort, fetch }: ServeOptions): Server => {
  const server = Bun.serve({
    hostname,
    port,
    reusePort,
    // Until a connection's first head has come; then each request gets the time that its answer may take.
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

/** The entrance answers every error itself; what reaches this is a defect of it. Internals stay inside. */
const failed = (): Response =>
  new Response('{"code":500,"message":"服务异常","data":null}', {
    status: 500,
    headers: { "content-type": "application/json; charset=utf-8" }
  })

/** The only file that knows which runtime this is. Everything else stands on web standards and `node:`. */

export interface ServeOptions {
  readonly hostname: string
  /** 0 = any free port. */
  readonly port: number
  /** Several processes may listen on one port and share its connections. */
  readonly reusePort: boolean
  /** @param address the socket's address */
  readonly fetch: (request: Request, address: string) => Response | Promise<Response>
}

export interface Server {
  readonly port: number
  /** Takes no more connections and ends those that are open. Wait for requests under way before. */
  readonly stop: () => Promise<void>
}

/** Longer than any answer takes: an idle connection is what is silent for this many seconds. */
const IDLE_S = 60

/** How long Deno's server may take to end its idle connections. */
const SHUTDOWN_MS = 500

/** Bodies are limited where they are read (core/http/body.ts); this only keeps the runtime from answering before us. */
const BODY_BYTES_CEILING = 1 << 30

interface DenoServer {
  readonly addr: { readonly port: number }
  readonly shutdown: () => Promise<void>
}

interface DenoNamespace {
  readonly serve: (
    options: {
      readonly hostname: string
      readonly port: number
      readonly reusePort: boolean
      readonly onListen: () => void
      readonly onError: (error: unknown) => Response
    },
    handler: (
      request: Request,
      info: { readonly remoteAddr: { readonly hostname: string } }
    ) => Response | Promise<Response>
  ) => DenoServer
  readonly version: { readonly deno: string }
}

const deno = (globalThis as { readonly Deno?: DenoNamespace }).Deno

export const runtimeName = (): string => (deno === undefined ? `Bun ${Bun.version}` : `Deno ${deno.version.deno}`)

/** The command that starts a file on this runtime, for processes of our own. */
export const runtimeCommand = (): ReadonlyArray<string> =>
  deno === undefined ? [process.execPath] : [process.execPath, "run", "-A"]

/** Listens and serves. Throws when the address cannot be had. */
export const serve = (options: ServeOptions): Server => (deno === undefined ? onBun(options) : onDeno(deno, options))

const onBun = ({ hostname, port, reusePort, fetch }: ServeOptions): Server => {
  const server = Bun.serve({
    hostname,
    port,
    reusePort,
    idleTimeout: IDLE_S,
    maxRequestBodySize: BODY_BYTES_CEILING,
    development: false,
    fetch: (request, self) => fetch(request, self.requestIP(request)?.address ?? ""),
    error: failed
  })
  return {
    port: server.port ?? port,
    stop: () => server.stop(true)
  }
}

const onDeno = (runtime: DenoNamespace, { hostname, port, reusePort, fetch }: ServeOptions): Server => {
  const server = runtime.serve(
    { hostname, port, reusePort, onListen: () => undefined, onError: failed },
    (request, info) => fetch(request, info.remoteAddr.hostname)
  )
  return {
    port: server.addr.port,
    // It waits for connections that are kept alive; the process ends after it anyway.
    stop: () => Promise.race([server.shutdown(), new Promise<void>((resolve) => setTimeout(resolve, SHUTDOWN_MS))])
  }
}

/** The entrance answers every error itself; what reaches this is a defect of it. Internals stay inside. */
const failed = (): Response =>
  new Response('{"code":500,"message":"服务异常","data":null}', {
    status: 500,
    headers: { "content-type": "application/json; charset=utf-8" }
  })

/* The only file that knows which runtime this is. Everything else uses web standards and `node:`. */

import { readFileSync } from "node:fs"
import process from "node:process"
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
  connections: 16_384,
  connectionsOfOne: 4_096
}

/** Bodies are limited where they are read (core/http/body.ts); this only keeps the runtime from answering first. */
const BODY_BYTES_CEILING = 1 << 30

/** Variables that would send our connections to a proxy, which then answers in the place of whom we asked. */
const PROXY_VARIABLES = /^(https?|all)_proxy$|^NODE_USE_ENV_PROXY$/i

/**
 * Takes out of `process.env` what the runtimes would make of it: what Bun has read from `.env`, `.env.local` and
 * `.env.production` by rules of its own (it expands `$`), and proxies, to which a connection that is pinned to an
 * address or goes to this machine must not be sent. Must run before the first connection.
 */
export const ownEnvironment = (): void => {
  const given = environmentAtStart()
  for (const name of Object.keys(process.env)) {
    if (PROXY_VARIABLES.test(name) || given?.has(name) === false) delete process.env[name]
    else if (given !== undefined && deno === undefined) process.env[name] = given.get(name)
  }
}

/** The environment with which this process was started; undefined = only Linux tells. */
const environmentAtStart = (): ReadonlyMap<string, string> | undefined => {
  try {
    const entries = readFileSync("/proc/self/environ", "utf8")
      .split("\0")
      .filter((entry) => entry.includes("="))
    return new Map(entries.map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]))
  } catch {
    return undefined
  }
}

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
      return fetch(withOrigin(request), self.requestIP(request)?.address ?? "")
    },
    error: failed
  })
  return {
    port: server.port ?? port,
    stop: () => server.stop(true)
  }
}

/** Bun leaves the origin out of the URL where there is no Host or none that it can read; nothing else can parse that. */
const withOrigin = (request: Request): Request =>
  request.url.startsWith("/") ? new Request(`http://localhost${request.url}`, request) : request

/** The entrance answers every error itself; whatever reaches this is a defect of the entrance. Shows no internals. */
const failed = (): Response =>
  new Response('{"code":500,"message":"服务异常","data":null}', {
    status: 500,
    headers: { "content-type": "application/json; charset=utf-8" }
  })

import { Context, Effect, type Exit, References } from "effect"
import type { Channels } from "../cashier/channels.ts"
import type { SingleFlight } from "../cashier/key-lock.ts"
import type { Settings } from "../cashier/settings.ts"
import { Overloaded } from "../domain/errors.ts"
import { randomHex } from "../domain/random.ts"
import type { Background } from "../observe/background.ts"
import { countRequest } from "../observe/metrics.ts"
import { isTracing, spanned } from "../observe/tracing.ts"
import type { Auth } from "../pipeline/auth/auth.ts"
import type { MerchantDirectory } from "../pipeline/auth/merchant-directory.ts"
import type { Notifier } from "../pipeline/notifier/notifier.ts"
import type { Persistence } from "../pipeline/persistence/persistence.ts"
import type { Replay } from "../pipeline/replay/replay.ts"
import type { Throttle } from "../pipeline/throttle/throttle.ts"
import type { Vault } from "../secrets/vault.ts"
import type { GatewayConfig } from "../start/environment.ts"
import { isBodyLeft } from "./body.ts"
import { clientAddress } from "./client-address.ts"
import { errorResponse, internalError, type RequestContext } from "./envelope.ts"
import type { Tables } from "./merchant/field-decoders.ts"
import { type Language, languageOf } from "./web/language.ts"

/** Everything that a request's effect may ask for. */
export type GatewayServices =
  | Auth
  | Background
  | Channels
  | MerchantDirectory
  | Notifier
  | Persistence
  | Replay
  | Settings
  | SingleFlight
  | Tables
  | Throttle
  | Vault

/**
 * Runs a request's effect in the gateway's services. With its call, every line that it logs carries the call's id, and
 * it is a span where tracing is on.
 */
export type Run = <A, E>(effect: Effect.Effect<A, E, GatewayServices>, call?: Call) => Promise<Exit.Exit<A, E>>

/** @param services whose end interrupts nothing here: `drain` waits first, and what is left finds them closed */
export const makeRun = (services: Context.Context<GatewayServices>): Run => {
  const run = Effect.runPromiseExitWith(services)
  const tracing = isTracing(services)
  return (effect, call) => {
    if (call === undefined) return run(effect)
    // In what the fiber starts with: put around the effect, it would take steps to add and to take away.
    const annotated = Context.add(services, References.CurrentLogAnnotations, { request_id: call.requestId })
    const name = () => `${call.request.method} ${call.url.pathname}`
    return Effect.runPromiseExitWith(annotated)(
      tracing ? spanned(name, { request_id: call.requestId }, effect) : effect
    )
  }
}

/** A request with what the edge has found out about it. */
export interface Call extends RequestContext {
  readonly request: Request
  readonly url: URL
  readonly clientIp: string
  /** Path parameters. */
  readonly params: Readonly<Record<string, string>>
}

/** A call whose URL is read by those who ask for it: the merchants' endpoints do not. */
class Arrived implements Call {
  readonly requestId: string
  readonly language: Language
  readonly request: Request
  readonly params: Readonly<Record<string, string>>
  readonly clientIp: string
  #url: URL | undefined

  constructor(
    { requestId, language }: RequestContext,
    request: Request,
    params: Readonly<Record<string, string>>,
    clientIp: string
  ) {
    this.requestId = requestId
    this.language = language
    this.request = request
    this.params = params
    this.clientIp = clientIp
  }

  get url(): URL {
    this.#url ??= new URL(this.request.url)
    return this.#url
  }
}

export type Handler = (call: Call) => Promise<Response>

export interface Route {
  readonly method: "GET" | "POST" | "OPTIONS"
  readonly path: string
  readonly handle: Handler
}

/** Requests under way at once; more are told to come again rather than queued without bound. */
const REQUESTS_MAX = 4_096

/** Wraps a handler into what the server calls: context, overload, and no failure without an envelope. */
export const makeEntrance = (run: Run, config: GatewayConfig) => {
  let underWay = 0
  let draining = false
  let drained: (() => void) | undefined
  const answer = async (handle: Handler, request: Request, params: Readonly<Record<string, string>>) => {
    const context: RequestContext = {
      requestId: newRequestId(),
      language: languageOf(request.headers.get("accept-language"))
    }
    if (underWay >= REQUESTS_MAX || (draining && isMerchantCall(request)))
      return errorResponse(context, new Overloaded())
    underWay++
    try {
      const clientIp = clientAddress(request, config.trustedProxies)
      const response = await handle(new Arrived(context, request, params, clientIp))
      return request.method === "HEAD" ? new Response(null, response) : response
    } catch (error) {
      const exit = await run(internalError(context, error))
      return exit._tag === "Success" ? exit.value : new Response(null, { status: 500 })
    } finally {
      if (--underWay === 0) drained?.()
    }
  }
  const entrance = async (
    route: string,
    handle: Handler,
    request: Request,
    params: Readonly<Record<string, string>>
  ): Promise<Response> => {
    const startedAt = performance.now()
    const response = await answer(handle, request, params)
    if (isBodyLeft(request, response.status)) response.headers.set("connection", "close")
    countRequest(route, response.status, (performance.now() - startedAt) / 1000)
    return response
  }
  /**
   * Refuses new merchant calls and waits until those under way have ended, at most `ms`. Everything else is still
   * answered: orders under way at the sandbox, and webhooks to the demo, go through this very server.
   */
  const drain = async (ms: number): Promise<void> => {
    draining = true
    if (underWay === 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      drained = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
  return { entrance, drain }
}

const isMerchantCall = (request: Request): boolean => new URL(request.url).pathname.startsWith("/api/cashier/")

const newRequestId = (): string => `req_${randomHex(12)}`

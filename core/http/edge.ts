import { Cause } from "effect"
import type { GatewayConfig } from "../config/gateway-config.ts"
import { Overloaded } from "../domain/errors.ts"
import type { Language } from "../domain/language.ts"
import { randomHex } from "../domain/random.ts"
import { countRequest } from "../observe/metrics.ts"
import { isBodyLeft } from "./body.ts"
import type { Call, Handler, Run } from "./call.ts"
import { clientAddress } from "./client-address.ts"
import { errorResponse, type RequestContext } from "./envelope.ts"
import { refuse } from "./respond.ts"
import { languageOf } from "./web/language.ts"

/** A call that parses its URL on first use: the merchants' endpoints never need it. */
class LazyUrlCall implements Call {
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

/** Concurrent requests; further ones are answered 503 instead of being queued without bound. */
const REQUESTS_MAX = 4_096

/** Wraps handlers for the server: makes the call's context, refuses overload, and gives every failure its envelope. */
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
      const response = await handle(new LazyUrlCall(context, request, params, clientIp))
      return request.method === "HEAD" ? new Response(null, response) : response
    } catch (error) {
      return await refuse(run, context, Cause.die(error))
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
   * Refuses new merchant calls and waits until the requests under way have ended, at most `ms`. Other requests are
   * still answered: orders under way at the sandbox and webhooks to the demo go through this same server.
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

import { Cause } from "effect"
import type { GatewayConfig } from "../config/gateway-config.ts"
import { isInRanges } from "../domain/address-range.ts"
import { MalformedRequest, Overloaded } from "../domain/errors.ts"
import type { Language } from "../domain/language.ts"
import { randomHex } from "../domain/random.ts"
import { countRequest } from "../observe/metrics.ts"
import { type BodyFault, isBodyLeft, NO_BODY, readBody, saysJson } from "./body.ts"
import type { BodyCall, BodyHandler, Route, Run } from "./call.ts"
import { clientAddress } from "./client-address.ts"
import { errorResponse, type RequestContext } from "./envelope.ts"
import { refuse } from "./respond.ts"
import { UNREAD_LIMITS, UnreadBodies } from "./unread-bodies.ts"
import { languageOf } from "./web/language.ts"

/** A call that parses its URL on first use: the merchants' endpoints never need it. */
class LazyUrlCall implements BodyCall {
  readonly requestId: string
  readonly language: Language
  readonly request: Request
  readonly params: Readonly<Record<string, string>>
  readonly clientIp: string
  readonly body: Uint8Array | BodyFault
  #url: URL | undefined

  constructor(
    { requestId, language }: RequestContext,
    request: Request,
    params: Readonly<Record<string, string>>,
    clientIp: string,
    body: Uint8Array | BodyFault
  ) {
    this.requestId = requestId
    this.language = language
    this.request = request
    this.params = params
    this.clientIp = clientIp
    this.body = body
  }

  get url(): URL {
    this.#url ??= new URL(this.request.url)
    return this.#url
  }
}

/**
 * Requests of each kind that are under way at a time; further ones are answered 503 instead of being queued without
 * bound. No kind can use up another's: a flood of pages stops no order, and a flood of orders no notice. The sandbox's
 * site has as many as the merchants, because each of their orders at the sandbox is a request to it.
 */
const SLOTS = {
  merchant: 4_096,
  payer: 1_024,
  notice: 1_024,
  site: 4_096,
  page: 512,
  /** Liveness, which waits for nothing and so must not be refused while readiness waits for a store. */
  health: 64,
  monitor: 64
}

export type RequestKind = keyof typeof SLOTS

/** What the entrance has to know of a route. */
export interface Served {
  readonly kind: RequestKind
  /** The path under which requests are counted. */
  readonly path: string
  readonly body?: Route["body"]
  readonly handle: BodyHandler
}

/**
 * Wraps handlers for the server: makes the call's context, waits for the body, refuses overload, and gives every failure
 * its envelope. A request takes a slot only once its body is there: a client that holds bodies back keeps nobody out.
 */
export const makeEntrance = (
  run: Run,
  { trustedProxies }: Pick<GatewayConfig, "trustedProxies">,
  unread = new UnreadBodies(UNREAD_LIMITS, (address) => isInRanges(trustedProxies, address))
) => {
  const free = { ...SLOTS }
  let underWay = 0
  let draining = false
  let drained: (() => void) | undefined

  const answer = async (served: Served, request: Request, params: Readonly<Record<string, string>>) => {
    const context: RequestContext = {
      requestId: newRequestId(),
      language: languageOf(request.headers.get("accept-language"))
    }
    if (!isHost(request.headers.get("host"))) return errorResponse(context, new MalformedRequest())
    if (draining && served.path.startsWith(MERCHANT_CALLS)) return errorResponse(context, new Overloaded())
    const { kind } = served
    let hasSlot = false
    underWay++
    try {
      const clientIp = clientAddress(request, trustedProxies)
      const body = served.body === undefined ? NO_BODY : await bodyOf(request, served.body, clientIp)
      if (body === "crowded" || free[kind] === 0) return errorResponse(context, new Overloaded())
      free[kind]--
      hasSlot = true
      const response = await served.handle(new LazyUrlCall(context, request, params, clientIp, body))
      return request.method === "HEAD" ? new Response(null, response) : response
    } catch (error) {
      return await refuse(run, context, Cause.die(error))
    } finally {
      if (hasSlot) free[kind]++
      if (--underWay === 0) drained?.()
    }
  }
  const bodyOf = (request: Request, expected: "json" | "bytes", client: string) =>
    expected === "json" && !saysJson(request) ? "not-json" : readBody(request, client, unread)

  const entrance = async (
    served: Served,
    request: Request,
    params: Readonly<Record<string, string>>
  ): Promise<Response> => {
    const startedAt = performance.now()
    const response = await answer(served, request, params)
    if (isBodyLeft(request, response.status)) response.headers.set("connection", "close")
    countRequest(served.path, response.status, (performance.now() - startedAt) / 1000)
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

const MERCHANT_CALLS = "/api/cashier/"

/** `host[:port]` (RFC 9112 section 3.2). */
const HOST = /^(?:[\w.~!$&'()*+,;=%-]+|\[[\da-f:.]+\])(?::\d*)?$/i

/** The last well-formed host: nearly all requests name the same one. */
let lastHost = ""

/** Whether a Host header can be part of a URL. HTTP/1.0 has none, and an empty one says that there is none. */
const isHost = (host: string | null): boolean => {
  if (host === null || host === lastHost || host === "") return true
  if (!HOST.test(host) || !URL.canParse(`http://${host}`)) return false
  lastHost = host
  return true
}

const newRequestId = (): string => `req_${randomHex(12)}`

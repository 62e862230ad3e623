import { Context, Effect, type Exit, References } from "effect"
import type { AskLimit } from "../cashier/ask-limit.ts"
import type { Bulkheads } from "../cashier/bulkheads.ts"
import type { Channels } from "../cashier/channels.ts"
import type { KeyLock } from "../cashier/key-lock.ts"
import type { Settings } from "../config/gateway-config.ts"
import type { OwnUrl } from "../config/own-url.ts"
import type { Background } from "../observe/background.ts"
import { isTracing, spanned } from "../observe/tracing.ts"
import type { Auth } from "../pipeline/auth/auth.ts"
import type { MerchantDirectory } from "../pipeline/auth/merchant-directory.ts"
import type { Notifier } from "../pipeline/notifier/notifier.ts"
import type { Persistence } from "../pipeline/persistence/persistence.ts"
import type { Replay } from "../pipeline/replay/replay.ts"
import type { Throttle } from "../pipeline/throttle/throttle.ts"
import type { LinkKey } from "../secrets/link-key.ts"
import type { Vault } from "../secrets/vault.ts"
import type { BodyFault } from "./body.ts"
import type { RequestContext } from "./envelope.ts"
import type { FieldDecoders } from "./merchant/field-decoders.ts"

/** The services that a request's effect may use. */
export type GatewayServices =
  | AskLimit
  | Auth
  | Background
  | Bulkheads
  | Channels
  | FieldDecoders
  | KeyLock
  | LinkKey
  | MerchantDirectory
  | Notifier
  | OwnUrl
  | Persistence
  | Replay
  | Settings
  | Throttle
  | Vault

/**
 * Runs a request's effect with the gateway's services. With `call`, its log lines carry the call's id, and it is a span
 * if tracing is on.
 */
export type Run = <A, E>(effect: Effect.Effect<A, E, GatewayServices>, call?: Call) => Promise<Exit.Exit<A, E>>

/**
 * @param services their end interrupts no request: `drain` waits for requests first, and later ones find them closed
 */
export const makeRun = (services: Context.Context<GatewayServices>): Run => {
  const run = Effect.runPromiseExitWith(services)
  const tracing = isTracing(services)
  return (effect, call) => {
    if (call === undefined) return run(effect)
    // Part of the context that the fiber starts with: wrapping the effect would cost steps to add and remove it.
    const annotated = Context.add(services, References.CurrentLogAnnotations, { request_id: call.requestId })
    const name = () => `${call.request.method} ${call.url.pathname}`
    return Effect.runPromiseExitWith(annotated)(
      tracing ? spanned(name, { request_id: call.requestId }, effect) : effect
    )
  }
}

/** A request with what the edge knows about it. */
export interface Call extends RequestContext {
  readonly request: Request
  readonly url: URL
  readonly clientIp: string
  /** Path parameters. */
  readonly params: Readonly<Record<string, string>>
}

/** A call of a route that takes a body. The edge has read it, so no handler waits for a slow sender. */
export interface BodyCall extends Call {
  /** The bytes, or why there are none. */
  readonly body: Uint8Array | BodyFault
}

export type Handler = (call: Call) => Promise<Response>
export type BodyHandler = (call: BodyCall) => Promise<Response>

interface Address {
  readonly method: "GET" | "POST" | "OPTIONS"
  readonly path: string
}

export type Route = Address &
  (
    | { readonly body?: undefined; readonly handle: Handler }
    /** `json`: the body is not read unless the request says that it is JSON. */
    | { readonly body: "json" | "bytes"; readonly handle: BodyHandler }
  )

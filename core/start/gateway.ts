import { Effect, Exit, Layer, Logger, ManagedRuntime, Scope } from "effect"
import { Channels } from "../cashier/channels.ts"
import type { AnyProvider } from "../cashier/opened-account.ts"
import { reconcileLayer } from "../cashier/reconcile.ts"
import type { GatewayConfig } from "../config/gateway-config.ts"
import { type GatewayUrls, localUrlOf, OwnUrl } from "../config/own-url.ts"
import { StartRefused } from "../config/start-refused.ts"
import { isInRanges } from "../domain/address-range.ts"
import { makeApp } from "../http/app.ts"
import { type GatewayServices, makeRun } from "../http/call.ts"
import { noteSocketAddress } from "../http/client-address.ts"
import type { Server } from "../http/server.ts"
import { logLine } from "../observe/log-line.ts"
import { LogWriter } from "../observe/log-writer.ts"
import { tracingLayer } from "../observe/tracing.ts"
import { watchLayer } from "../observe/watch.ts"
import type { WorkerFigures } from "../observe/worker-figures.ts"
import { ensureFirstStart, type FirstMerchant } from "../operator/first-start.ts"
import { checkMasterKey } from "../operator/key-check.ts"
import { MerchantDirectory } from "../pipeline/auth/merchant-directory.ts"
import { Notifier } from "../pipeline/notifier/notifier.ts"
import { webhookWorkerLayer } from "../pipeline/notifier/worker.ts"
import { type StoreSignal, StoreSignals } from "../pipeline/persistence/store-signals.ts"
import { serve } from "../runtime.ts"
import { masterKeysOf } from "../secrets/master-key.ts"
import type { Plugin } from "./plugin.ts"
import { gatewayLayer } from "./services.ts"

export interface GatewayOptions {
  readonly config: GatewayConfig
  readonly plugins: ReadonlyArray<Plugin>
  readonly channels: ReadonlyArray<AnyProvider>
  readonly reusePort?: boolean
  /** Reads the figures of all workers for `/metrics`; absent = this is the only process. */
  readonly figures?: () => Promise<ReadonlyArray<WorkerFigures>>
}

export interface Gateway {
  /** URL at which this machine reaches the gateway. */
  readonly url: string
  readonly publicUrl: string
  /** The test merchant made for an empty database, with its secret, which is shown only here; null = none was made. */
  readonly firstMerchant: FirstMerchant | null
  /** Drains requests and webhooks, then closes the stores. */
  readonly stop: () => Promise<void>
}

/** How long the stop waits for requests under way; longer than a charge takes. */
const DRAIN_MS = 25_000

/** How long the stop waits for whoever reads the log. */
const LOG_FLUSH_MS = 1_000

const logWriter = new LogWriter()

/** JSON lines on stderr; stdout is kept for the output that a person or a script asked for. */
const logging = Logger.layer([Logger.map(logLine, logWriter.line)])

/**
 * Composes the layers into one runtime and one app and starts them.
 * @throws StartRefused with a sentence for the operator
 */
export const createGateway = async (options: GatewayOptions): Promise<Gateway> => {
  const { config } = options
  let urls: GatewayUrls | undefined
  const currentUrls = (): GatewayUrls => {
    if (urls === undefined) throw new Error("the gateway does not listen yet")
    return urls
  }
  const masterKeys = await orRefuse(Effect.runPromiseExit(masterKeysOf(config, "make")))
  const services = gatewayLayer({ ...options, masterKeys, urls: currentUrls })
  const runtime = ManagedRuntime.make(
    services.pipe(Layer.provideMerge(logging), Layer.provideMerge(tracingLayer(config.otlpEndpoint)))
  )

  let server: Server | undefined
  try {
    const firstStart = Effect.andThen(checkMasterKey, ensureFirstStart(config.demo))
    const firstMerchant = await orRefuse(runtime.runPromiseExit(firstStart))
    const run = makeRun(await runtime.context())
    const { app, drain } = makeApp({
      run,
      config,
      siteIds: options.channels.filter(({ site }) => site !== undefined).map(({ id }) => id),
      figures: options.figures,
      plugins: options.plugins.flatMap(({ http }) => http ?? [])
    })
    const listening = await listen(config, options.reusePort ?? false, (request, address) => {
      // Requests are refused until the gateway knows its own address.
      if (urls === undefined) return new Response(null, { status: 503, headers: { "retry-after": "1" } })
      noteSocketAddress(request, address)
      return app.fetch(request)
    })
    server = listening
    const localUrl = localUrlOf(config.host, listening.port)
    urls = { localUrl, publicUrl: config.publicUrl ?? localUrl }

    const scope = Scope.makeUnsafe()
    await orRefuse(run(Effect.andThen(followSignals, Layer.buildWithScope(workers(config), scope))))
    const stop = once(async () => {
      await drain(DRAIN_MS)
      await Effect.runPromise(Scope.close(scope, Exit.void))
      await runtime.dispose()
      await listening.stop()
      await logWriter.flush(LOG_FLUSH_MS)
    })
    return { url: localUrl, publicUrl: urls.publicUrl, firstMerchant, stop }
  } catch (error) {
    await server?.stop()
    await runtime.dispose()
    throw error
  }
}

/** The background workers, started once the gateway can be reached: a channel may answer at once. */
const workers = (config: GatewayConfig): Layer.Layer<never, never, GatewayServices> =>
  Layer.mergeAll(
    Layer.unwrap(
      Effect.map(OwnUrl, (ownUrl) =>
        webhookWorkerLayer({
          scheduleMs: config.webhookScheduleMs,
          allow: config.webhookAllow,
          own: ownUrl.demoReceiver()
        })
      )
    ),
    reconcileLayer,
    watchLayer
  )

/** Drops cached merchants and accounts when any process changes them, and wakes the webhook workers. */
const followSignals = Effect.gen(function* () {
  const signals = yield* StoreSignals
  const directory = yield* MerchantDirectory
  const channels = yield* Channels
  const notifier = yield* Notifier
  yield* signals.listen((signal: StoreSignal) => {
    switch (signal.kind) {
      case "merchant":
        return directory.forget(signal.id)
      case "account":
        return channels.forget(signal.id)
      case "webhook-due":
        return notifier.wake()
      case "all":
        directory.forget()
        channels.forget()
        return notifier.wake()
    }
  })
})

const listen = async (
  config: GatewayConfig,
  reusePort: boolean,
  fetch: (request: Request, address: string) => Response | Promise<Response>
): Promise<Server> => {
  try {
    const isProxy = (address: string) => isInRanges(config.trustedProxies, address)
    return await serve({ hostname: config.host, port: config.port, reusePort, isProxy, fetch })
  } catch (error) {
    throw listenRefused(config, error)
  }
}

const listenRefused = (config: GatewayConfig, error: unknown): StartRefused => {
  const text = String(error)
  const inUse = /EADDRINUSE|AddrInUse|in use/i.test(text)
  const denied = /EACCES|PermissionDenied|permission denied/i.test(text)
  const variable = inUse || denied ? "PAYHUB_PORT" : "PAYHUB_HOST"
  const why = inUse
    ? "is taken by another program"
    : denied
      ? "needs rights that this user does not have"
      : "is not an address that can be listened on"
  return new StartRefused({ variable, message: `${variable}: ${config.host}:${config.port} ${why}.` })
}

/** The value of an exit; a StartRefused is thrown as it is, any other failure wrapped in an Error. */
const orRefuse = async <A>(exit: Promise<Exit.Exit<A, unknown>>): Promise<A> => {
  const outcome = await exit
  if (Exit.isSuccess(outcome)) return outcome.value
  const failure = outcome.cause.reasons.find((reason) => reason._tag === "Fail")
  if (failure !== undefined && failure.error instanceof StartRefused) throw failure.error
  throw new Error("the gateway could not start", { cause: outcome.cause })
}

const once = (action: () => Promise<void>): (() => Promise<void>) => {
  let running: Promise<void> | undefined
  return () => {
    running ??= action()
    return running
  }
}

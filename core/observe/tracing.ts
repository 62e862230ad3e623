import { Context, Effect, Layer } from "effect"
import { FetchHttpClient } from "effect/http"
import { Otlp } from "effect/observability"

/** Whether spans are made. Off by default: spans cost more than the work they measure. */
class Tracing extends Context.Reference<boolean>("payhub/observe/Tracing", { defaultValue: () => false }) {}

/** Whether tracing is switched on in these services. */
export const isTracing = (services: Context.Context<never>): boolean => Context.get(services, Tracing)

/** Runs an effect inside a span if tracing is switched on. Attributes must not contain secrets or payers' data. */
export const spanned = <A, E, R>(
  name: string | (() => string),
  attributes: Readonly<Record<string, string>>,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.flatMap(Tracing, (on) =>
    on ? Effect.withSpan(effect, typeof name === "string" ? name : name(), { attributes }) : effect
  ) as Effect.Effect<A, E, R>

/** Sends spans, logs and metrics to an OpenTelemetry collector (OTLP over HTTP, JSON). @param endpoint its base URL */
export const tracingLayer = (endpoint: string | null): Layer.Layer<never> =>
  endpoint === null
    ? Layer.empty
    : Layer.mergeAll(
        Layer.succeed(Tracing, true),
        Otlp.layerJson({ baseUrl: endpoint, resource: { serviceName: "payhub" } }).pipe(
          Layer.provide(FetchHttpClient.layer)
        )
      )

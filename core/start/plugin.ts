import { type Layer, Schema } from "effect"
import type { Persistence } from "../pipeline/persistence/persistence.ts"
import type { ReplayStore } from "../pipeline/replay/replay.ts"
import type { ThrottleStore } from "../pipeline/throttle/throttle.ts"

/** Why the gateway does not start: the variable (or file) at fault, and a sentence that says what to do. No secrets. */
export class StartRefused extends Schema.TaggedError<StartRefused>()("StartRefused", {
  variable: Schema.String,
  message: Schema.String
}) {}

/**
 * A technology that the gateway stands on. Each slot it fills replaces the one of plugins before it; a layer's scope is
 * the gateway's life, and its finalizers run after requests and webhooks have drained. One that adds pages is an
 * HttpPlugin (core/http/http-plugin.ts).
 */
export interface Plugin {
  readonly name: string
  readonly persistence?: Layer.Layer<Persistence, StartRefused>
  readonly throttleStore?: Layer.Layer<ThrottleStore, StartRefused>
  readonly replayStore?: Layer.Layer<ReplayStore, StartRefused>
}

import type { Layer } from "effect"
import type { StartRefused } from "../config/start-refused.ts"
import type { PluginRoutes } from "../http/plugin-routes.ts"
import type { Persistence } from "../pipeline/persistence/persistence.ts"
import type { ReplayStore } from "../pipeline/replay/replay.ts"
import type { ThrottleStore } from "../pipeline/throttle/throttle.ts"

/**
 * A technology that the gateway stands on. Each slot that it fills replaces the one of plugins before it; a layer's
 * scope is the gateway's life, and its finalizers run after requests and webhooks have drained.
 */
export interface Plugin {
  readonly name: string
  readonly persistence?: Layer.Layer<Persistence, StartRefused>
  readonly throttleStore?: Layer.Layer<ThrottleStore, StartRefused>
  readonly replayStore?: Layer.Layer<ReplayStore, StartRefused>
  /** Pages and endpoints beside the gateway's own. */
  readonly http?: PluginRoutes
}

import type { Layer } from "effect"
import type { StartRefused } from "../config/start-refused.ts"
import type { PluginRoutes } from "../http/plugin-routes.ts"
import type { Persistence } from "../pipeline/persistence/persistence.ts"
import type { ReplayStore } from "../pipeline/replay/replay.ts"
import type { ThrottleStore } from "../pipeline/throttle/throttle.ts"

/**
 * A technology that the gateway uses. Each slot that a plugin fills replaces that of the plugins before it. A layer
 * lives as long as the gateway, and its finalizers run after requests and webhooks have drained.
 */
export interface Plugin {
  readonly name: string
  readonly persistence?: Layer.Layer<Persistence, StartRefused>
  readonly throttleStore?: Layer.Layer<ThrottleStore, StartRefused>
  readonly replayStore?: Layer.Layer<ReplayStore, StartRefused>
  /** Pages and endpoints in addition to the gateway's own. */
  readonly http?: PluginRoutes
}

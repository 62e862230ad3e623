import type { Route, Run } from "./call.ts"

/** What a plugin's pages can build on. */
export interface GatewayEdge {
  readonly run: Run
  /** Every route that the gateway serves besides the plugins' own. */
  readonly routes: ReadonlyArray<Route>
}

/** Pages and endpoints that a plugin adds to the gateway's own. */
export type PluginRoutes = (edge: GatewayEdge) => ReadonlyArray<Route>

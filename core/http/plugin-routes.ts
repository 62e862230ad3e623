import type { Route, Run } from "./call.ts"

/** What a plugin's pages can use. */
export interface GatewayEdge {
  readonly run: Run
  /** Every route of the gateway except those of plugins. */
  readonly routes: ReadonlyArray<Route>
}

/** Pages and endpoints that a plugin adds to the gateway's own. */
export type PluginRoutes = (edge: GatewayEdge) => ReadonlyArray<Route>

import type { Plugin } from "../start/plugin.ts"
import type { Route, Run } from "./edge.ts"

/** What a plugin's pages can build on. */
export interface GatewayEdge {
  readonly run: Run
  /** Every route that the gateway serves besides the plugin's own. */
  readonly routes: ReadonlyArray<Route>
}

/** A plugin that adds pages or endpoints to the gateway's own. */
export interface HttpPlugin extends Plugin {
  readonly http: (edge: GatewayEdge) => ReadonlyArray<Route>
}

/** The routes that plugins add, each plugin's in its turn. */
export const pluginRoutes = (plugins: ReadonlyArray<Plugin | HttpPlugin>, edge: GatewayEdge): ReadonlyArray<Route> =>
  plugins.flatMap((plugin) => ("http" in plugin ? plugin.http(edge) : []))

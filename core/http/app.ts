import { Elysia } from "elysia"
import type { GatewayConfig } from "../start/environment.ts"
import type { Plugin } from "../start/plugin.ts"
import { type Handler, makeEntrance, type Route, type Run } from "./edge.ts"
import { frameworkError } from "./envelope.ts"
import { type HttpPlugin, pluginRoutes } from "./http-plugin.ts"
import { FRAMEWORK } from "./merchant/messages.ts"
import { cashierRoutes } from "./merchant/routes.ts"
import { channelRoutes } from "./provider/routes.ts"

export interface AppOptions {
  readonly run: Run
  readonly config: GatewayConfig
  /** Providers that have pages of their own. */
  readonly siteIds: ReadonlyArray<string>
  /** Further routes: pages. */
  readonly routes: ReadonlyArray<Route>
  /** Those that are HttpPlugins add their routes. */
  readonly plugins: ReadonlyArray<Plugin | HttpPlugin>
}

/** The gateway's HTTP application: `app.fetch` is what a server calls, `drain` what its stop waits for. */
export const makeApp = ({ run, config, siteIds, routes, plugins }: AppOptions) => {
  const { entrance, drain } = makeEntrance(run, config)
  const own = [...cashierRoutes(run), ...channelRoutes(run, siteIds), ...routes]
  const all = [...own, ...pluginRoutes(plugins, { run, routes: own })]
  const app = new Elysia({ handler: { standardHostname: false } })

  for (const [path, methods] of byPath(all)) {
    for (const [method, handle] of methods) {
      app.route(method, path, ({ request, params }) => entrance(path, handle, request, params), { parse: "none" })
    }
    const allow = [...methods.keys()].join(", ")
    app.all(path, ({ request, params }) => entrance(path, refuseMethod(allow), request, params), { parse: "none" })
  }
  app.all("/*", ({ request }) => entrance("none", notFound, request, {}), { parse: "none" })
  app.onError(({ request }) => entrance("none", notFound, request, {}))

  return { app, drain }
}

const notFound: Handler = async (call) => frameworkError(call, FRAMEWORK.notFound)

const refuseMethod =
  (allow: string): Handler =>
  async (call) =>
    frameworkError(call, FRAMEWORK.methodNotAllowed, { allow })

/** Routes by path and method; what answers GET answers HEAD. */
const byPath = (routes: ReadonlyArray<Route>): Map<string, Map<string, Handler>> => {
  const paths = new Map<string, Map<string, Handler>>()
  for (const { method, path, handle } of routes) {
    const methods = paths.get(path) ?? new Map<string, Handler>()
    methods.set(method, handle)
    if (method === "GET") methods.set("HEAD", handle)
    paths.set(path, methods)
  }
  return paths
}

import { Elysia } from "elysia"
import type { GatewayConfig } from "../config.ts"
import { cashierRoutes } from "./cashier-routes.ts"
import { channelRoutes } from "./channel-routes.ts"
import { type Handler, makeEntrance, type Route, type Run } from "./edge.ts"
import { frameworkError } from "./envelope.ts"
import { FRAMEWORK } from "./messages.ts"

export interface AppOptions {
  readonly run: Run
  readonly config: GatewayConfig
  /** Providers that have pages of their own. */
  readonly siteIds: ReadonlyArray<string>
  /** Further routes: pages, documentation. */
  readonly routes: ReadonlyArray<Route>
}

/** The gateway's HTTP application: `app.fetch` is what a server calls, `drain` what its stop waits for. */
export const makeApp = ({ run, config, siteIds, routes }: AppOptions) => {
  const { entrance, drain } = makeEntrance(run, config)
  const all = [...cashierRoutes(run), ...channelRoutes(run, siteIds), ...routes]
  const app = new Elysia({ handler: { standardHostname: false } })

  for (const [path, methods] of byPath(all)) {
    for (const [method, handle] of methods) {
      app.route(method, path, ({ request, params }) => entrance(handle, request, params), { parse: "none" })
    }
    const allow = [...methods.keys()].join(", ")
    app.all(path, ({ request, params }) => entrance(refuseMethod(allow), request, params), { parse: "none" })
  }
  app.all("/*", ({ request }) => entrance(notFound, request, {}), { parse: "none" })
  app.onError(({ request }) => entrance(notFound, request, {}))

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

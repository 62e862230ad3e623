import { Elysia } from "elysia"
import type { GatewayConfig } from "../config/gateway-config.ts"
import type { WorkerFigures } from "../observe/worker-figures.ts"
import type { Handler, Route, Run } from "./call.ts"
import { demoRoutes } from "./demo/routes.ts"
import { makeEntrance } from "./edge.ts"
import { frameworkError } from "./envelope.ts"
import { FRAMEWORK } from "./errors/gateway.ts"
import { healthRoutes } from "./health.ts"
import { merchantRoutes } from "./merchant/routes.ts"
import { formPageRoutes } from "./payer/form-page.ts"
import { payPageRoutes } from "./payer/routes.ts"
import type { PluginRoutes } from "./plugin-routes.ts"
import { noticeRoutes } from "./provider/notice.ts"
import { siteRoutes } from "./provider/site.ts"
import { toolsRoutes } from "./tools/routes.ts"
import { assetRoutes } from "./web/asset-routes.ts"
import { qrCodeRoutes } from "./web/qr-code.ts"

export interface AppOptions {
  readonly run: Run
  readonly config: GatewayConfig
  /** Providers that have pages of their own. */
  readonly siteIds: ReadonlyArray<string>
  /** Reads the figures of all workers; undefined = this is the only process. */
  readonly figures: (() => Promise<ReadonlyArray<WorkerFigures>>) | undefined
  readonly plugins: ReadonlyArray<PluginRoutes>
}

/** The gateway's HTTP application: a server calls `app.fetch`, and its stop waits for `drain`. */
export const makeApp = ({ run, config, siteIds, figures, plugins }: AppOptions) => {
  const { entrance, drain } = makeEntrance(run, config)
  const own = [
    ...merchantRoutes(run),
    ...noticeRoutes(run),
    ...siteRoutes(run, siteIds),
    ...payPageRoutes(run),
    ...formPageRoutes(run),
    ...qrCodeRoutes(run),
    ...demoRoutes(run),
    ...toolsRoutes(run),
    ...healthRoutes(run, figures),
    ...assetRoutes
  ]
  const all = [...own, ...plugins.flatMap((plugin) => plugin({ run, routes: own }))]
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

/** Routes by path and method; a GET route answers HEAD too. */
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

import { Elysia } from "elysia"
import type { GatewayConfig } from "../config/gateway-config.ts"
import type { WorkerFigures } from "../observe/worker-figures.ts"
import type { Handler, Route, Run } from "./call.ts"
import { demoRoutes } from "./demo/routes.ts"
import { makeEntrance, type RequestKind, type Served } from "./edge.ts"
import { frameworkError } from "./envelope.ts"
import { FRAMEWORK } from "./errors/gateway.ts"
import { healthRoutes, monitorRoutes } from "./health.ts"
import { merchantRoutes, payerCallRoutes } from "./merchant/routes.ts"
import { formPageRoutes } from "./payer/form-page.ts"
import { returnPageRoutes } from "./payer/return-page.ts"
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
  const own: Readonly<Record<RequestKind, ReadonlyArray<Route>>> = {
    merchant: merchantRoutes(run),
    payer: [
      ...payerCallRoutes(run),
      ...payPageRoutes(run),
      ...formPageRoutes(run),
      ...returnPageRoutes(run),
      ...qrCodeRoutes(run),
      ...assetRoutes
    ],
    notice: noticeRoutes(run),
    site: siteRoutes(run, siteIds),
    page: [...demoRoutes(run), ...toolsRoutes(run)],
    health: healthRoutes,
    monitor: monitorRoutes(run, figures)
  }
  const routes = Object.values(own).flat()
  const all = { ...own, page: [...own.page, ...plugins.flatMap((plugin) => plugin({ run, routes }))] }
  const app = new Elysia({ handler: { standardHostname: false } })

  for (const [path, { kind, methods }] of byPath(all)) {
    for (const [method, served] of methods) {
      app.route(method, path, ({ request, params }) => entrance(served, request, params), { parse: "none" })
    }
    const refused = { kind, path, handle: refuseMethod([...methods.keys()].join(", ")) }
    app.all(path, ({ request, params }) => entrance(refused, request, params), { parse: "none" })
  }
  const nothing: Served = { kind: "page", path: "none", handle: notFound }
  app.all("/*", ({ request }) => entrance(nothing, request, {}), { parse: "none" })
  app.onError(({ request }) => entrance(nothing, request, {}))

  return { app, drain }
}

const notFound: Handler = async (call) => frameworkError(call, FRAMEWORK.notFound)

const refuseMethod =
  (allow: string): Handler =>
  async (call) =>
    frameworkError(call, FRAMEWORK.methodNotAllowed, { allow })

interface ServedPath {
  readonly kind: RequestKind
  readonly methods: Map<string, Served>
}

/** Routes by path and method; a GET route answers HEAD too. */
const byPath = (routes: Readonly<Record<RequestKind, ReadonlyArray<Route>>>): Map<string, ServedPath> => {
  const paths = new Map<string, ServedPath>()
  for (const kind of Object.keys(routes) as ReadonlyArray<RequestKind>) {
    for (const { method, path, body, handle } of routes[kind]) {
      const known = paths.get(path) ?? { kind, methods: new Map() }
      const served = { kind, path, body, handle }
      known.methods.set(method, served)
      if (method === "GET") known.methods.set("HEAD", served)
      paths.set(path, known)
    }
  }
  return paths
}

import type { Route } from "../call.ts"
import { frameworkError } from "../envelope.ts"
import { FRAMEWORK } from "../errors/gateway.ts"
import { assetResponse } from "./assets.ts"

/** `/assets/…`: the pages' scripts, styles and icons. */
export const assetRoutes: ReadonlyArray<Route> = [
  {
    method: "GET",
    path: "/assets/:name",
    handle: async (call) => assetResponse(call.params.name ?? "") ?? frameworkError(call, FRAMEWORK.notFound)
  }
]

import type { Route } from "../call.ts"
import { frameworkError } from "../envelope.ts"
import { FRAMEWORK } from "../errors/gateway.ts"
import { pageAsset } from "./assets.ts"

/** `/assets/…`: the pages' scripts, styles and icons. Links carry a version, so they may be kept for ever. */
export const assetRoutes: ReadonlyArray<Route> = [
  {
    method: "GET",
    path: "/assets/:name",
    handle: async (call) => {
      const asset = pageAsset(call.params.name ?? "")
      if (asset === undefined) return frameworkError(call, FRAMEWORK.notFound)
      return new Response(asset.body, {
        headers: {
          "content-type": asset.contentType,
          "cache-control": "public, max-age=31536000, immutable",
          "x-content-type-options": "nosniff"
        }
      })
    }
  }
]

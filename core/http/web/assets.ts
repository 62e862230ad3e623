import { createHash } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"

/** A file that pages load from `/assets/<name>`. */
export interface PageAsset {
  readonly contentType: string
  readonly body: Uint8Array<ArrayBuffer>
}

const TYPES: Readonly<Record<string, string>> = {
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml"
}

const folder = new URL("./assets/", import.meta.url)

const assets: ReadonlyMap<string, PageAsset> = new Map(
  readdirSync(folder)
    .sort()
    .flatMap((name): ReadonlyArray<[string, PageAsset]> => {
      const contentType = TYPES[name.slice(name.lastIndexOf(".") + 1)]
      return contentType === undefined
        ? []
        : [[name, { contentType, body: new Uint8Array(readFileSync(new URL(name, folder))) }]]
    })
)

/** Changes with any of the files, so that a cache never gives an upgraded page a file of the old version. */
export const ASSETS_VERSION = [...assets.values()]
  .reduce((hash, { body }) => hash.update(body), createHash("sha256"))
  .digest("hex")
  .slice(0, 12)

/** The file of that exact name, or undefined. Names are looked up, never joined to a path. */
export const pageAsset = (name: string): PageAsset | undefined => assets.get(name)

/** The response of `/assets/<name>`, or undefined. Links carry a version, so it may be kept for ever. */
export const assetResponse = (name: string): Response | undefined => {
  const asset = pageAsset(name)
  if (asset === undefined) return undefined
  return new Response(asset.body, {
    headers: {
      "content-type": asset.contentType,
      "cache-control": "public, max-age=31536000, immutable",
      "x-content-type-options": "nosniff"
    }
  })
}

/** What a page links: `/assets/pay.js?v=…`. */
export const assetUrl = (name: string): string => {
  if (!assets.has(name)) throw new Error(`no page asset is called ${name}`)
  return `/assets/${name}?v=${ASSETS_VERSION}`
}

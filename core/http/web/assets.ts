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

/** Changes with any of the files, so that a long cache never gives an upgraded page a file of the old one. */
export const ASSETS_VERSION = [...assets.values()]
  .reduce((hash, { body }) => hash.update(body), createHash("sha256"))
  .digest("hex")
  .slice(0, 12)

/** The file of that exact name, or undefined; names are looked up, never joined to a path. */
export const pageAsset = (name: string): PageAsset | undefined => assets.get(name)

/** What a page links: `/assets/pay.js?v=…`. */
export const assetUrl = (name: string): string => {
  if (!assets.has(name)) throw new Error(`no page asset is called ${name}`)
  return `/assets/${name}?v=${ASSETS_VERSION}`
}

import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { promisify } from "node:util"
import { gzip } from "node:zlib"

/** A file of the documentation's pages, served under `/swagger/assets/`. */
interface DocsAsset {
  readonly contentType: string
  readonly body: Uint8Array<ArrayBuffer>
  /** Compresses once, off the main thread, so that orders do not wait for documentation. */
  readonly gzipped: () => Promise<Uint8Array<ArrayBuffer>>
}

const compress = promisify(gzip)

const JS = "text/javascript; charset=utf-8"
const CSS = "text/css; charset=utf-8"

const { resolve } = createRequire(import.meta.url)
const own = (name: string): URL => new URL(`./assets/${name}`, import.meta.url)

const OWN = [
  "reference.css",
  "reference.js",
  "samples.css",
  "samples.js",
  "side.css",
  "side.js",
  "translate.js",
  "try-it.js"
]

/** Swagger UI comes from its npm package and is never fetched from elsewhere, so that the page works offline. */
const FILES: Readonly<Record<string, { readonly file: string | URL; readonly contentType: string }>> = {
  "swagger-ui-bundle.js": { file: resolve("swagger-ui-dist/swagger-ui-bundle.js"), contentType: JS },
  "swagger-ui.css": { file: resolve("swagger-ui-dist/swagger-ui.css"), contentType: CSS },
  ...Object.fromEntries(OWN.map((name) => [name, { file: own(name), contentType: name.endsWith(".js") ? JS : CSS }]))
}

const read = new Map<string, DocsAsset>()

/**
 * The file of that exact name, or undefined. Each file is read at its first request and kept in memory: 1.9 MB for all of
 * them, 0.5 MB compressed.
 */
export const docsAsset = (name: string): DocsAsset | undefined => {
  const known = read.get(name)
  if (known !== undefined) return known
  const found = Object.hasOwn(FILES, name) ? FILES[name] : undefined
  if (found === undefined) return undefined
  const body = new Uint8Array(readFileSync(found.file))
  let zipped: Promise<Uint8Array<ArrayBuffer>> | undefined
  const gzipped = () => {
    zipped ??= compress(body).then((bytes) => new Uint8Array(bytes))
    return zipped
  }
  const asset: DocsAsset = { contentType: found.contentType, body, gzipped }
  read.set(name, asset)
  return asset
}

/**
 * The address under which pages link a file. It changes with the content of any of our own files, which load each other
 * under the version that they were loaded with, so browsers may keep the file for ever.
 */
export const docsAssetUrl = (name: string): string => {
  if (docsAsset(name) === undefined) throw new Error(`no asset of the documentation is called ${name}`)
  return `/swagger/assets/${name}?v=${OWN.includes(name) ? ownVersion() : versionOf([name])}`
}

const versionOf = (names: ReadonlyArray<string>): string => {
  const hash = createHash("sha256")
  for (const name of names) hash.update(docsAsset(name)?.body ?? "")
  return hash.digest("hex").slice(0, 12)
}

let known: string | undefined
const ownVersion = (): string => {
  known ??= versionOf(OWN)
  return known
}

import { readdir, stat } from "node:fs/promises"
import { isAbsolute, join, resolve } from "node:path"
import { pathToFileURL } from "node:url"
import type { AnyProvider } from "../cashier/opened-account.ts"
import { StartRefused } from "../config/start-refused.ts"

/** Folders of `channels/` that are not channels. */
const NOT_CHANNELS = ["protocols"]

/**
 * Loads every channel in a folder of channels, and those that are named.
 * @param folder the `channels/` folder: each folder in it with an index.ts is a channel
 * @param named PAYHUB_CHANNELS: packages, or folders by their absolute path
 * @throws StartRefused naming PAYHUB_CHANNELS and what could not be loaded
 */
export const loadChannels = async (
  folder: string,
  named: ReadonlyArray<string>
): Promise<ReadonlyArray<AnyProvider>> => {
  const found: Array<AnyProvider> = []
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => [])
  const names = entries.map(({ name }) => name).sort()
  for (const name of names) {
    const entry = join(folder, name, "index.ts")
    if (!NOT_CHANNELS.includes(name) && (await isFile(entry))) found.push(await load(pathToFileURL(entry).href, entry))
  }
  for (const name of named) found.push(await load(await specifierOf(name), name))

  const ids = new Set<string>()
  for (const { id } of found) {
    if (ids.has(id)) throw refused(`two channels have the id "${id}"`)
    ids.add(id)
  }
  return found
}

/** A name as an import specifier: a folder or file if it looks like a path, else a package. */
const specifierOf = async (name: string): Promise<string> => {
  if (!isAbsolute(name) && !name.startsWith(".")) return name
  const path = resolve(process.cwd(), name)
  if (await isFile(path)) return pathToFileURL(path).href
  return pathToFileURL(join(path, "index.ts")).href
}

const load = async (specifier: string, name: string): Promise<AnyProvider> => {
  let loaded: { readonly default?: unknown }
  try {
    loaded = await import(specifier)
  } catch (error) {
    throw refused(`the channel "${name}" cannot be loaded: ${error instanceof Error ? error.message : String(error)}`)
  }
  if (!isProvider(loaded.default)) throw refused(`"${name}" has no ChannelProvider as its default export`)
  return loaded.default
}

const isProvider = (value: unknown): value is AnyProvider =>
  typeof value === "object" &&
  value !== null &&
  "id" in value &&
  typeof value.id === "string" &&
  /^[a-z0-9][a-z0-9-]*$/.test(value.id) &&
  "products" in value &&
  Array.isArray(value.products) &&
  "account" in value &&
  "open" in value &&
  typeof value.open === "function" &&
  "egress" in value &&
  typeof value.egress === "function"

const refused = (why: string): StartRefused =>
  new StartRefused({ variable: "PAYHUB_CHANNELS", message: `PAYHUB_CHANNELS: ${why}.` })

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isFile(),
    () => false
  )

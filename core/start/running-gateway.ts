import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { GatewayConfig } from "../config/gateway-config.ts"
import { type GatewayUrls, localUrlOf } from "../config/own-url.ts"

/*
 * The address of a data folder's running gateway, for commands: with port 0, only the gateway knows its port. The file
 * is a hint, not a lock.
 */

/** What a gateway tells of itself once it listens. */
interface GatewayAddress {
  readonly url: string
  readonly publicUrl: string
}

const fileOf = (config: GatewayConfig): string => join(config.dataFolder, "gateway.json")

/** Writes down where the gateway listens and what it calls itself. */
export const noteGateway = async (config: GatewayConfig, { url, publicUrl }: GatewayAddress): Promise<void> => {
  await mkdir(config.dataFolder, { recursive: true, mode: 0o700 })
  const draft = `${fileOf(config)}.${process.pid}`
  await writeFile(draft, JSON.stringify({ url, publicUrl, pid: process.pid }), { mode: 0o600 })
  await rename(draft, fileOf(config))
}

export const forgetGateway = (config: GatewayConfig): Promise<void> => rm(fileOf(config), { force: true })

/** The URLs of the running gateway: those it wrote down, else the configured ones. */
export const runningGateway = async (config: GatewayConfig): Promise<GatewayUrls> => {
  let noted: { readonly url?: unknown; readonly publicUrl?: unknown } = {}
  try {
    noted = JSON.parse(await readFile(fileOf(config), "utf8")) as typeof noted
  } catch {
    // No gateway has run on this folder.
  }
  const localUrl = typeof noted.url === "string" ? noted.url : localUrlOf(config.host, config.port)
  const publicUrl = config.publicUrl ?? (typeof noted.publicUrl === "string" ? noted.publicUrl : localUrl)
  return { localUrl, publicUrl }
}

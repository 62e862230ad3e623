import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { GatewayConfig } from "../config/gateway-config.ts"
import { localUrlOf } from "../config/own-url.ts"

/*
 * The address of a data folder's running gateway, for commands: with port 0, only the gateway knows its port. The file
 * is a hint, not a lock.
 */

const fileOf = (config: GatewayConfig): string => join(config.dataFolder, "gateway.json")

/** Writes down where the gateway listens. */
export const noteGateway = async (config: GatewayConfig, url: string): Promise<void> => {
  await mkdir(config.dataFolder, { recursive: true, mode: 0o700 })
  const draft = `${fileOf(config)}.${process.pid}`
  await writeFile(draft, JSON.stringify({ url, pid: process.pid }), { mode: 0o600 })
  await rename(draft, fileOf(config))
}

export const forgetGateway = (config: GatewayConfig): Promise<void> => rm(fileOf(config), { force: true })

/** URL of the running gateway: the one it wrote down, else the configured one. */
export const runningGatewayUrl = async (config: GatewayConfig): Promise<string> => {
  try {
    const { url } = JSON.parse(await readFile(fileOf(config), "utf8")) as { readonly url?: unknown }
    if (typeof url === "string") return url
  } catch {
    // No gateway has run on this folder.
  }
  return localUrlOf(config.host, config.port)
}

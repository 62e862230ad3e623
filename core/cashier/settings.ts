import { createHmac } from "node:crypto"
import { Context, Redacted } from "effect"
import type { GatewayUrls } from "../channel/gateway-urls.ts"
import type { GatewayConfig } from "../start/environment.ts"

/** What the running gateway knows of itself. */
export class Settings extends Context.Service<
  Settings,
  {
    readonly config: GatewayConfig
    /** Known once it listens. */
    readonly urls: () => GatewayUrls
    /** Where the demo's webhooks go: this gateway, by loopback. */
    readonly ownReceiver: () => string
    /** Signs links that the gateway hands out and must recognise later, in any of its processes. */
    readonly linkKey: Uint8Array
  }
>()("payhub/cashier/Settings") {}

/** The path of the demo's webhook receiver. */
export const OWN_RECEIVER_PATH = "/demo/webhook"

/** A key for links, drawn from the master key so that every process has the same one and a leak of it opens nothing. */
export const linkKeyOf = (masterKey: Redacted.Redacted<string>): Uint8Array =>
  createHmac("sha256", Buffer.from(Redacted.value(masterKey), "base64"))
    .update("payhub/links/v1")
    .digest()

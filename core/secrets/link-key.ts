import { createHmac } from "node:crypto"
import { Context, Redacted } from "effect"

/** Signs links that the gateway hands out and must recognise later, in any of its processes. 32 bytes. */
export class LinkKey extends Context.Service<LinkKey, Uint8Array>()("payhub/secrets/LinkKey") {}

/** Derives the link key from the master key: every process has the same one, and a leak of it opens nothing sealed. */
export const linkKeyOf = (masterKey: Redacted.Redacted<string>): Uint8Array =>
  createHmac("sha256", Buffer.from(Redacted.value(masterKey), "base64"))
    .update("payhub/links/v1")
    .digest()

/** Seals a text for one purpose: 32 hex digits that only this gateway's processes can make. */
export const linkMac = (linkKey: Uint8Array, purpose: "qr" | "form" | "oauth-state", text: string): string =>
  createHmac("sha256", linkKey).update(`${purpose}:${text}`).digest("hex").slice(0, 32)

import { createHmac } from "node:crypto"
import { Context, Redacted } from "effect"

/** The key (32 bytes) that signs links which the gateway hands out and any of its processes must recognise later. */
export class LinkKey extends Context.Service<LinkKey, Uint8Array>()("payhub/secrets/LinkKey") {}

/** Derives the link key from the master key: every process has the same key, and a leaked link key decrypts nothing. */
export const linkKeyOf = (masterKey: Redacted.Redacted<string>): Uint8Array =>
  createHmac("sha256", Buffer.from(Redacted.value(masterKey), "base64"))
    .update("payhub/links/v1")
    .digest()

/** A MAC over a text for one purpose: 32 hex digits (128 bits) that only this gateway's processes can make. */
export const linkMac = (
  linkKey: Uint8Array,
  purpose: "qr" | "form" | "return" | "oauth-state" | "pay-token",
  text: string
): string => createHmac("sha256", linkKey).update(`${purpose}:${text}`).digest("hex").slice(0, 32)

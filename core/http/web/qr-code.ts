import { createHmac } from "node:crypto"
import QRCode from "qrcode"
import { sameDigest } from "../../domain/signature.ts"

/*
 * `qrCodeUrl` for channels that give only a code's text. The text travels in the link under a MAC, so that nobody can
 * make the gateway draw codes of their own. Nothing is stored, and any process can draw it.
 */

const MAC_HEX = 32

/** The link of a code's PNG. */
export const qrLink = (publicUrl: string, key: Uint8Array, content: string): string =>
  `${publicUrl}/qr/${Buffer.from(content).toString("base64url")}.${mac(key, content)}.png`

/** The code's text from a link's last part, or undefined if the gateway did not make the link. */
export const qrContent = (key: Uint8Array, name: string): string | undefined => {
  const [encoded, digest, ending] = name.split(".")
  if (encoded === undefined || digest === undefined || ending !== "png") return undefined
  const content = Buffer.from(encoded, "base64url").toString("utf8")
  return sameDigest(mac(key, content), digest) ? content : undefined
}

/** Bytes that a code holds at most at error correction level M, and at the lowest level, L. */
const LEVEL_M_BYTES_MAX = 2_331
const QR_BYTES_MAX = 2_953

/** A QR code as PNG, 8 pixels per module, with the quiet zone that scanners need; null if the text is too long for any. */
export const qrPng = async (content: string): Promise<Uint8Array | null> => {
  const bytes = Buffer.byteLength(content)
  if (bytes > QR_BYTES_MAX) return null
  const errorCorrectionLevel = bytes > LEVEL_M_BYTES_MAX ? "L" : "M"
  return QRCode.toBuffer(content, { type: "png", margin: 4, scale: 8, errorCorrectionLevel })
}

const mac = (key: Uint8Array, content: string): string =>
  createHmac("sha256", key).update(`qr:${content}`).digest("hex").slice(0, MAC_HEX)

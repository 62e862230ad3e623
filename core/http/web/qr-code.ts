import { Effect } from "effect"
import QRCode from "qrcode"
import { OWN_PATHS } from "../../config/own-url.ts"
import { sameDigest } from "../../domain/signature.ts"
import { LinkKey, linkMac } from "../../secrets/link-key.ts"
import type { Handler, Route, Run } from "../call.ts"
import { notFound, respond } from "../respond.ts"

/*
 * `qrCodeUrl` for channels that give only a code's text: the text travels in the link, sealed by a MAC so that nobody
 * can have us draw codes of theirs. Nothing is stored, and any process can draw it.
 */

/** The link of a code's PNG. */
export const qrLink = (publicUrl: string, linkKey: Uint8Array, content: string): string =>
  `${publicUrl}${OWN_PATHS.qrCode}${Buffer.from(content).toString("base64url")}.${linkMac(linkKey, "qr", content)}.png`

/** The code's text of a link's last part, or undefined when we did not make it. */
const qrContent = (linkKey: Uint8Array, name: string): string | undefined => {
  const [encoded, digest, ending] = name.split(".")
  if (encoded === undefined || digest === undefined || ending !== "png") return undefined
  const content = Buffer.from(encoded, "base64url").toString("utf8")
  return sameDigest(linkMac(linkKey, "qr", content), digest) ? content : undefined
}

/** The most bytes that a code holds at level M, and at all (level L). */
const LEVEL_M_BYTES_MAX = 2_331
const QR_BYTES_MAX = 2_953

/** A QR code as PNG, 8 pixels a module with the quiet zone that scanners want; null when no code holds so much. */
const qrPng = async (content: string): Promise<Uint8Array | null> => {
  const bytes = Buffer.byteLength(content)
  if (bytes > QR_BYTES_MAX) return null
  const errorCorrectionLevel = bytes > LEVEL_M_BYTES_MAX ? "L" : "M"
  return QRCode.toBuffer(content, { type: "png", margin: 4, scale: 8, errorCorrectionLevel })
}

export const qrCodeRoutes = (run: Run): ReadonlyArray<Route> => [
  { method: "GET", path: `${OWN_PATHS.qrCode}:name`, handle: image(run) }
]

const image =
  (run: Run): Handler =>
  (call) =>
    respond(run, call, drawn(decodeURIComponent(call.params.name ?? "")), (png) =>
      png === null
        ? notFound(call)
        : new Response(new Uint8Array(png), {
            headers: {
              "content-type": "image/png",
              // A link says all that is in it, so what it shows never changes.
              "cache-control": "public, max-age=86400, immutable",
              "x-content-type-options": "nosniff",
              "cross-origin-resource-policy": "cross-origin"
            }
          })
    )

const drawn = Effect.fnUntraced(function* (name: string) {
  const content = qrContent(yield* LinkKey, name)
  return content === undefined ? null : yield* Effect.promise(() => qrPng(content))
})

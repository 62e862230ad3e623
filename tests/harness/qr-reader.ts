import jsQR from "jsqr"
import { PNG } from "pngjs"

/** The text of the QR code in a PNG, read from its pixels as a phone reads it. @throws where no whole code is found */
export const readQrCode = (png: Uint8Array): string => {
  const { width, height, data } = PNG.sync.read(Buffer.from(png))
  const code = jsQR(new Uint8ClampedArray(data), width, height, { inversionAttempts: "dontInvert" })
  if (code === null) throw new Error(`no QR code in a picture of ${width} × ${height}`)
  return code.data
}

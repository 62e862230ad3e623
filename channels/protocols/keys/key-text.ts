/** One DER file found in a pasted text. */
export interface Found {
  readonly der: Uint8Array
  /**
   * The whole text of a traditional encrypted PEM ("Proc-Type: 4,ENCRYPTED"), which is no DER until it is decrypted.
   */
  readonly encryptedPem?: string
}

/** Why a text holds no readable file: the end of a sentence that begins with the field's name. */
export interface NotReadable {
  readonly problem: string
}

const PEM = /-----BEGIN ([A-Z0-9 ]+)-----([\s\S]*?)-----END \1-----/g

/**
 * The DER files in a text that is PEM (one or several blocks, lines joined or not, `\n` spelled out as environment
 * variables often have it), Base64 of DER on one or many lines, or Base64 of a whole PEM file.
 */
export const readKeyText = (pasted: string): ReadonlyArray<Found> | NotReadable => {
  const text = pasted
    .replace(/^\uFEFF/, "")
    .replaceAll("\\r", "")
    .replaceAll("\\n", "\n")
    .trim()
  if (text === "") return { problem: "is empty" }
  if (text.includes("-----BEGIN")) return readPem(text)
  const der = readBase64(text)
  if ("problem" in der) return der
  const decoded = Buffer.from(der.bytes).toString("latin1")
  return decoded.includes("-----BEGIN") ? readPem(decoded) : [{ der: der.bytes }]
}

const readPem = (text: string): ReadonlyArray<Found> | NotReadable => {
  const found: Array<Found> = []
  for (const [whole, , inner = ""] of text.matchAll(PEM)) {
    if (/Proc-Type:\s*4,\s*ENCRYPTED/.test(inner)) {
      found.push({ der: new Uint8Array(), encryptedPem: whole })
      continue
    }
    const der = readBase64(inner)
    if ("problem" in der) return der
    found.push({ der: der.bytes })
  }
  const begun = text.split("-----BEGIN").length - 1
  return found.length === 0 || found.length < begun ? { problem: "is cut off: its END line is missing" } : found
}

const readBase64 = (text: string): { readonly bytes: Uint8Array } | NotReadable => {
  const base64 = text.replaceAll(/\s+/g, "")
  const body = base64.replace(/={1,2}$/, "")
  if (body === "" || !/^[A-Za-z0-9+/]+$/.test(body)) {
    return {
      problem: "is neither PEM (-----BEGIN …) nor Base64: paste the file's text, or the output of `base64 -w0 FILE`"
    }
  }
  // Four characters carry three bytes; one left over carries none.
  if (body.length % 4 === 1) return { problem: "is cut off: its Base64 ends in the middle" }
  return { bytes: Buffer.from(body, "base64") }
}

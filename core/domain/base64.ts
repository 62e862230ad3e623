/**
 * The bytes of a text in standard Base64 with its padding; undefined when the text is empty or spelled in any other way.
 * `Buffer.from` also reads unpadded, URL-safe and broken spellings, so that one signature would have many texts.
 */
export const bytesOfBase64 = (text: string): Buffer | undefined => {
  const bytes = Buffer.from(text, "base64")
  return bytes.length > 0 && bytes.toString("base64") === text ? bytes : undefined
}

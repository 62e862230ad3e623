import { utf8Prefix } from "../../core/channel/index.ts"

/**
 * A text that providers accept which count bytes and know only characters of the basic plane (protocols/channels.md C3
 * and I). Characters beyond it (emoji) are left out, together with their joiners and variation selectors; control
 * characters become a space.
 * @param bytesMax upper bound in UTF-8
 * @param fallback replaces a text of which nothing is left
 */
export const plainText = (text: string, bytesMax: number, fallback: string): string => {
  const plain = text
    .replaceAll(/[\u{10000}-\u{10ffff}\ud800-\udfff]/gu, "")
    .replaceAll(/\u200d|\ufe0e|\ufe0f|\u20e3/g, "")
    .replaceAll(/\p{Cc}+/gu, " ")
    .trim()
  return plain === "" ? fallback : utf8Prefix(plain, bytesMax).trim()
}

const encoder = new TextEncoder()

/**
 * The longest beginning of a text that takes at most `bytesMax` bytes in UTF-8, for providers that count bytes. It ends
 * between two characters: a character that does not fit whole is left out whole.
 */
export const utf8Prefix = (text: string, bytesMax: number): string =>
  text.slice(0, encoder.encodeInto(text, new Uint8Array(bytesMax)).read)

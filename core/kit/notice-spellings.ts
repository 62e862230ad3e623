/* A notice's body, JSON or form, written differently: what a provider could have sent, and what a forger would. */

const parsed = (text: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}

const isForm = (text: string): boolean => /^[\w.-]+=/.test(text)

/** The same notice with its fields in another order; undefined = its form is unknown. */
export const reordered = (text: string): string | undefined => {
  const value = parsed(text)
  if (value !== undefined) return JSON.stringify(Object.fromEntries(Object.entries(value).reverse()))
  return isForm(text) ? text.split("&").reverse().join("&") : undefined
}

/** The same notice, written in other ways that mean the same. */
export const respelled = (text: string): ReadonlyArray<string> => {
  const value = parsed(text)
  if (value !== undefined) return [JSON.stringify(value, null, 1), ` ${text}`]
  if (!isForm(text)) return []
  const everything = (part: string) =>
    [...Buffer.from(decodeURIComponent(part.replaceAll("+", " ")))]
      .map((byte) => `%${byte.toString(16).padStart(2, "0")}`)
      .join("")
  return [
    text
      .split("&")
      .map((pair) => pair.split("=").map(everything).join("="))
      .join("&"),
    `&${text}`
  ]
}

/** The same notice with each field once more, with another value. */
export const doubled = (text: string): ReadonlyArray<string> => {
  const value = parsed(text)
  if (value !== undefined) {
    return Object.keys(value).flatMap((name) => {
      const field = `${JSON.stringify(name)}:"1"`
      return [text.replace(/\}\s*$/, `,${field}}`), text.replace("{", `{${field},`)]
    })
  }
  if (!isForm(text)) return []
  return text.split("&").flatMap((pair) => [`${text}&${pair.split("=")[0]}=1`, `${pair.split("=")[0]}=1&${text}`])
}

/* A notice spelled in other ways, as text: a JSON object or a form. */

const parsed = (text: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}

const isForm = (text: string): boolean => /^[\w.-]+=/.test(text)

/** The same fields in another order; undefined = neither JSON nor a form. */
export const reordered = (text: string): string | undefined => {
  const value = parsed(text)
  if (value !== undefined) return JSON.stringify(Object.fromEntries(Object.entries(value).reverse()))
  return isForm(text) ? text.split("&").reverse().join("&") : undefined
}

/** The same values in other bytes: white space in JSON, every byte of a form escaped. */
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

/** The same fields, and one of them once more with another value, before or behind the rest. */
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

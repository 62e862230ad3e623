/** Markup that is safe to put into a page as it is; only the functions of this file and constants make it. */
export class Html {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

export type HtmlValue = string | number | Html | null | undefined | false | ReadonlyArray<HtmlValue>

/**
 * A template whose values are escaped, for text and for double-quoted attributes, unless they are Html themselves.
 * Lists are joined; null, undefined and false print nothing.
 */
export const html = (parts: TemplateStringsArray, ...values: ReadonlyArray<HtmlValue>): Html => {
  let text = parts[0] ?? ""
  for (const [i, value] of values.entries()) text += printed(value) + (parts[i + 1] ?? "")
  return new Html(text)
}

const printed = (value: HtmlValue): string => {
  if (value === null || value === undefined || value === false) return ""
  if (value instanceof Html) return value.text
  if (typeof value === "string" || typeof value === "number") return escapeHtml(String(value))
  return value.map(printed).join("")
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;"
}

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? "")

/**
 * An element whose names are data; attribute values are escaped.
 * @param content null = a void element, without an end tag
 */
export const taggedHtml = (tag: string, attributes: Readonly<Record<string, string>>, content: Html | null): Html => {
  const written = Object.entries(attributes).map(([name, value]) => ` ${nameOf(name)}="${escapeHtml(value)}"`)
  const start = `<${nameOf(tag)}${written.join("")}>`
  return new Html(content === null ? start : `${start}${content.text}</${tag}>`)
}

const nameOf = (name: string): string => {
  if (!/^[a-z][a-z0-9-]*$/.test(name)) throw new Error(`"${name}" is no name of an element or attribute`)
  return name
}

/**
 * Data for a page's script, as an inert block that its script reads with JSON.parse. `<`, `>` and `&` become
 * \u escapes, so no text in the data can end the block or begin a comment in it.
 */
export const jsonScript = (id: string, value: unknown): Html => {
  const text = JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
  )
  return new Html(`<script type="application/json" id="${escapeHtml(id)}">${text}</script>`)
}

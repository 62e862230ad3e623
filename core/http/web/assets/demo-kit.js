/* What the demo's modules share: the page's data and its words. */

// Imported with this file's own ?v=, so that a cache never mixes two versions.
const { search } = new URL(import.meta.url)
const { fill } = await import(`./page-kit.js${search}`)

/** The element of that id, which the page has. */
export function byId(id) {
  return document.getElementById(id)
}

const { baseUrl, texts, events } = JSON.parse(byId("view").textContent)

export { baseUrl, events }

/** A text of the page with its placeholders filled. */
export const say = (name, values = {}) => fill(texts[name], values)

/** A JSON text's value; null if it is none. */
export function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** A time as the reader's clock shows it. */
export function clock(at) {
  const time = new Date(at)
  return Number.isNaN(time.getTime()) ? String(at) : time.toLocaleTimeString([], { hour12: false })
}

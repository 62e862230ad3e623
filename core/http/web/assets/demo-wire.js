/* Lays out the messages that travelled. White space changes, tokens never do: 1.00 must not become 1. */

/** Strings, then numbers and words, then punctuation; white space falls between them. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[^\s"{}[\],:]+|[{}[\],:]/g

/** JSON text with line breaks and indents, its tokens unchanged; a text that is not JSON comes back as it is. */
export function jsonLines(text) {
  try {
    JSON.parse(text)
  } catch {
    return text
  }
  let lines = ""
  let depth = 0
  const line = () => `\n${"  ".repeat(depth)}`
  const all = text.match(TOKEN) ?? []
  for (const [i, token] of all.entries()) {
    const next = all[i + 1]
    if (token === "{" || token === "[") {
      depth += 1
      lines += token + (next === "}" || next === "]" ? "" : line())
    } else if (token === "}" || token === "]") {
      depth -= 1
      const before = all[i - 1]
      lines += (before === "{" || before === "[" ? "" : line()) + token
    } else if (token === ",") lines += token + line()
    else if (token === ":") lines += ": "
    else lines += token
  }
  return lines
}

/** Laid-out JSON as [kind, text] pieces for colouring: key, sign, text, number, word or plain. */
export function tokens(lines) {
  const pieces = []
  const pattern = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d[\d.eE+-]*)|(true|false|null)/g
  let end = 0
  let key = ""
  for (const match of lines.matchAll(pattern)) {
    const [whole, string, colon, number] = match
    pieces.push(["plain", lines.slice(end, match.index)])
    end = match.index + whole.length
    if (string !== undefined && colon !== undefined) {
      key = string
      pieces.push(["key", string], ["plain", colon])
    } else if (string !== undefined) pieces.push([key === '"sign"' ? "sign" : "text", string])
    else pieces.push([number === undefined ? "word" : "number", whole])
  }
  pieces.push(["plain", lines.slice(end)])
  return pieces
}

/** The string that a flat JSON object's `sign` covers: sorted by name, without empty and null, values unchanged. */
export function signedString(bodyText) {
  const pairs = []
  for (const [, name, value] of bodyText.matchAll(/("(?:[^"\\]|\\.)*")\s*:\s*("(?:[^"\\]|\\.)*"|[^\s,}]+)/g)) {
    const key = JSON.parse(name)
    const text = value.startsWith('"') ? JSON.parse(value) : value
    if (key !== "sign" && text !== "" && value !== "null") pairs.push([key, text])
  }
  pairs.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return pairs.map(([key, text]) => `${key}=${text}`).join("&")
}

/* What the scripts of the merchants' pages share. */

/** A text with its `{name}` placeholders filled, as the server's `fill` does it. */
export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (_placeholder, name) => String(values[name] ?? ""))
}

export function element(name, className, ...children) {
  const made = document.createElement(name)
  if (className !== "") made.className = className
  made.append(...children)
  return made
}

/** Whether the text is on the clipboard now. Plain http pages have no Clipboard API; the old command stands in. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const field = document.createElement("textarea")
    field.value = text
    field.readOnly = true
    field.className = "offstage"
    document.body.append(field)
    field.select()
    const copied = document.execCommand("copy")
    field.remove()
    return copied
  }
}

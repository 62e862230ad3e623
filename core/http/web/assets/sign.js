/* The signature debugger's page: calls `/api/tools/sign-check` and shows its findings. Nothing is kept. */

// Imported with this file's own ?v=, so that a cache never mixes two versions.
const { copyText, element, fill } = await import(`./page-kit.js${new URL(import.meta.url).search}`)

const texts = JSON.parse(document.getElementById("texts").textContent)
const form = document.getElementById("sign-form")
const button = document.getElementById("check-button")
const result = document.getElementById("result")

button.disabled = false
form.addEventListener("submit", async (event) => {
  event.preventDefault()
  button.disabled = true
  button.textContent = texts.checking
  try {
    show(await ask())
  } catch {
    show({ message: texts.unreachable })
  } finally {
    button.disabled = false
    button.textContent = texts.submit
    // On a phone the result stands below the form, out of sight.
    result.scrollIntoView({ block: "nearest" })
  }
})

async function ask() {
  const fields = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, typed(name, String(value))]))
  const response = await fetch("/api/tools/sign-check", {
    method: "POST",
    headers: { "content-type": "application/json", "accept-language": texts.language },
    body: JSON.stringify(fields)
  })
  const { message, data } = await response.json()
  return { message, check: response.ok ? data : undefined }
}

/** Text areas give line breaks as \r\n, but the string that was signed had what was pasted. */
function typed(name, value) {
  return name === "canonical" ? value.replaceAll("\r\n", "\n") : value.trim()
}

function show({ message, check }) {
  document.getElementById("how").hidden = true
  result.hidden = false
  if (check === undefined) {
    result.replaceChildren(element("p", "alert verdict", message))
    return
  }
  const { verified, difference, findings, canonical } = check
  const clean = verified && difference === null
  const verdict = clean ? texts.verified : verified ? texts.verifiedButString : texts.failed
  result.replaceChildren(
    element("p", clean ? "alert verdict good" : "alert verdict", verdict),
    ...(difference === null ? [] : [differencePart(difference)]),
    ...(findings.length === 0 ? [] : [findingsPart(findings)]),
    canonicalPart(canonical)
  )
}

function differencePart({ byte, parameter, expected, actual }) {
  const title = parameter === null ? fill(texts.difference, { byte }) : fill(texts.differenceAt, { byte, parameter })
  const list = element("dl", "compare")
  for (const [name, text, kind] of [
    [texts.expected, expected, "right"],
    [texts.actual, actual, "wrong"]
  ]) {
    const [first = "", ...rest] = text
    const shown = element("dd", kind)
    shown.append(element("mark", "", visible(first) || texts.end), rest.join(""))
    list.append(element("dt", "", name), shown)
  }
  return part(title, list)
}

/** White space as a visible sign, because it may be the difference. */
function visible(character) {
  return { " ": "␠", "\n": "⏎", "\r": "␍", "\t": "⇥" }[character] ?? character
}

function findingsPart(findings) {
  const list = element("ul", "findings")
  for (const { code, message, remedy } of findings) {
    const item = element("li", "")
    item.dataset.code = code
    item.append(element("strong", "", message), element("span", "", remedy))
    list.append(item)
  }
  return part(texts.findings, list)
}

function canonicalPart(canonical) {
  const copy = element("button", "button small", texts.copy)
  copy.type = "button"
  copy.addEventListener("click", async () => {
    copy.textContent = (await copyText(canonical)) ? texts.copied : texts.copyFailed
  })
  const text = element("div", "plain", canonical)
  text.id = "canonical-string"
  return part(texts.canonical, text, copy)
}

function part(title, content, action) {
  const section = element("section", "part")
  const head = element("div", "part-head")
  head.append(element("h2", "", title), ...(action === undefined ? [] : [action]))
  section.append(head, content)
  return section
}

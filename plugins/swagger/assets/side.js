/* The contents and the search beside every page of the documentation. */

const { index, texts } = JSON.parse(document.getElementById("side").textContent)
const contents = document.getElementById("contents")
const search = document.getElementById("search")
const input = document.getElementById("search-input")
const results = document.getElementById("search-results")
const status = document.getElementById("search-status")

/** The width from which the contents stand beside the page: as in side.css. */
const wide = matchMedia("(min-width: 1000px)")

/** More results than these help nobody. */
const RESULTS_MAX = 30

const lay = () => {
  contents.open = wide.matches
}
wide.addEventListener("change", lay)
lay()

contents.addEventListener("click", (event) => {
  if (event.target.closest("a") !== null && !wide.matches) contents.open = false
})

// search ----------------------------------------------------------------------------------------------------------

search.hidden = false
let entries
let chosen = -1

const load = async () => {
  entries ??= fetch(index).then((response) => response.json())
  return entries
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]") !== null
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return
  event.preventDefault()
  input.focus()
  input.select()
})

input.addEventListener("focus", () => {
  load()
  if (input.value.trim() !== "") show()
})
input.addEventListener("input", show)
input.addEventListener("keydown", (event) => {
  const { key } = event
  if (key === "Escape") {
    event.preventDefault()
    if (input.value === "") input.blur()
    input.value = ""
    close()
  }
  if (event.isComposing || results.hidden || !["ArrowDown", "ArrowUp", "Enter"].includes(key)) return
  event.preventDefault()
  const options = [...results.querySelectorAll("[role=option]")]
  if (key === "Enter") return options[Math.max(chosen, 0)]?.querySelector("a").click()
  const step = key === "ArrowDown" ? 1 : -1
  choose(options, (Math.max(chosen, step === 1 ? -1 : 0) + step + options.length) % options.length)
})

results.addEventListener("click", (event) => {
  if (event.target.closest("a") === null) return
  input.blur()
  close()
})
document.addEventListener("pointerdown", (event) => {
  if (!search.contains(event.target)) close()
})
search.addEventListener("focusout", (event) => {
  if (event.relatedTarget !== null && !search.contains(event.relatedTarget)) close()
})

function close() {
  results.hidden = true
  status.textContent = ""
  chosen = -1
  input.setAttribute("aria-expanded", "false")
  input.removeAttribute("aria-activedescendant")
}

function choose(options, at) {
  for (const [i, option] of options.entries()) option.setAttribute("aria-selected", String(i === at))
  chosen = at
  const option = options[at]
  if (option === undefined) return
  input.setAttribute("aria-activedescendant", option.id)
  option.scrollIntoView({ block: "nearest" })
}

async function show() {
  const asked = input.value
  const words = asked.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return close()
  const all = await load()
  // Another key may have been pressed while the index was loading.
  if (asked !== input.value) return
  const found = all
    .map((entry) => ({ entry, rank: rankOf(entry, words) }))
    .filter(({ rank }) => rank < 4)
    .sort((a, b) => a.rank - b.rank)
  results.replaceChildren(...found.slice(0, RESULTS_MAX).map(({ entry }, i) => option(entry, i)))
  if (found.length === 0) {
    const none = document.createElement("li")
    none.className = "none"
    none.textContent = texts.none
    results.append(none)
  }
  status.textContent = found.length === 0 ? texts.none : texts.found.replace("{count}", found.length)
  results.hidden = false
  input.setAttribute("aria-expanded", "true")
  choose([...results.querySelectorAll("[role=option]")], -1)
}

/** 0: it is called so, 1: its name begins so, 2: its name has all words, 3: its text has them, 4: not found. */
function rankOf({ title, where, text }, words) {
  const name = title.toLowerCase()
  if (name === words.join(" ") || name === `data.${words.join(" ")}`) return 0
  if (words.length === 1 && name.startsWith(words[0])) return 1
  if (words.every((word) => name.includes(word))) return 2
  const rest = `${name} ${where} ${text}`.toLowerCase()
  return words.every((word) => rest.includes(word)) ? 3 : 4
}

function option({ title, where, text, href }, i) {
  const made = document.createElement("li")
  made.setAttribute("role", "option")
  made.id = `search-result-${i}`
  const link = document.createElement("a")
  link.href = href
  link.tabIndex = -1
  for (const [tag, words] of [
    ["b", title],
    ["small", where],
    ["span", text]
  ]) {
    const part = document.createElement(tag)
    part.textContent = words
    link.append(part)
  }
  made.append(link)
  return made
}

// where the reader is ------------------------------------------------------------------------------------------------

const links = [...contents.querySelectorAll("a")].filter(
  (link) => link.pathname === location.pathname && link.hash !== ""
)

/** The element that a link of the contents leads to: by its id, or an operation of Swagger UI. */
const placeOf = ({ hash }) =>
  document.getElementById(hash.slice(1)) ?? document.querySelector(`.opblock[id$="-${CSS.escape(hash.slice(1))}"]`)

/** Infinity: it is not there or not shown. */
const topOf = (element) => (element?.checkVisibility() ? element.getBoundingClientRect().top : Infinity)

let marking = false
function mark() {
  marking = false
  const line = innerHeight / 3
  // The last place above the line is where the reader is.
  const tops = links.map((link) => ({ link, top: topOf(placeOf(link)) }))
  const passed = tops.filter(({ top }) => top < line).sort((a, b) => b.top - a.top)
  for (const { link } of tops) {
    if (link === passed[0]?.link) link.setAttribute("aria-current", "true")
    else link.removeAttribute("aria-current")
  }
}
addEventListener("scroll", () => {
  if (!marking) requestAnimationFrame(mark)
  marking = true
})
mark()

/* A program for each endpoint, in the language that the reader chose last. */

const { kit, texts } = JSON.parse(document.getElementById("reference").textContent)
const { copyText, element, fill } = await import(kit)

const CHOICE = "payhub-sample-language"

const panels = new Set()

const remembered = () => {
  try {
    return localStorage.getItem(CHOICE)
  } catch {
    return null
  }
}
const remember = (lang) => {
  try {
    localStorage.setItem(CHOICE, lang)
  } catch {
    // The browser keeps nothing for this page: the choice lasts until it is left.
  }
}

/**
 * The samples of an operation.
 * @param samples its `x-codeSamples`
 * @param id its operationId, for the ids of the tabs
 */
export function samplesPanel(samples, id) {
  const tabs = samples.map(({ lang, label }) => {
    const tab = element("button", "", label)
    tab.type = "button"
    tab.id = `sample-${id}-${lang}`
    tab.setAttribute("role", "tab")
    tab.setAttribute("aria-controls", `sample-${id}`)
    return tab
  })
  const list = element("div", "sample-tabs", ...tabs)
  list.setAttribute("role", "tablist")
  list.setAttribute("aria-label", texts.sample)
  const copy = element("button", "sample-copy", texts.copy)
  copy.type = "button"
  const code = element("code", "")
  const program = element("pre", "sample-code", code)
  program.tabIndex = 0
  const hint = element("p", "sample-hint")
  const body = element("div", "sample-body", program)
  body.id = `sample-${id}`
  body.setAttribute("role", "tabpanel")
  const panel = element(
    "section",
    "samples",
    element("h4", "", texts.sample),
    element("div", "sample-head", list, copy),
    body,
    hint
  )

  let shown = samples[0]
  const show = (lang) => {
    shown = samples.find((sample) => sample.lang === lang) ?? samples[0]
    code.textContent = shown.source
    hint.textContent = fill(texts.sampleHint, { file: shown["x-file"], run: shown["x-run"] })
    for (const [i, tab] of tabs.entries()) {
      const selected = samples[i] === shown
      tab.setAttribute("aria-selected", String(selected))
      tab.tabIndex = selected ? 0 : -1
      if (selected) body.setAttribute("aria-labelledby", tab.id)
    }
  }
  const choose = (lang) => {
    remember(lang)
    for (const other of panels) other(lang)
  }
  list.addEventListener("click", (event) => {
    const at = tabs.indexOf(event.target.closest("[role=tab]"))
    if (at !== -1) choose(samples[at].lang)
  })
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    if (step === undefined) return
    event.preventDefault()
    const at = (samples.indexOf(shown) + step + samples.length) % samples.length
    choose(samples[at].lang)
    tabs[at].focus()
  })
  copy.addEventListener("click", async () => {
    copy.textContent = (await copyText(shown.source)) ? texts.copied : texts.copyFailed
    setTimeout(() => {
      copy.textContent = texts.copy
    }, 1500)
  })
  panels.add(show)
  show(remembered())
  return panel
}

/* The tabs and the copy buttons of the terminals. */

// Imported with this file's own ?v=, so that a cache never mixes two versions.
const { search } = new URL(import.meta.url)
const { copyText } = await import(`./page-kit.js${search}`)
const { byId, say } = await import(`./demo-kit.js${search}`)

/** Makes the tabs work, by mouse and by the arrow keys. */
export function prepareTabs() {
  for (const list of document.querySelectorAll("[role=tablist]")) {
    list.addEventListener("click", (event) => {
      const tab = event.target.closest("[role=tab]")
      if (tab !== null) selectTab(tab)
    })
    list.addEventListener("keydown", (event) => {
      const tabs = [...list.querySelectorAll("[role=tab]")]
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
      if (step === undefined) return
      const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length]
      selectTab(next)
      next.focus()
    })
  }
}

/** Shows the panel of a tab. */
export function selectTab(tab) {
  for (const other of tab.parentElement.querySelectorAll("[role=tab]")) {
    const chosen = other === tab
    other.setAttribute("aria-selected", String(chosen))
    other.tabIndex = chosen ? 0 : -1
    byId(other.getAttribute("aria-controls")).hidden = !chosen
  }
  tab.classList.remove("news")
}

/** Makes the copy buttons copy. */
export function prepareCopying() {
  for (const button of document.querySelectorAll("[data-copy]")) {
    const label = button.textContent
    let back = 0
    button.addEventListener("click", async () => {
      const copied = await copyText(byId(button.dataset.copy).textContent)
      button.textContent = say(copied ? "copied" : "copyFailed")
      clearTimeout(back)
      back = setTimeout(() => {
        button.textContent = label
      }, 1600)
    })
  }
}

/*
 * Puts Swagger UI's own words into the page's language, because it speaks English only. Its React sets a text again only
 * where the text changes, so a text node whose data was replaced stays replaced until then, and is seen again here.
 */

/** Values of the API, and our own descriptions: what stands there is no word of the interface. */
const NOT_WORDS = "pre, code, textarea, .renderedMarkdown, .opblock-summary-path, .samples, .try"
/** Swagger UI's own sentence on an answer is Markdown too. */
const OWN_MARKDOWN = ".live-responses-table .renderedMarkdown"
const isWord = (element) => element?.closest(OWN_MARKDOWN) || !element?.closest(NOT_WORDS)
const LABELS = ["title", "aria-label", "placeholder"]

/**
 * @param words by Swagger UI's own
 * @param patterns texts with a value in them: [regular expression, replacement]
 */
export function translate(root, { words, patterns }) {
  const expressions = patterns.map(([pattern, replacement]) => [new RegExp(pattern), replacement])
  const translated = (found) => {
    if (Object.hasOwn(words, found)) return words[found]
    const match = expressions.find(([pattern]) => pattern.test(found))
    return match === undefined ? undefined : found.replace(...match)
  }
  const all = { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: LABELS }
  new MutationObserver((records) => {
    for (const { type, target, addedNodes } of records) {
      if (type === "characterData") text(target, translated)
      if (type === "attributes") labels(target, translated)
      for (const node of addedNodes) branch(node, translated)
    }
  }).observe(root, all)
  branch(root, translated)
}

function branch(node, translated) {
  if (node.nodeType === Node.TEXT_NODE) return text(node, translated)
  if (node.nodeType !== Node.ELEMENT_NODE) return
  const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) text(walker.currentNode, translated)
  for (const element of [node, ...node.querySelectorAll(LABELS.map((name) => `[${name}]`).join())]) {
    labels(element, translated)
  }
}

function text(node, translated) {
  const found = node.data.trim()
  const replacement = translated(found)
  if (replacement === undefined || !isWord(node.parentElement)) return
  node.data = node.data.replace(found, () => replacement)
}

function labels(element, translated) {
  for (const name of LABELS) {
    const replacement = translated(element.getAttribute(name) ?? "")
    if (replacement !== undefined) element.setAttribute(name, replacement)
  }
}

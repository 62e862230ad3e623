import type { Page } from "playwright-core"

/**
 * The texts of a page whose contrast against their ground is below 4.5 (WCAG 2.2, 1.4.3), each with its ratio. Texts that
 * nobody sees, and buttons that are switched off, do not count.
 */
export const faintTexts = async (page: Page): Promise<ReadonlyArray<string>> => {
  const [seen = 0, ...faint] = (await page.evaluate(`(${inPage.toString()})()`)) as [number, ...string[]]
  if (seen === 0) throw new Error("the page shows no text")
  return faint
}

interface Colour {
  readonly r: number
  readonly g: number
  readonly b: number
  readonly a: number
}

// Runs in the page, so it needs nothing from outside of itself; the page's types are not known here.
const inPage = (): ReadonlyArray<number | string> => {
  // biome-ignore lint/suspicious/noExplicitAny: the browser's globals
  const { document, getComputedStyle, NodeFilter } = globalThis as any
  const colour = (text: string): Colour => {
    const [r = 0, g = 0, b = 0, a = 1] = (text.match(/[\d.]+/g) ?? []).map(Number)
    return { r, g, b, a }
  }
  const over = (top: Colour, under: Colour): Colour => ({
    r: top.r * top.a + under.r * (1 - top.a),
    g: top.g * top.a + under.g * (1 - top.a),
    b: top.b * top.a + under.b * (1 - top.a),
    a: 1
  })
  const luminance = ({ r, g, b }: Colour): number => {
    const part = (value: number) => {
      const share = value / 255
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
    }
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b)
  }
  /** What is behind an element's text, and how opaque the text is: the same for all texts of the element. */
  interface Ground {
    readonly colour: Colour
    readonly opacity: number
  }
  const grounds = new Map<unknown, Ground>()
  // biome-ignore lint/suspicious/noExplicitAny: an element
  const groundOf = (element: any): Ground => {
    if (element === null) return { colour: { r: 255, g: 255, b: 255, a: 1 }, opacity: 1 }
    const known = grounds.get(element)
    if (known !== undefined) return known
    const behind = groundOf(element.parentElement)
    const { backgroundColor, opacity } = getComputedStyle(element)
    const ground = {
      colour: over(colour(backgroundColor), behind.colour),
      opacity: behind.opacity * Number(opacity)
    }
    grounds.set(element, ground)
    return ground
  }
  const faint = new Map<string, string>()
  let seen = 0
  // biome-ignore lint/suspicious/noExplicitAny: an element
  const judge = (element: any, text: string) => {
    const ground = groundOf(element)
    const ink = colour(getComputedStyle(element).color)
    const drawn = over({ ...ink, a: ink.a * ground.opacity }, ground.colour)
    const [dark = 0, light = 0] = [luminance(drawn), luminance(ground.colour)].sort((a, b) => a - b)
    const ratio = (light + 0.05) / (dark + 0.05)
    seen++
    if (ratio < 4.5) faint.set(`${element.tagName}.${element.className}`, `${ratio.toFixed(2)} ${text.slice(0, 40)}`)
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const text = walker.currentNode.data.trim()
    const element = walker.currentNode.parentElement
    if (text === "" || !element.checkVisibility({ visibilityProperty: true })) continue
    if (element.closest("script, noscript, .sr, button:disabled") === null) judge(element, text)
  }
  for (const field of document.querySelectorAll("input, textarea, select")) {
    if (field.checkVisibility()) judge(field, field.value || field.placeholder)
  }
  return [seen, ...[...faint].map(([where, what]) => `${where}: ${what}`)]
}

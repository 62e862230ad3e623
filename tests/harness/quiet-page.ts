import { expect } from "bun:test"
import type { Browser, BrowserContextOptions, Page } from "playwright-core"

/** Acts on a page that reaches one origin only, and fails on anything that the browser complains about. */
export const onQuietPage = async (
  browser: Browser,
  origin: string,
  options: BrowserContextOptions,
  act: (page: Page) => Promise<void>
): Promise<void> => {
  const complaints: string[] = []
  const context = await browser.newContext(options)
  await context.route(
    (url) => url.origin !== origin,
    (route) => {
      complaints.push(`asked for ${route.request().url()}`)
      return route.abort()
    }
  )
  const page = await context.newPage()
  page.on("pageerror", (error) => complaints.push(error.message))
  page.on("console", (message) => {
    // An answer of 401 or 422 is an error to the network log, and what some of these tests are about.
    if (["error", "warning"].includes(message.type()) && !message.text().includes("Failed to load resource")) {
      complaints.push(message.text())
    }
  })
  try {
    await act(page)
    expect(complaints).toEqual([])
  } finally {
    await context.close()
  }
}

import { existsSync } from "node:fs"
import { delimiter, join } from "node:path"
import { type Browser, type BrowserContextOptions, chromium } from "playwright-core"
import { requireTool } from "./require-tool.ts"

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"]

/** The browser's path: CHROMIUM if set, otherwise the first of its usual names on PATH. */
export const findChromium = (): string | undefined => {
  const given = process.env.CHROMIUM
  if (given !== undefined && given !== "") return existsSync(given) ? given : undefined
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    for (const name of NAMES) if (folder !== "" && existsSync(join(folder, name))) return join(folder, name)
  }
  return undefined
}

/** Whether a suite that needs a browser can run (harness/require-tool.ts). */
export const requireChromium = (suite: string): boolean =>
  requireTool({
    name: "chromium",
    found: findChromium() !== undefined,
    suite,
    how: "apt install chromium, or set CHROMIUM to a browser's path"
  })

/** Starts a headless browser that reaches the loopback without a proxy. The caller closes it. */
export const launchChromium = (): Promise<Browser> => {
  const executablePath = findChromium()
  if (executablePath === undefined) throw new Error("chromium not found")
  return chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--disable-background-networking",
      "--disable-component-update",
      "--no-first-run",
      "--proxy-bypass-list=*"
    ]
  })
}

/** An iPhone 12's screen with the user agent of WeChat's browser. */
export const WECHAT_PHONE: BrowserContextOptions = {
  userAgent:
    "Mozilla/5.0 (iPhone; CPU iPhone OS 16_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.40(0x18002831) NetType/WIFI Language/zh_CN",
  viewport: { width: 390, height: 844 },
  deviceScaleFactor: 2,
  isMobile: true,
  hasTouch: true,
  locale: "zh-CN"
}

export const DESKTOP: BrowserContextOptions = { viewport: { width: 1280, height: 860 }, locale: "en-US" }

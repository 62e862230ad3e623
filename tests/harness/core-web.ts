import type { Language, SiteResponse } from "../../core/channel/index.ts"
import { assetResponse } from "../../core/http/web/assets.ts"
import { languageOf, pageLanguage } from "../../core/http/web/language.ts"
import { siteResponse } from "../../core/http/web/site-page.ts"

/** What the core does around a channel's site, for tests that call the site without a gateway. */
export interface CoreWeb {
  readonly language: (url: URL, headers: Readonly<Record<string, string>>) => Language
  readonly respond: (answer: SiteResponse) => Response
  /** The core's own files, which every page links; undefined = the path is none of them. */
  readonly asset: (pathname: string) => Response | undefined
}

/** @param base the path that the site is served under: "/sandbox/" */
export const coreWeb = (base: string): CoreWeb => ({
  language: (url, headers) => pageLanguage({ url, language: languageOf(headers["accept-language"] ?? null) }),
  respond: (answer) => siteResponse(base, answer),
  asset: (pathname) => (pathname.startsWith("/assets/") ? assetResponse(pathname.slice("/assets/".length)) : undefined)
})

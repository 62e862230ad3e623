import { html } from "../../channel/html.ts"
import type { SitePage } from "../../channel/site.ts"
import type { Language } from "../../domain/language.ts"
import { document } from "./document.ts"
import { pageResponse } from "./page-response.ts"

/** A page of a channel's site in the frame, the theme and the headers that every page has. */
export const sitePage = (page: SitePage, language: Language): Response =>
  pageResponse(
    page.status,
    document({
      language,
      title: page.title,
      styles: [],
      icon: page.icon,
      head: html`${page.styles.map((path) => html`<link rel="stylesheet" href="${path}">\n`)}${page.head}`,
      body: html`<body${page.bodyClass !== undefined && html` class="${page.bodyClass}"`}>
${page.body}
${page.scripts.map((path) => html`<script src="${path}"></script>\n`)}</body>`
    }),
    { headers: page.headers }
  )

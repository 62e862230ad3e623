import type { Language } from "../language.ts"
import { document } from "./document.ts"
import { type HtmlValue, html } from "./html.ts"
import { stopIcon } from "./icons.ts"

/** A page with one thing to say, for a browser that asked for a page that is not there. */
export const renderMessagePage = (
  message: { readonly title: string; readonly text: HtmlValue },
  language: Language
): string =>
  document({
    language,
    title: message.title,
    styles: ["pay.css"],
    body: html`<body>
<main class="page result unavailable">
<div class="verdict">
${stopIcon}
<h1>${message.title}</h1>
<p class="advice">${message.text}</p>
</div>
</main>
</body>`
  })

import { inLanguage, type Language } from "../../domain/language.ts"
import { assetUrl } from "../web/assets.ts"
import { docsBar } from "../web/docs-bar.ts"
import { document } from "../web/document.ts"
import { type Html, html, jsonScript } from "../web/html.ts"
import { signTexts } from "./texts.ts"

/** `/tools/sign`, for `pageResponse`. Its script calls `/api/tools/sign-check`. */
export const renderSignPage = (language: Language): string => {
  const texts = inLanguage(signTexts, language)
  return document({
    language,
    title: `${texts.title} · PayHub`,
    styles: [assetUrl("docs.css")],
    head: html`<script type="module" src="${assetUrl("sign.js")}"></script>\n`,
    body: html`${docsBar("sign", language)}
<main class="sheet">
<h1 class="headline">${texts.title}</h1>
<p class="lead">${texts.lead}</p>
<div class="bench">
<form class="card" id="sign-form" autocomplete="off">
${field("app_id", texts.appId, texts.appIdHint, html`<input id="app_id" name="app_id" spellcheck="false" autocapitalize="off" placeholder="pk_test_…" aria-describedby="app_id-hint">`)}
${field("request", texts.request, texts.requestHint, textarea("request", `{"app_id":"pk_test_…","amount":1000,…,"sign":"…"}`, true))}
${field("canonical", texts.canonical, texts.canonicalHint, textarea("canonical", "amount=1000&app_id=pk_test_…&nonce=…", false))}
${field("sign", texts.sign, texts.signHint, html`<input id="sign" name="sign" spellcheck="false" autocapitalize="off" placeholder="4c9f9a10…" aria-describedby="sign-hint">`)}
<button class="button large" type="submit" id="check-button" disabled>${texts.submit}</button>
<p class="privacy">${texts.privacy}</p>
</form>
<section class="card" aria-live="polite">
<div class="empty" id="how"><h2>${texts.howTitle}</h2><ol>${texts.how.map((step) => html`<li>${step}</li>`)}</ol></div>
<div id="result" hidden></div>
</section>
</div>
</main>
${jsonScript("texts", { language, ...texts.script })}`
  })
}

const field = (id: string, label: string, hint: string, control: Html): Html =>
  html`<div class="field"><label for="${id}">${label}</label><p class="hint" id="${id}-hint">${hint}</p>${control}</div>`

const textarea = (id: string, placeholder: string, required: boolean): Html =>
  html`<textarea id="${id}" name="${id}" rows="5" spellcheck="false" autocapitalize="off" placeholder="${placeholder}" aria-describedby="${id}-hint"${required && html` required`}></textarea>`

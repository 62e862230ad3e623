import { EVENTS } from "../../domain/event.ts"
import { type InLanguage, inLanguage, type Language } from "../../domain/language.ts"
import { assetUrl } from "../web/assets.ts"
import { bar } from "../web/bar.ts"
import { document } from "../web/document.ts"
import { type Html, html, jsonScript } from "../web/html.ts"
import { demoSnippets } from "./snippets.ts"
import { demoTexts } from "./texts.ts"

type DemoTexts = InLanguage<typeof demoTexts>

/** What `/demo` shows; nothing of it is secret. */
export interface DemoView {
  /** The test merchant that the page orders as. */
  readonly appId: string
  /** Where merchants reach the gateway, without a trailing slash. */
  readonly baseUrl: string
  readonly swaggerUrl: string
  /** The page of the amounts at which the sandbox fails, if it has one. */
  readonly faultsPage?: string | undefined
}

/** What demo.js imports, so that the browser need not find them one after the other. */
const MODULES = ["page-kit.js", "demo-kit.js", "demo-tabs.js", "demo-messages.js", "demo-journey.js", "demo-wire.js"]

/** The operator's first page, for `pageResponse`. Its script calls `/demo/order` and `/demo/state`. */
export const renderDemoPage = (view: DemoView, language: Language): string => {
  const texts = inLanguage(demoTexts, language)
  return document({
    language,
    title: texts.title,
    styles: [assetUrl("demo.css")],
    head: html`${MODULES.map((name) => html`<link rel="modulepreload" href="${assetUrl(name)}">\n`)}<script type="module" src="${assetUrl("demo.js")}"></script>\n`,
    body: html`${bar({
      language,
      path: "/demo",
      home: "/demo",
      beside: html`<span class="chip">${texts.mode}</span>`,
      links: [
        html`<a class="bar-link" href="${view.swaggerUrl}?lang=${language}">${texts.docs}</a>`,
        html`${view.faultsPage !== undefined && html`<a class="bar-link" href="${view.faultsPage}?lang=${language}">${texts.faults}</a>`}`
      ]
    })}
<main class="sheet">
<div class="intro">
<h1 class="headline">${texts.headline.split("|").map((piece) => html`<span>${piece}</span>`)}</h1>
<p class="lead">${texts.lead}</p>
<p class="merchant">${texts.merchant} <code>${view.appId}</code></p>
</div>
<noscript><p class="alert">${texts.needsScript}</p></noscript>
<div class="stage">
${orderForm(texts)}
${checkout(texts)}
${journey(texts)}
</div>
${wire(texts)}
${snippets(view, texts, language)}
<footer><p>${texts.foot} <code>payhub merchant reset-secret ${view.appId}</code></p></footer>
</main>
${jsonScript("view", { baseUrl: view.baseUrl, texts: texts.script, events: inLanguage(EVENTS, language) })}`
  })
}

const orderForm = ({ form }: DemoTexts): Html => html`<section class="card" id="order" aria-labelledby="order-heading">
<h2 id="order-heading">${form.heading}</h2>
<form id="order-form" novalidate>
<div class="field">
<label for="amount">${form.amount}</label>
<div class="money"><span aria-hidden="true">¥</span><input id="amount" name="amount" inputmode="decimal" autocomplete="off" value="10.00" aria-describedby="order-error"></div>
</div>
<div class="field">
<label for="note">${form.note}</label>
<input id="note" name="note" autocomplete="off" value="${form.noteValue}" aria-describedby="order-error">
</div>
<fieldset class="field">
<legend>${form.way}</legend>
<div class="ways">
${way("qrcode", form.qrcode, true)}
${way("jsapi", form.jsapi, false)}
</div>
</fieldset>
<p class="alert" id="order-error" role="alert" hidden></p>
<button class="button large" id="order-button" type="submit" disabled>${form.submit}</button>
</form>
</section>`

const way = (value: string, { name, what }: DemoTexts["form"]["qrcode"], checked: boolean): Html =>
  html`<label class="way"><input type="radio" name="way" value="${value}"${checked && html` checked`}><span><strong>${name}</strong><small>${what}</small></span></label>`

const checkout = ({
  checkout: texts
}: DemoTexts): Html => html`<section class="card" id="checkout" aria-labelledby="checkout-heading" hidden>
<h2 id="checkout-heading" tabindex="-1">${texts.heading}</h2>
<p class="amount"><span class="currency">¥</span><span id="total"></span></p>
<div class="code" id="code">
<img id="qr" width="200" height="200" alt="${texts.qrCode}" hidden>
<p class="stamp" id="stamp" hidden></p>
</div>
<p class="hint" id="scan-hint" hidden>${texts.scan}</p>
<p class="hint" id="link-hint" hidden>${texts.openLink}</p>
<a class="button large" id="pay-link" target="_blank" rel="noopener noreferrer">${texts.pay}<svg class="glyph" viewBox="0 0 16 16" aria-hidden="true"><path d="M6 3h7v7M13 3L4 12" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"/></svg></a>
<button class="button large quiet" id="another-button" type="button">${texts.another}</button>
<dl class="facts">
<div><dt>${texts.orderNo}</dt><dd id="order-no"></dd></div>
<div><dt>${texts.merchantOrderNo}</dt><dd id="merchant-order-no"></dd></div>
</dl>
</section>`

const journey = ({
  journey: texts,
  script
}: DemoTexts): Html => html`<section class="card" id="journey" aria-labelledby="journey-heading">
<h2 id="journey-heading">${texts.heading}</h2>
<ol class="steps">
${Object.entries(texts.steps).map(
  ([id, { title, what }], i) => html`<li class="step" id="step-${id}" data-state="idle">
<span class="mark" aria-hidden="true"><span>${i + 1}</span><svg viewBox="0 0 16 16"><path d="M3.5 8.4l3 3 6-6.6" fill="none" stroke="currentColor" stroke-width="2.2" stroke-linecap="round" stroke-linejoin="round"/></svg></span>
<div><h3>${title}</h3><p class="what">${what}</p><p class="detail" hidden></p><span class="sr state-text">${script.stepIdle}</span></div>
</li>`
)}
</ol>
<p class="sr" id="announcer" role="status" aria-live="polite"></p>
<p class="alert" id="state-error" role="status" hidden></p>
<details class="timeline" id="timeline" hidden>
<summary>${texts.timeline} <span class="count" id="timeline-count"></span></summary>
<ol id="timeline-entries"></ol>
</details>
</section>`

const wire = ({ wire: texts, script }: DemoTexts): Html => {
  const tabs = [
    ["request", texts.request],
    ["response", texts.response],
    ["webhook", texts.webhook]
  ] as const
  return html`<section class="wide" aria-labelledby="wire-heading">
<h2 id="wire-heading">${texts.heading}</h2>
<p class="lead">${texts.lead}</p>
<div class="terminal" data-tabs>
${tabList("wire", texts.heading, tabs)}
${tabs.map(([id], i) =>
  tabPanel(
    "wire",
    id,
    i === 0,
    html`<div class="wire" id="${id}-wire"><p class="empty">${id === "webhook" ? script.emptyWebhook : script.emptyWire}</p></div>`,
    copyButton(`${id}-body`, texts.copy, true)
  )
)}
</div>
</section>`
}

const snippets = (view: DemoView, texts: DemoTexts, language: Language): Html => {
  const all = demoSnippets(view, language)
  return html`<section class="wide" aria-labelledby="snippets-heading">
<h2 id="snippets-heading">${texts.snippets.heading}</h2>
<p class="lead">${texts.snippets.lead}</p>
<div class="terminal" data-tabs>
${tabList(
  "snippet",
  texts.snippets.heading,
  all.map(({ id, title }) => [id, title] as const)
)}
${all.map(({ id, code }, i) =>
  tabPanel(
    "snippet",
    id,
    i === 0,
    html`<pre class="snippet" tabindex="0"><code id="snippet-${id}-code">${code}</code></pre>`,
    copyButton(`snippet-${id}-code`, texts.wire.copy, false)
  )
)}
</div>
</section>`
}

const tabList = (group: string, label: string, tabs: ReadonlyArray<readonly [id: string, title: string]>): Html =>
  html`<div class="tabs" role="tablist" aria-label="${label}">
${tabs.map(
  ([id, title], i) =>
    html`<button role="tab" type="button" id="${group}-${id}-tab" aria-controls="${group}-${id}" aria-selected="${i === 0 ? "true" : "false"}" tabindex="${i === 0 ? 0 : -1}">${title}<span class="dot" aria-hidden="true"></span></button>`
)}
</div>`

const tabPanel = (group: string, id: string, first: boolean, content: Html, copy: Html): Html =>
  html`<div class="panel" role="tabpanel" id="${group}-${id}" aria-labelledby="${group}-${id}-tab"${!first && html` hidden`}>
${copy}
${content}
</div>`

/** A button that copies the text of the element `of`; hidden until the script has something to copy. */
const copyButton = (of: string, text: string, hidden: boolean): Html =>
  html`<button class="copy" type="button" data-copy="${of}"${hidden && html` hidden`}>${text}</button>`

import type { JsapiParams } from "../../channel/provider.ts"
import { fill, type InLanguage, inLanguage, type Language } from "../../domain/language.ts"
import { yuanText } from "../../domain/money.ts"
import { assetUrl } from "../web/assets.ts"
import { document } from "../web/document.ts"
import { type Html, html, jsonScript } from "../web/html.ts"
import { clockIcon, lockIcon, payersIcon, stopIcon, tickIcon } from "../web/icons.ts"
import { payTexts } from "./texts.ts"

type PayTexts = InLanguage<typeof payTexts>

/** What `/wechat-pay-invoke.html` shows (contract section 6, "pay_url"). Amounts are whole fen. */
export type PayView =
  | {
      readonly kind: "invoke"
      readonly orderNo: string
      readonly amountFen: number
      readonly note: string
      readonly payee: string
      readonly jsapi: JsapiParams
      /** The pay_token, with which the page's script asks pay-state. */
      readonly token: string
      /** Same-origin script that stands in for WeChat's bridge (test orders); null in WeChat. */
      readonly bridgeScript: string | null
    }
  | { readonly kind: "paid"; readonly orderNo: string; readonly amountFen: number; readonly payee: string }
  | { readonly kind: "expired" }
  | { readonly kind: "other-payer" }
  | { readonly kind: "unavailable" }
  | { readonly kind: "busy"; readonly waitSeconds: number }
  | {
      readonly kind: "open-in-wechat"
      readonly browser: keyof typeof NOT_WECHAT
      readonly orderNo: string
      readonly amountFen: number
      readonly payee: string
      /** An `<img>`'s source: same origin, or a data: URL. */
      readonly qrUrl: string
      /** Where a test order can be paid without WeChat; null for real ones. */
      readonly sandboxUrl: string | null
    }

/** The whole page for a payer, for `pageResponse`. */
export const renderPayPage = (view: PayView, language: Language): string => {
  const texts = inLanguage(payTexts, language)
  switch (view.kind) {
    case "invoke":
      return invokePage(view, language, texts)
    case "open-in-wechat":
      return openInWechatPage(view, language, texts)
    case "paid":
      return page(
        language,
        texts.paid.title,
        html`${result("paid", texts, view)}${jsonScript("view", { kind: "paid" })}${script}`
      )
    case "expired":
      return page(language, texts.expired.title, result("expired", texts))
    case "other-payer":
      return page(language, texts.otherPayer.title, result("other-payer", texts))
    case "unavailable":
      return page(language, texts.unavailable.title, result("unavailable", texts))
    case "busy": {
      const busy = { ...texts.busy, title: fill(texts.busy.title, { seconds: view.waitSeconds }) }
      return page(language, busy.title, result("busy", { ...texts, busy }))
    }
  }
}

const page = (language: Language, title: string, body: Html): string =>
  document({ language, title, styles: [assetUrl("pay.css")], body })

const script = html`\n<script src="${assetUrl("pay.js")}"></script>`

type Of<Kind extends PayView["kind"]> = Extract<PayView, { kind: Kind }>

const invokePage = (view: Of<"invoke">, language: Language, texts: PayTexts): string => {
  const data = {
    kind: view.kind,
    orderNo: view.orderNo,
    token: view.token,
    jsapi: view.jsapi,
    standIn: view.bridgeScript !== null,
    texts: texts.status
  }
  return page(
    language,
    texts.title,
    html`<main class="card page" id="pay">
${summary(view, texts)}
<dl class="facts">
${view.note !== "" && html`<div><dt>${texts.product}</dt><dd>${view.note}</dd></div>`}
<div><dt>${texts.orderNo}</dt><dd class="number">${view.orderNo}</dd></div>
</dl>
<div class="act">
<p class="status" id="status" role="status" aria-live="polite">${texts.status.checking}</p>
<p class="detail" id="detail" hidden></p>
<button class="button large" id="pay-button" type="button" disabled>${texts.pay}</button>
<button class="button large quiet" id="ask-button" type="button" hidden>${texts.askAgain}</button>
<noscript><p class="status warn">${texts.needsScript}</p></noscript>
<p class="secured">${lockIcon}${texts.secured}</p>
</div>
</main>
${result("paid", texts, view, true)}
${result("refunded", texts, view, true)}
${result("expired", texts, undefined, true)}
${jsonScript("view", data)}
${view.bridgeScript !== null && html`<script src="${view.bridgeScript}"></script>`}${script}`
  )
}

/** What a browser that is not WeChat's own is told; some of them look to the payer as if they were. */
const NOT_WECHAT = { other: "openInWechat", wecom: "notInWecom", "mini-program": "notInMiniProgram" } as const

const openInWechatPage = (view: Of<"open-in-wechat">, language: Language, texts: PayTexts): string => {
  const { title, advice } = texts[NOT_WECHAT[view.browser]]
  return page(
    language,
    title,
    html`<main class="card page" id="open-in-wechat">
${summary(view, texts)}
<section class="scan">
<h1>${title}</h1>
<p>${advice}</p>
<img class="qr" src="${view.qrUrl}" width="216" height="216" alt="${texts.qrCode}">
<div class="copy" id="copy" hidden>
<p>${texts.orPaste}</p>
<button class="button large quiet" id="copy-button" type="button">${texts.copyLink}</button>
<p class="status" id="status" role="status" aria-live="polite"></p>
</div>
</section>
${
  view.sandboxUrl !== null &&
  html`<aside class="sandbox"><p>${texts.sandboxAdvice}</p><a class="button large" href="${view.sandboxUrl}">${texts.sandbox}</a></aside>`
}
<p class="foot"><span>${texts.orderNo}</span> <span class="number">${view.orderNo}</span></p>
</main>
${jsonScript("view", { kind: view.kind, texts: { copied: texts.copied, copyFailed: texts.copyFailed } })}${script}`
  )
}

const summary = (view: { readonly payee: string; readonly amountFen: number }, texts: PayTexts): Html =>
  html`<header class="summary">
<p class="payee"><span class="label">${texts.payee}</span> ${view.payee}</p>
${amount(view.amountFen)}
</header>`

/** `¥1,234.56`, grouped for reading. */
const amount = (fen: number): Html => {
  const [yuan = "0", cents = "00"] = yuanText(fen).split(".")
  return html`<p class="amount${fen >= 100_000_000 && " long"}"><span class="currency">¥</span>${yuan.replace(/\B(?=(\d{3})+$)/g, ",")}.${cents}</p>`
}

const RESULTS = {
  paid: { icon: tickIcon, text: "paid" },
  refunded: { icon: clockIcon, text: "refunded" },
  expired: { icon: clockIcon, text: "expired" },
  "other-payer": { icon: payersIcon, text: "otherPayer" },
  unavailable: { icon: stopIcon, text: "unavailable" },
  busy: { icon: clockIcon, text: "busy" }
} as const

/** How an order ended; the script shows a `hidden` one when it hears of that end. */
const result = (
  kind: keyof typeof RESULTS,
  texts: PayTexts,
  order?: { readonly orderNo: string; readonly amountFen: number; readonly payee: string },
  hidden = false
): Html => {
  const { icon, text } = RESULTS[kind]
  const { title, advice } = texts[text]
  return html`<main class="card page result ${kind}" id="${kind}"${hidden && html` hidden`}>
<div class="verdict">
${icon}
<h1 tabindex="-1">${title}</h1>
${order !== undefined && amount(order.amountFen)}
<p class="advice">${advice}</p>
</div>
${
  order !== undefined &&
  html`<dl class="facts">
<div><dt>${texts.payee}</dt><dd>${order.payee}</dd></div>
<div><dt>${texts.orderNo}</dt><dd class="number">${order.orderNo}</dd></div>
</dl>
<div class="act"><button class="button large quiet close-button" type="button" hidden>${texts.done}</button></div>`
}
</main>`
}

import type { JsapiParams } from "../../channel/provider.ts"
import { fill, inLanguage } from "../../domain/language.ts"
import { type Html, html } from "../web/html.ts"
import { lockIcon } from "../web/icons.ts"
import { amount, backButton, type OrderFacts, type PayerPlace, type PayTexts, payerPage } from "./frame.ts"
import { result, resultTitle } from "./result.ts"
import { payTexts } from "./texts.ts"

/** Until when an order can be paid. */
interface TimeLeft {
  readonly leftMs: number
  /** The same instant as a text, for pages without scripts. */
  readonly payBefore: string
}

/** What `/wechat-pay-invoke.html` shows (contract section 6, "pay_url"). */
export type PayView =
  | (OrderFacts &
      TimeLeft & {
        readonly kind: "invoke"
        readonly note: string
        readonly jsapi: JsapiParams
        /** The pay_token, with which the page's script asks pay-state. */
        readonly token: string
        /** Same-origin script that stands in for WeChat's bridge (test orders); null in WeChat. */
        readonly bridgeScript: string | null
      })
  | (OrderFacts & {
      readonly kind: "paid" | "refunded"
      /** The payment's time as a text. */
      readonly paidAt: string | null
    })
  | { readonly kind: "expired" }
  | { readonly kind: "other-payer" }
  | { readonly kind: "unavailable" }
  | { readonly kind: "busy"; readonly waitSeconds: number }
  | (OrderFacts &
      TimeLeft & {
        readonly kind: "open-in-wechat"
        readonly browser: keyof typeof NOT_WECHAT
        /** An `<img>`'s source: same origin, or a data: URL. null on a phone, which cannot scan its own screen. */
        readonly qrUrl: string | null
        /** Where a test order can be paid without WeChat; null for real ones. */
        readonly sandboxUrl: string | null
      })

/** The whole page for a payer, for `pageResponse`. */
export const renderPayPage = (view: PayView, place: PayerPlace): string => {
  const texts = inLanguage(payTexts, place.language)
  switch (view.kind) {
    case "invoke":
      return invokePage(view, place, texts)
    case "open-in-wechat":
      return openInWechatPage(view, place, texts)
    case "paid":
    case "refunded":
      return payerPage(place, {
        title: resultTitle(view.kind, texts),
        testMode: view.testMode,
        body: result(view.kind, texts, view),
        view: { kind: view.kind }
      })
    case "expired":
    case "other-payer":
    case "unavailable":
      return payerPage(place, {
        title: resultTitle(view.kind, texts),
        body: result(view.kind, texts),
        view: { kind: view.kind }
      })
    case "busy": {
      const busy = { ...texts.busy, title: fill(texts.busy.title, { seconds: view.waitSeconds }) }
      return payerPage(place, {
        title: busy.title,
        body: result("busy", { ...texts, busy }),
        view: { kind: view.kind }
      })
    }
  }
}

type Of<Kind extends PayView["kind"]> = Extract<PayView, { kind: Kind }>

const invokePage = (view: Of<"invoke">, place: PayerPlace, texts: PayTexts): string =>
  payerPage(place, {
    title: texts.title,
    testMode: view.testMode,
    body: html`<main class="card page" id="pay">
${summary(view, texts)}
<dl class="facts">
${view.note !== "" && html`<div><dt>${texts.product}</dt><dd>${view.note}</dd></div>`}
<div><dt>${texts.orderNo}</dt><dd class="number">${view.orderNo}</dd></div>
</dl>
<div class="act">
<p class="status" id="status" role="status" aria-live="polite">${texts.status.checking}</p>
<button class="button large" id="pay-button" type="button" disabled>${texts.pay}</button>
<button class="button large quiet" id="ask-button" type="button" hidden>${texts.askAgain}</button>
<noscript><p class="status warn">${texts.needsScript}</p></noscript>
${timeLeft(view, texts)}
${backButton(texts)}
<p class="secured">${lockIcon}${texts.secured}</p>
</div>
</main>
${result("paid", texts, view, { hidden: true })}
${result("refunded", texts, view, { hidden: true })}
${result("expired", texts, undefined, { hidden: true })}`,
    view: {
      kind: view.kind,
      orderNo: view.orderNo,
      token: view.token,
      jsapi: view.jsapi,
      standIn: view.bridgeScript !== null,
      leftMs: view.leftMs,
      texts: { ...texts.status, timeLeft: texts.timeLeft }
    },
    scripts: view.bridgeScript === null ? [] : [view.bridgeScript]
  })

/** What a browser that is not WeChat's own is told; some of them look to the payer as if they were. */
const NOT_WECHAT = { other: "openInWechat", wecom: "notInWecom", "mini-program": "notInMiniProgram" } as const

const openInWechatPage = (view: Of<"open-in-wechat">, place: PayerPlace, texts: PayTexts): string => {
  const { title, advice } = texts[NOT_WECHAT[view.browser]]
  const { advicePhone, copyByHand } = texts.openInWechat
  const onPhone = view.qrUrl === null
  return payerPage(place, {
    title,
    testMode: view.testMode,
    body: html`<main class="card page" id="open-in-wechat">
${summary(view, texts)}
<section class="scan">
<h1>${title}</h1>
<p>${onPhone && view.browser === "other" ? advicePhone : advice}</p>
${!onPhone && html`<img class="qr" src="${view.qrUrl}" width="216" height="216" alt="${texts.qrCode}">`}
${onPhone && html`<noscript><p>${copyByHand}</p></noscript>`}
<div class="copy" id="copy" hidden>
${!onPhone && html`<p>${texts.orPaste}</p>`}
<button class="button large${!onPhone && " quiet"}" id="copy-button" type="button">${texts.copyLink}</button>
<p class="status" id="status" role="status" aria-live="polite"></p>
</div>
${timeLeft(view, texts)}
</section>
${
  view.sandboxUrl !== null &&
  html`<aside class="sandbox"><p>${texts.sandboxAdvice}</p><a class="button large" href="${view.sandboxUrl}">${texts.sandbox}</a></aside>`
}
${backButton(texts)}
<p class="foot"><span>${texts.orderNo}</span> <span class="number">${view.orderNo}</span></p>
</main>`,
    view: {
      kind: view.kind,
      leftMs: view.leftMs,
      texts: { copied: texts.copied, copyFailed: texts.copyFailed, timeLeft: texts.timeLeft }
    }
  })
}

const summary = (view: OrderFacts, texts: PayTexts): Html =>
  html`<header class="summary">
<p class="payee"><span class="label">${texts.payee}</span> ${view.payee}</p>
${amount(view.amountFen)}
</header>`

/** The script counts down; the text before it says the same without scripts. */
const timeLeft = ({ payBefore }: TimeLeft, texts: PayTexts): Html =>
  html`<p class="hint" id="time-left" role="timer">${fill(texts.payBefore, { time: payBefore })}</p>`

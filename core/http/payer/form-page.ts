import { Effect } from "effect"
import { isPayable } from "../../cashier/pay-token.ts"
import type { Presentation } from "../../channel/provider.ts"
import { isOrderNo } from "../../domain/order-no.ts"
import { sameDigest } from "../../domain/signature.ts"
import { Orders } from "../../pipeline/persistence/orders.ts"
import { StoreClock } from "../../pipeline/persistence/store-clock.ts"
import { LinkKey, linkMac } from "../../secrets/link-key.ts"
import type { Call, Handler, Route, Run } from "../call.ts"
import { respond } from "../respond.ts"
import { assetUrl } from "../web/assets.ts"
import { pageResponse } from "../web/document.ts"
import { html } from "../web/html.ts"
import { pageLanguage } from "../web/language.ts"
import { type PayerPlace, payerPage } from "./frame.ts"
import { renderPayPage } from "./page.ts"

/*
 * A provider's form: what the payer's browser must POST to it. The page posts it at once where scripts run, by its
 * button elsewhere. The link names the order and is sealed, so that nobody can open a form that was not given to them.
 */

const PATH = "/pay/form/"

/** The link of an order's form. */
export const formLink = (publicUrl: string, linkKey: Uint8Array, orderNo: string): string =>
  `${publicUrl}${PATH}${orderNo}.${linkMac(linkKey, "form", orderNo)}`

export const formPageRoutes = (run: Run): ReadonlyArray<Route> => [
  { method: "GET", path: `${PATH}:name`, handle: show(run) }
]

const show =
  (run: Run): Handler =>
  (call) =>
    respond(run, call, formOf(call.params.name ?? ""), (form) =>
      form === null
        ? pageResponse(400, renderPayPage({ kind: "expired" }, placeOf(call)))
        : pageResponse(200, renderForm(form, placeOf(call)), { formTarget: "anywhere" })
    )

const placeOf = (call: Call): PayerPlace => ({ language: pageLanguage(call), address: call.url.pathname })

type Form = Extract<Presentation, { kind: "form" }>

/** The form behind a link; null = the link is none of ours, or its order can no longer be paid. */
const formOf = Effect.fnUntraced(function* (name: string) {
  const orders = yield* Orders
  const linkKey = yield* LinkKey
  const { nowMs } = yield* StoreClock
  const [orderNo = "", mac = ""] = name.split(".")
  if (!isOrderNo(orderNo) || !sameDigest(linkMac(linkKey, "form", orderNo), mac)) return null
  const order = yield* orders.findByOrderNo(orderNo)
  if (order === null || !isPayable(order, nowMs())) return null
  const presentation = order.presentation as Presentation | null
  return presentation?.kind === "form" ? presentation : null
})

const TEXTS = {
  title: { zh: "正在前往支付页面", en: "Taking you to the payment page" },
  go: { zh: "继续支付", en: "Continue to payment" }
}

const renderForm = (form: Form, place: PayerPlace): string => {
  const { language } = place
  return payerPage(place, {
    title: TEXTS.title[language],
    view: { kind: "form" },
    head: html`<script type="module" src="${assetUrl("form.js")}"></script>\n`,
    body: html`<main class="page result">
<div class="verdict"><h1>${TEXTS.title[language]}</h1></div>
<form class="act" id="provider-form" method="post" action="${form.action}">
${Object.entries(form.fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">\n`)}
<button class="button" type="submit">${TEXTS.go[language]}</button>
</form>
</main>`
  })
}

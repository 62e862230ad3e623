import { Effect } from "effect"
import { orderOfReturnToken } from "../../cashier/return-token.ts"
import { OWN_PATHS } from "../../config/own-url.ts"
import { PayLinkExpired } from "../../domain/errors.ts"
import { inLanguage } from "../../domain/language.ts"
import type { Order, OrderStatus } from "../../domain/order.ts"
import { namingTheWait, Throttle } from "../../pipeline/throttle/throttle.ts"
import type { Call, Handler, Route, Run } from "../call.ts"
import { envelope } from "../envelope.ts"
import { statusView } from "../merchant/order-view.ts"
import { OK } from "../merchant/success-messages.ts"
import { respond } from "../respond.ts"
import { assetUrl } from "../web/assets.ts"
import { pageResponse } from "../web/document.ts"
import { html } from "../web/html.ts"
import { clockIcon } from "../web/icons.ts"
import { pageLanguage } from "../web/language.ts"
import { amount, type OrderFacts, type PayerPlace, payerPage } from "./frame.ts"
import { factsOf, paidAtText } from "./order-facts.ts"
import { renderPayPage } from "./page.ts"
import { type Result, result, resultTitle } from "./result.ts"
import { payTexts } from "./texts.ts"

/*
 * `/pay/return/TOKEN`: where providers send the payer's browser back (contract section 12). What they send along is
 * neither read nor believed: only the order as it is stored says whether it is paid. While nobody knows yet the page
 * waits: its script asks for the state, and without scripts it loads itself again.
 */
export const returnPageRoutes = (run: Run): ReadonlyArray<Route> => [
  { method: "GET", path: `${OWN_PATHS.payReturn}:token`, handle: show(run) },
  // No `body`: a provider's form is never read.
  { method: "POST", path: `${OWN_PATHS.payReturn}:token`, handle: async (call) => seeOther(call) },
  { method: "GET", path: `${OWN_PATHS.payReturn}:token/state`, handle: state(run) }
]

/** Seconds after which a page without scripts loads itself again. */
const RELOAD_S = 5

/** Questions about one order: a page's script asks once a second at most, so several tabs are within it. */
const STATE_RULE = { count: 30, windowMs: 10_000 }

const tokenOf = (call: Call): string => call.params.token ?? ""

/** A form that was posted here becomes a page that can be loaded again. */
const seeOther = (call: Call): Response => {
  const location = `${OWN_PATHS.payReturn}${encodeURIComponent(tokenOf(call))}?lang=${pageLanguage(call)}`
  return new Response(null, { status: 303, headers: { location, "cache-control": "no-store" } })
}

const show =
  (run: Run): Handler =>
  (call) =>
    respond(run, call, returned(call), (response) => response)

const returned = Effect.fnUntraced(function* (call: Call) {
  const token = tokenOf(call)
  const place = { language: pageLanguage(call), address: OWN_PATHS.payReturn + encodeURIComponent(token) }
  const order = yield* orderOfReturnToken(token)
  if (order === null) return pageResponse(400, renderPayPage({ kind: "expired" }, place))
  const facts = yield* factsOf(order)
  if (order.status === "PENDING") return pageResponse(200, waitingPage(facts, place))
  return pageResponse(200, resultPage(RESULT_OF[order.status], { ...facts, paidAt: yield* paidAtText(order) }, place))
})

const RESULT_OF: { readonly [S in Exclude<OrderStatus, "PENDING">]: Result } = {
  PAID: "paid",
  REFUNDED: "refunded",
  FAILED: "failed",
  CLOSED: "closed"
}

const state =
  (run: Run): Handler =>
  (call) =>
    respond(run, call, stateOf(tokenOf(call)), (order) =>
      envelope(call, 200, OK[call.language], statusView(order, call.language))
    )

const stateOf = Effect.fnUntraced(function* (token: string) {
  const throttle = yield* Throttle
  const order: Order | null = yield* orderOfReturnToken(token)
  if (order === null) return yield* new PayLinkExpired()
  yield* throttle.takeKey(`payreturn:{${order.orderNo}}`, STATE_RULE).pipe(namingTheWait)
  return order
})

const resultPage = (
  kind: Result,
  order: OrderFacts & { readonly paidAt: string | null },
  place: PayerPlace
): string => {
  const texts = inLanguage(payTexts, place.language)
  return payerPage(place, {
    title: resultTitle(kind, texts),
    testMode: order.testMode,
    body: result(kind, texts, order, { back: false }),
    view: { kind }
  })
}

const waitingPage = (order: OrderFacts, place: PayerPlace): string => {
  const texts = inLanguage(payTexts, place.language)
  const { title, advice, unsure } = texts.returned
  return payerPage(place, {
    title,
    testMode: order.testMode,
    head: html`<noscript><meta http-equiv="refresh" content="${RELOAD_S}"></noscript>`,
    body: html`<main class="card page result waiting">
<div class="verdict">
${clockIcon}
<h1>${title}</h1>
${amount(order.amountFen)}
<p class="advice" id="advice" role="status">${advice}</p>
</div>
<dl class="facts">
<div><dt>${texts.payee}</dt><dd>${order.payee}</dd></div>
<div><dt>${texts.orderNo}</dt><dd class="number">${order.orderNo}</dd></div>
</dl>
<div class="act">
<a class="button large quiet" id="ask-link" href="${place.address ?? ""}?lang=${place.language}">${texts.askAgain}</a>
</div>
</main>`,
    view: { kind: "returned", stateUrl: `${place.address}/state`, texts: { unsure } },
    scripts: [assetUrl("pay-return.js")]
  })
}

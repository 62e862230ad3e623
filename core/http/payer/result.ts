import { type Html, html } from "../web/html.ts"
import { clockIcon, closedIcon, crossIcon, payersIcon, stopIcon, tickIcon } from "../web/icons.ts"
import { amount, backButton, type OrderFacts, type PayTexts } from "./frame.ts"

const RESULTS = {
  paid: { icon: tickIcon, text: "paid" },
  refunded: { icon: clockIcon, text: "refunded" },
  failed: { icon: crossIcon, text: "failed" },
  closed: { icon: closedIcon, text: "closed" },
  expired: { icon: clockIcon, text: "expired" },
  "other-payer": { icon: payersIcon, text: "otherPayer" },
  unavailable: { icon: stopIcon, text: "unavailable" },
  busy: { icon: clockIcon, text: "busy" }
} as const

export type Result = keyof typeof RESULTS

/** How a result is called, as its card and its page are titled. */
export const resultTitle = (kind: Result, texts: PayTexts): string => texts[RESULTS[kind].text].title

/**
 * The card that says how an order ended, or why it cannot be paid.
 * @param paidAt the payment's time as a text, where it is known
 * @param options.hidden the script shows it when it hears of that end
 * @param options.back false where the page before this one is the provider's, not the merchant's
 */
export const result = (
  kind: Result,
  texts: PayTexts,
  order?: OrderFacts & { readonly paidAt?: string | null },
  { hidden = false, back = true }: { readonly hidden?: boolean; readonly back?: boolean } = {}
): Html => {
  const { icon, text } = RESULTS[kind]
  const { title, advice } = texts[text]
  const { paidAt = null } = order ?? {}
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
<div><dt>${kind === "paid" || kind === "refunded" ? texts.paidTo : texts.payee}</dt><dd>${order.payee}</dd></div>
${paidAt !== null && html`<div><dt>${texts.paidAt}</dt><dd class="number">${paidAt}</dd></div>`}
<div><dt>${texts.orderNo}</dt><dd class="number">${order.orderNo}</dd></div>
</dl>`
}
<div class="act"><button class="button large quiet close-button" type="button" hidden>${texts.done}</button>${back && backButton(texts)}</div>
</main>`
}

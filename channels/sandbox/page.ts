import {
  CHANNEL_CODES,
  type Html,
  html,
  type Language,
  type SitePage,
  shanghaiText,
  yuanText
} from "../../core/channel/index.ts"
import { FAULTS, type FaultSettings } from "./faults.ts"
import { type SandboxTexts, texts } from "./texts.ts"
import type { Trade } from "./trade.ts"

/** Where a payer's page stands; `paid-unconfirmed`: the gateway has not acknowledged a notice yet. */
export type View = "pending" | "paid" | "paid-unconfirmed" | "failed" | "closed"

export const viewOf = (trade: Trade): View =>
  trade.state === "paid" && !trade.confirmed ? "paid-unconfirmed" : trade.state

export interface PayPage {
  readonly language: Language
  readonly ticket: string
  readonly trade: Trade
  readonly faults: FaultSettings
  readonly nowMs: number
  /** The payer has just chosen not to answer. */
  readonly stalled: boolean
}

/** The payer's page of one trade, in whatever state it is. Works without a script; pay.js adds the clock and the news. */
export const payPage = (page: PayPage): SitePage => {
  const { language, ticket, trade, nowMs, stalled } = page
  const text = texts[language]
  const view = viewOf(trade)
  return layout({
    language,
    title: text.title[view],
    self: `/sandbox/pay/${ticket}`,
    // Without a script, a payment that the gateway has not confirmed asks again by itself.
    head: view === "paid-unconfirmed" && html`<noscript><meta http-equiv="refresh" content="3"></noscript>`,
    main: html`<main class="card" data-view="${view}" data-ticket="${ticket}" data-now="${nowMs}" data-expires="${trade.expiresMs}"${stalled && html` data-stalled="1"`}>
${view === "pending" ? payable(page, text) : ended(page, text, view)}
</main>
${faultNote(page, text)}`
  })
}

const payable = (
  { language, ticket, trade, stalled }: PayPage,
  text: SandboxTexts
): Html => html`<p class="label">${text.amountDue}</p>
<h1 class="amount${trade.amountFen >= 100_000_000 && " long"}">${amount(trade.amountFen)}</h1>
<p class="note">${trade.description}</p>
${stalled && html`<p class="message" role="status">${icon("clock")}<span>${text.stalled}</span></p>`}
${rows(trade, text, language)}
<form method="post" action="/sandbox/pay/${ticket}?lang=${language}">
<button class="primary" name="action" value="pay">${text.pay} ${amount(trade.amountFen)}</button>
<div class="pair">
<button name="action" value="decline">${text.decline}</button>
<button name="action" value="stall">${text.stall}</button>
</div>
</form>
<p class="hint" data-countdown="${text.countdown}">${text.expiresAt} ${shanghaiText(trade.expiresMs)}</p>`

const ICON_OF = { paid: "check", "paid-unconfirmed": "clock", failed: "cross", closed: "closed" } as const

const ended = (
  { language, trade }: PayPage,
  text: SandboxTexts,
  view: Exclude<View, "pending">
): Html => html`<div class="result ${view}">
${icon(ICON_OF[view])}
<h1>${text.title[view]}</h1>
<p>${text.explain[view]}</p>
</div>
<p class="amount small">${amount(trade.payment?.amountFen ?? trade.amountFen)}</p>
<p class="note">${trade.description}</p>
${rows(trade, text, language)}
${/^https?:\/\//.test(trade.returnUrl) && html`<a class="button" href="${trade.returnUrl}">${text.back}</a>`}`

const rows = (trade: Trade, text: SandboxTexts, language: Language): Html => {
  const product = Object.hasOwn(CHANNEL_CODES, trade.code)
    ? CHANNEL_CODES[trade.code as keyof typeof CHANNEL_CODES]
    : undefined
  const name = product === undefined ? trade.code : language === "zh" ? product.name : product.nameEn
  const row = (label: string, value: string) => html`<div><dt>${label}</dt><dd>${value}</dd></div>\n`
  return html`<dl>
${row(text.product, name)}${row(text.orderNo, trade.orderNo)}${
  trade.payment !== null && [
    row(text.tradeNo, trade.payment.tradeNo),
    row(text.paidAt, shanghaiText(trade.payment.paidAtMs))
  ]
}</dl>`
}

const faultNote = ({ language, faults }: PayPage, text: SandboxTexts): Html | false => {
  const active = FAULTS.filter((fault) => faults[fault.stage] === fault.name)
  return (
    active.length > 0 &&
    html`<aside class="faults"><h2>${text.faultNote}</h2><ul>${active.map((fault) => html`<li>${fault[language]}</li>`)}</ul>
<a href="/sandbox/?lang=${language}">${text.allFaults}</a></aside>`
  )
}

/** `/sandbox/`: the table of magic amounts. */
export const faultsPage = (language: Language): SitePage => {
  const text = texts[language]
  const lines = FAULTS.map(
    (fault) =>
      html`<tr><td class="number">${amount(fault.amountFen)}</td><td>${fault[language]}</td><td><code>${fault.stage}: ${fault.name}</code></td></tr>\n`
  )
  return layout({
    language,
    title: text.faultsTitle,
    self: "/sandbox/",
    wide: true,
    main: html`<main class="card wide"><h1>${text.faultsTitle}</h1><p>${text.faultsLead}</p>
<table><thead><tr><th>${text.faultsAmount}</th><th>${text.faultsDoes}</th><th>${text.faultsSetting}</th></tr></thead>
<tbody>${lines}</tbody></table></main>`
  })
}

/** A page that only says something. @param detail a word of the program's own, such as a parameter's name */
export const messagePage = (
  status: number,
  language: Language,
  what: keyof SandboxTexts["messages"],
  detail = ""
): SitePage => {
  const [title, words] = texts[language].messages[what]
  return layout({
    status,
    language,
    title,
    main: html`<main class="card"><div class="result closed">${icon("closed")}<h1>${title}</h1>
<p>${words}${detail !== "" && html` <code>${detail}</code>`}</p></div></main>`
  })
}

interface Layout {
  /** 200 unless given. */
  readonly status?: number
  readonly language: Language
  readonly title: string
  /** The page's path, for the language link; without one there is none. */
  readonly self?: string
  readonly head?: Html | false
  readonly main: Html
  readonly wide?: boolean
}

const layout = ({ status = 200, language, title, self, head = false, main, wide = false }: Layout): SitePage => {
  const text = texts[language]
  const other: Language = language === "zh" ? "en" : "zh"
  return {
    kind: "page",
    status,
    title: `${title} · ${text.sandbox}`,
    ...(wide ? { bodyClass: "wide" } : {}),
    ...(head === false ? {} : { head }),
    styles: ["/sandbox/pay.css"],
    scripts: ["/sandbox/pay.js"],
    icon: "/sandbox/icon.svg",
    body: html`<header><span class="brand">PayHub <b>${text.sandbox}</b></span>${
      self !== undefined && html`<a class="language" href="${self}?lang=${other}" lang="${other}">${text.other}</a>`
    }</header>
${main}
<footer>${text.footer}</footer>`
  }
}

/** ¥8,888.01 */
const amount = (fen: number): Html => {
  const [yuan = "", cents = ""] = yuanText(fen).split(".")
  return html`<span class="yuan">¥</span>${yuan.replace(/\B(?=(\d{3})+$)/g, ",")}.${cents}`
}

const ICONS = {
  check: html`<path d="M14 25l7 7 14-15"/>`,
  clock: html`<path d="M24 14v11l7 4"/>`,
  cross: html`<path d="M17 17l14 14M31 17L17 31"/>`,
  closed: html`<path d="M15 24h18"/>`
}

const icon = (name: keyof typeof ICONS): Html =>
  html`<svg class="icon" viewBox="0 0 48 48" aria-hidden="true"><circle cx="24" cy="24" r="22"/>${ICONS[name]}</svg>`

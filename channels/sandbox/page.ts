import { CHANNEL_CODES, type SiteRequest, shanghaiText, yuanText } from "../../core/channel/index.ts"
import { FAULTS, type FaultSettings } from "./faults.ts"
import { type Language, type Text, texts } from "./texts.ts"
import type { Trade } from "./trade.ts"

/** Where a payer's page stands; `paid-unconfirmed`: the gateway has not acknowledged a notice yet. */
export type View = "pending" | "paid" | "paid-unconfirmed" | "failed" | "closed"

export const viewOf = (trade: Trade): View =>
  trade.state === "paid" && !trade.confirmed ? "paid-unconfirmed" : trade.state

/** `?lang=`, else what the browser likes best of the two, else Chinese. */
export const languageOf = (request: SiteRequest): Language => {
  const asked = request.url.searchParams.get("lang")
  if (asked === "zh" || asked === "en") return asked
  const liked = (request.headers["accept-language"] ?? "")
    .split(",")
    .map((range) => {
      const [tag = "", ...rest] = range.trim().toLowerCase().split(";")
      const q = rest.map((one) => /^\s*q=([\d.]+)\s*$/.exec(one)?.[1]).find((one) => one !== undefined)
      return { language: tag.split("-")[0], q: q === undefined ? 1 : Number(q) }
    })
    .filter((range) => range.q > 0 && (range.language === "zh" || range.language === "en"))
    .sort((a, b) => b.q - a.q)
  return liked[0]?.language === "en" ? "en" : "zh"
}

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
export const payPage = (page: PayPage): string => {
  const { language, ticket, trade, nowMs, stalled } = page
  const text = texts[language]
  const view = viewOf(trade)
  const body = view === "pending" ? payable(page, text) : ended(page, text, view)
  return layout({
    language,
    title: text.title[view],
    self: `/sandbox/pay/${ticket}`,
    // Without a script, a payment that the gateway has not confirmed asks again by itself.
    head: view === "paid-unconfirmed" ? `<noscript><meta http-equiv="refresh" content="3"></noscript>` : "",
    main: `<main class="card" data-view="${view}" data-ticket="${escape(ticket)}" data-now="${nowMs}"
      data-expires="${trade.expiresMs}"${stalled ? ` data-stalled="1"` : ""}>${body}</main>${faultNote(page, text)}`
  })
}

const payable = ({ language, ticket, trade, stalled }: PayPage, text: Text): string => `
  <p class="label">${escape(text.amountDue)}</p>
  <h1 class="amount${trade.amountFen >= 100_000_000 ? " long" : ""}">${amount(trade.amountFen)}</h1>
  <p class="note">${escape(trade.description)}</p>
  ${stalled ? `<p class="message" role="status">${icon("clock")}<span>${escape(text.stalled)}</span></p>` : ""}
  ${rows(trade, text, language)}
  <form method="post" action="/sandbox/pay/${escape(ticket)}?lang=${language}">
    <button class="primary" name="action" value="pay">${escape(text.pay)} ${amount(trade.amountFen)}</button>
    <div class="pair">
      <button name="action" value="decline">${escape(text.decline)}</button>
      <button name="action" value="stall">${escape(text.stall)}</button>
    </div>
  </form>
  <p class="hint" data-countdown="${escape(text.countdown)}">${escape(text.expiresAt)} ${shanghaiText(trade.expiresMs)}</p>`

const ended = ({ language, trade }: PayPage, text: Text, view: Exclude<View, "pending">): string => `
  <div class="result ${view}">
    ${icon(view === "paid" ? "check" : view === "paid-unconfirmed" ? "clock" : view === "failed" ? "cross" : "closed")}
    <h1>${escape(text.title[view])}</h1>
    <p>${escape(text.explain[view])}</p>
  </div>
  <p class="amount small">${amount(trade.payment?.amountFen ?? trade.amountFen)}</p>
  <p class="note">${escape(trade.description)}</p>
  ${rows(trade, text, language)}
  ${/^https?:\/\//.test(trade.returnUrl) ? `<a class="button" href="${escape(trade.returnUrl)}">${escape(text.back)}</a>` : ""}`

const rows = (trade: Trade, text: Text, language: Language): string => {
  const product = Object.hasOwn(CHANNEL_CODES, trade.code)
    ? CHANNEL_CODES[trade.code as keyof typeof CHANNEL_CODES]
    : undefined
  const name = product === undefined ? trade.code : language === "zh" ? product.name : product.nameEn
  const row = (label: string, value: string) => `<div><dt>${escape(label)}</dt><dd>${escape(value)}</dd></div>`
  return `<dl>
    ${row(text.product, name)}
    ${row(text.orderNo, trade.orderNo)}
    ${trade.payment === null ? "" : row(text.tradeNo, trade.payment.tradeNo)}
    ${trade.payment === null ? "" : row(text.paidAt, shanghaiText(trade.payment.paidAtMs))}
  </dl>`
}

const faultNote = ({ language, faults }: PayPage, text: Text): string => {
  const rows = FAULTS.filter((fault) => faults[fault.stage] === fault.name)
  if (rows.length === 0) return ""
  const items = rows.map((fault) => `<li>${escape(fault[language])}</li>`).join("")
  return `<aside class="faults"><h2>${escape(text.faultNote)}</h2><ul>${items}</ul>
    <a href="/sandbox/?lang=${language}">${escape(text.allFaults)}</a></aside>`
}

/** `/sandbox/`: the table of magic amounts. */
export const faultsPage = (language: Language): string => {
  const text = texts[language]
  const lines = FAULTS.map(
    (fault) =>
      `<tr><td class="number">${amount(fault.amountFen)}</td><td>${escape(fault[language])}</td>
        <td><code>${fault.stage}: ${fault.name}</code></td></tr>`
  ).join("")
  return layout({
    language,
    title: text.faultsTitle,
    self: "/sandbox/",
    head: "",
    wide: true,
    main: `<main class="card wide"><h1>${escape(text.faultsTitle)}</h1><p>${escape(text.faultsLead)}</p>
      <table><thead><tr><th>${escape(text.faultsAmount)}</th><th>${escape(text.faultsDoes)}</th>
      <th>${escape(text.faultsSetting)}</th></tr></thead><tbody>${lines}</tbody></table></main>`
  })
}

/** A page that only says something. @param detail a word of the program's own, such as a parameter's name */
export const messagePage = (language: Language, what: keyof Text["messages"], detail = ""): string => {
  const [title, words] = texts[language].messages[what]
  return layout({
    language,
    title,
    self: null,
    head: "",
    main: `<main class="card"><div class="result closed">${icon("closed")}<h1>${escape(title)}</h1>
      <p>${escape(words)}${detail === "" ? "" : ` <code>${escape(detail)}</code>`}</p></div></main>`
  })
}

interface Layout {
  readonly language: Language
  readonly title: string
  /** The page's path, for the language link; null = it has no address of its own. */
  readonly self: string | null
  readonly head: string
  readonly main: string
  readonly wide?: boolean
}

const layout = ({ language, title, self, head, main, wide }: Layout): string => {
  const text = texts[language]
  const other: Language = language === "zh" ? "en" : "zh"
  const link =
    self === null ? "" : `<a class="language" href="${escape(self)}?lang=${other}" lang="${other}">${text.other}</a>`
  return `<!doctype html>
<html lang="${language === "zh" ? "zh-CN" : "en"}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>${escape(title)} · ${escape(text.sandbox)}</title>
<link rel="icon" type="image/svg+xml" href="/sandbox/icon.svg">
<link rel="stylesheet" href="/sandbox/pay.css">
${head}
</head>
<body${wide ? ` class="wide"` : ""}>
<header><span class="brand">PayHub <b>${escape(text.sandbox)}</b></span>${link}</header>
${main}
<footer>${escape(text.footer)}</footer>
<script src="/sandbox/pay.js"></script>
</body>
</html>
`
}

/** ¥8,888.01 */
const amount = (fen: number): string => {
  const [yuan = "", cents = ""] = yuanText(fen).split(".")
  return `<span class="yuan">¥</span>${yuan.replace(/\B(?=(\d{3})+$)/g, ",")}.${cents}`
}

const ICONS = {
  check: `<path d="M14 25l7 7 14-15"/>`,
  clock: `<path d="M24 14v11l7 4"/>`,
  cross: `<path d="M17 17l14 14M31 17L17 31"/>`,
  closed: `<path d="M15 24h18"/>`
}

const icon = (name: keyof typeof ICONS): string =>
  `<svg class="icon" viewBox="0 0 48 48" aria-hidden="true"><circle cx="24" cy="24" r="22"/>${ICONS[name]}</svg>`

const escape = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)

import {
  CHANNEL_CODES,
  element,
  fill,
  type InLanguage,
  inLanguage,
  type Language,
  type SiteNode,
  type SitePage,
  shanghaiText,
  yuanText
} from "../../core/channel/index.ts"
import { FAULTS, type FaultSettings } from "./faults.ts"
import { OUTCOMES } from "./outcomes.ts"
import { sandboxTexts } from "./texts.ts"
import type { Trade } from "./trade.ts"

type SandboxTexts = InLanguage<typeof sandboxTexts>

/** How a trade looks to its payer; `paid-unconfirmed`: the gateway has not acknowledged a notice yet. */
export type TradeView = "pending" | "paid" | "paid-unconfirmed" | "failed" | "closed"

export const tradeView = (trade: Trade): TradeView =>
  trade.state === "paid" && !trade.confirmed ? "paid-unconfirmed" : trade.state

export interface TradePage {
  readonly language: Language
  readonly ticket: string
  readonly trade: Trade
  readonly faults: FaultSettings
  readonly nowMs: number
  /** The payer has just chosen not to answer. */
  readonly stalled: boolean
}

/** The payer's page of one trade, in any state. It works without scripts; pay.js adds the countdown and the news. */
export const tradePage = (page: TradePage): SitePage => {
  const { language, ticket, trade, nowMs, stalled } = page
  const texts = inLanguage(sandboxTexts, language)
  const view = tradeView(trade)
  const data = {
    view,
    ticket,
    now: nowMs,
    expires: trade.expiresMs,
    ...(stalled ? { stalled: 1 } : {})
  }
  const content = view === "pending" ? payable(page, texts) : ended(page, texts, view)
  return {
    ...framed({
      language,
      title: texts.title[view],
      path: `/sandbox/pay/${ticket}`,
      content: [element("main", { class: "card", data }, ...content), faultNote(page, texts)]
    }),
    // Without scripts, the page of a payment that the gateway has not confirmed looks again by itself.
    ...(view === "paid-unconfirmed" ? { reloadS: 3 } : {})
  }
}

const payable = ({ language, ticket, trade, stalled }: TradePage, texts: SandboxTexts): ReadonlyArray<SiteNode> => [
  element("p", { class: "label" }, texts.amountDue),
  element("h1", { class: trade.amountFen >= 100_000_000 ? "amount long" : "amount" }, ...amount(trade.amountFen)),
  element("p", { class: "note" }, trade.description),
  stalled &&
    element(
      "p",
      { class: "message", role: "status" },
      element("icon", { name: "clock" }),
      element("span", {}, texts.stalled)
    ),
  facts(trade, texts, language),
  element(
    "form",
    { method: "post", action: `/sandbox/pay/${ticket}?lang=${language}` },
    element(
      "button",
      { class: "button large", name: "action", value: "pay" },
      element("span", {}, `${texts.pay} `, ...amount(trade.amountFen))
    ),
    element(
      "div",
      { class: "acts" },
      element("button", { class: "button quiet", name: "action", value: "decline" }, texts.decline),
      element("button", { class: "button quiet", name: "action", value: "stall" }, texts.stall)
    )
  ),
  element(
    "p",
    { class: "hint", data: { countdown: texts.countdown } },
    fill(texts.payBefore, { time: shanghaiText(trade.expiresMs) })
  ),
  backLink(trade, texts, language)
]

const ICONS = { paid: "tick", "paid-unconfirmed": "clock", failed: "cross", closed: "closed" } as const

const ended = (
  { language, trade }: TradePage,
  texts: SandboxTexts,
  view: Exclude<TradeView, "pending">
): ReadonlyArray<SiteNode> => [
  element(
    "div",
    { class: `result ${view}` },
    element("icon", { name: ICONS[view] }),
    element("h1", {}, texts.title[view]),
    element("p", {}, texts.explain[view])
  ),
  element("p", { class: "amount small" }, ...amount(trade.payment?.amountFen ?? trade.amountFen)),
  element("p", { class: "note" }, trade.description),
  facts(trade, texts, language),
  backLink(trade, texts, language)
]

/** The way back, in the payer's language. Only a web page is worth a link. */
const backLink = ({ returnUrl }: Trade, texts: SandboxTexts, language: Language): SiteNode => {
  if (!/^https?:\/\//.test(returnUrl) || !URL.canParse(returnUrl)) return null
  const back = new URL(returnUrl)
  back.searchParams.set("lang", language)
  return element("a", { class: "button quiet back", href: back.href }, texts.back)
}

const facts = (trade: Trade, texts: SandboxTexts, language: Language): SiteNode => {
  const product = Object.hasOwn(CHANNEL_CODES, trade.code)
    ? CHANNEL_CODES[trade.code as keyof typeof CHANNEL_CODES]
    : undefined
  const name = product === undefined ? trade.code : language === "zh" ? product.name : product.nameEn
  const fact = (label: string, value: string) => element("div", {}, element("dt", {}, label), element("dd", {}, value))
  return element(
    "dl",
    { class: "facts" },
    fact(texts.product, name),
    fact(texts.orderNo, trade.orderNo),
    trade.payment && fact(texts.tradeNo, trade.payment.tradeNo),
    trade.payment && fact(texts.paidAt, shanghaiText(trade.payment.paidAtMs))
  )
}

const faultNote = ({ language, faults }: TradePage, texts: SandboxTexts): SiteNode => {
  const rows = FAULTS.filter((fault) => faults[fault.stage] === fault.name)
  if (rows.length === 0) return null
  return element(
    "aside",
    { class: "faults" },
    element("h2", {}, texts.faultNote),
    element("ul", {}, ...rows.map((fault) => element("li", {}, fault[language]))),
    element("a", { href: `/sandbox/?lang=${language}` }, texts.allFaults)
  )
}

/** `/sandbox/`: the table of magic amounts, with what the merchant sees of each. */
export const faultsPage = (language: Language): SitePage => {
  const texts = inLanguage(sandboxTexts, language)
  const heads = [texts.faultsAmount, texts.faultsDoes, texts.faultsSees]
  return framed({
    language,
    title: texts.faultsTitle,
    path: "/sandbox/",
    frameClass: "frame wide",
    content: [
      element(
        "main",
        {},
        element("h1", { class: "headline" }, texts.faultsTitle),
        element("p", { class: "lead" }, texts.faultsLead),
        element("p", { class: "lead" }, texts.faultsHow),
        element(
          "table",
          { class: "table" },
          element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, head)))),
          element(
            "tbody",
            {},
            ...FAULTS.map((fault) => {
              const { stage, name, amountFen } = fault
              const setting = `${stage}: ${name}` as keyof typeof OUTCOMES
              const outcome = OUTCOMES[setting]
              return element(
                "tr",
                { data: { fault: setting } },
                element("th", { scope: "row" }, ...amount(amountFen), element("code", {}, String(amountFen))),
                element("td", {}, fault[language], element("code", {}, setting)),
                element(
                  "td",
                  {},
                  element("b", {}, fill(texts.faultsOutcome, { ...outcome })),
                  element("span", {}, outcome[language])
                )
              )
            })
          )
        )
      )
    ]
  })
}

/** A page that only says something. @param detail a technical word, such as a parameter's name */
export const messagePage = (
  status: number,
  language: Language,
  what: keyof SandboxTexts["messages"],
  detail?: string
): SitePage => {
  const { title, advice } = inLanguage(sandboxTexts.messages[what], language)
  const content = element(
    "main",
    { class: "card" },
    element(
      "div",
      { class: "result closed" },
      element("icon", { name: "closed" }),
      element("h1", {}, title),
      element("p", {}, advice, ...(detail === undefined ? [] : [" ", element("code", {}, detail)]))
    )
  )
  return { ...framed({ language, title, content: [content] }), status }
}

interface Framed {
  readonly language: Language
  readonly title: string
  /** The page's path, for the link to the other language; absent: it has no address of its own. */
  readonly path?: string
  readonly frameClass?: string
  readonly content: ReadonlyArray<SiteNode>
}

const framed = ({ language, title, path, frameClass = "frame", content }: Framed): SitePage => {
  const texts = inLanguage(sandboxTexts, language)
  const other: Language = language === "zh" ? "en" : "zh"
  return {
    status: 200,
    title: `${title} · ${texts.sandbox}`,
    language,
    icon: "icon.svg",
    styles: ["pay.css"],
    scripts: ["pay.js"],
    body: [
      element(
        "div",
        { class: frameClass },
        element(
          "header",
          {},
          element("span", { class: "brand" }, "PayHub ", element("b", {}, texts.sandbox)),
          path !== undefined &&
            element("a", { class: "language", href: `${path}?lang=${other}`, lang: other }, texts.otherLanguage)
        ),
        ...content,
        element("footer", {}, texts.footer)
      )
    ]
  }
}

/** ¥8,888.01 */
const amount = (fen: number): ReadonlyArray<SiteNode> => {
  const [yuan = "", cents = ""] = yuanText(fen).split(".")
  return [element("span", { class: "currency" }, "¥"), `${yuan.replace(/\B(?=(\d{3})+$)/g, ",")}.${cents}`]
}

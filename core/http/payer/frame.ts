import { type InLanguage, inLanguage, type Language } from "../../domain/language.ts"
import { yuanText } from "../../domain/money.ts"
import { assetUrl } from "../web/assets.ts"
import { document } from "../web/document.ts"
import { type Html, html, jsonScript } from "../web/html.ts"
import { payTexts } from "./texts.ts"

export type PayTexts = InLanguage<typeof payTexts>

/** What every page that names an order says of it. Amounts are whole fen. */
export interface OrderFacts {
  readonly orderNo: string
  readonly amountFen: number
  /** The merchant's name. */
  readonly payee: string
  /** Whether the order is a test: its page says that no money moves. */
  readonly testMode: boolean
}

/** Where a page for a payer stands. */
export interface PayerPlace {
  readonly language: Language
  /** The page's own path and query without `lang`, which lead to the other language; absent: no such link. */
  readonly address?: string
}

/** The frame of every page that a payer sees: the test mark and the way to the other language over its card. */
export const payerPage = (
  place: PayerPlace,
  page: {
    readonly title: string
    readonly testMode?: boolean
    readonly head?: Html
    readonly body: Html
    /** What pay.js reads. */
    readonly view: object
    /** Scripts that run before pay.js. */
    readonly scripts?: ReadonlyArray<string>
  }
): string => {
  const { language } = place
  const texts = inLanguage(payTexts, language)
  const scripts = [...(page.scripts ?? []), assetUrl("pay.js")]
  return document({
    language,
    title: page.title,
    styles: [assetUrl("pay.css")],
    ...(page.head === undefined ? {} : { head: page.head }),
    body: html`<header class="top">
${page.testMode === true && html`<p class="test-mark">${texts.testMode}</p>`}
${languageLink(place)}
</header>
${page.body}
${jsonScript("view", page.view)}${scripts.map((src) => html`\n<script src="${src}"></script>`)}`
  })
}

const languageLink = ({ language, address }: PayerPlace): Html | null => {
  if (address === undefined) return null
  const [to, tag, name] = language === "zh" ? ["en", "en", "English"] : ["zh", "zh-CN", "中文"]
  const href = `${address}${address.includes("?") ? "&" : "?"}lang=${to}`
  return html`<a class="language" href="${href}" hreflang="${tag}" lang="${tag}">${name}</a>`
}

/** `¥1,234.56`, grouped for reading. */
export const amount = (fen: number): Html => {
  const [yuan = "0", cents = "00"] = yuanText(fen).split(".")
  return html`<p class="amount${fen >= 100_000_000 && " long"}"><span class="currency">¥</span>${yuan.replace(/\B(?=(\d{3})+$)/g, ",")}.${cents}</p>`
}

/** A button that leads to where the payer came from; the script shows it if the browser has such a page. */
export const backButton = (texts: PayTexts): Html =>
  html`<button class="button large quiet back-button" type="button" hidden>${texts.back}</button>`

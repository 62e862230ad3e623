import {
  element,
  type InLanguage,
  inLanguage,
  type Language,
  type SitePage,
  type Texts,
  yuanText
} from "../../core/channel/index.ts"

/** One order of a simulated provider, with what can be done to it. */
export interface PlaygroundOrder {
  readonly provider: string
  readonly number: string
  readonly amountFen: number
  readonly state: string
  readonly pay: () => unknown
  readonly payWrongAmount: () => unknown
  readonly notifyAgain: () => unknown
}

/** What a button of the page does: a method of PlaygroundOrder. */
export type PlaygroundAct = "pay" | "payWrongAmount" | "notifyAgain"

const TEXTS = {
  title: { zh: "模拟的支付渠道", en: "Simulated providers" },
  lead: {
    zh: "网关向模拟渠道下的订单都在这里。刷新页面可看到新订单。",
    en: "Orders that the gateway has placed here. Reload to see new ones."
  },
  other: { zh: "English", en: "中文" },
  steps: { zh: "怎么用", en: "How to use it" },
  walk: [
    {
      zh: "运行终端里打印的 payhub channel add 命令，添加渠道账户。",
      en: "Run the payhub channel add commands that the terminal shows: they add the accounts."
    },
    {
      zh: "用 payhub merchant create --name Shop 创建生产商户，以它的身份下单（examples/merchants 里有现成的代码）。",
      en: "Make a live merchant with payhub merchant create --name Shop, and order as it (examples/merchants has the code)."
    },
    {
      zh: "订单出现在上面后，点「支付」。",
      en: "When the order stands above, press “Pay”."
    },
    {
      zh: "用 payhub order show 看时间线，用 payhub webhook list --order 看推送的回调。",
      en: "See its timeline with payhub order show, and the webhooks with payhub webhook list --order."
    }
  ],
  none: { zh: "还没有订单。", en: "No orders yet." },
  order: { zh: "订单", en: "Order" },
  provider: { zh: "渠道", en: "Provider" },
  amount: { zh: "金额（元）", en: "Yuan" },
  state: { zh: "状态", en: "State" },
  buttons: { zh: "操作", en: "Buttons" },
  acts: {
    pay: { zh: "支付", en: "Pay" },
    payWrongAmount: { zh: "多付 1 分", en: "Pay 1 fen too much" },
    notifyAgain: { zh: "再发一次通知", en: "Send the notice again" }
  }
} as const satisfies Texts

type PageTexts = InLanguage<typeof TEXTS>

/** The page of `payhub simulator`: its orders with their buttons, and how to get one. */
export const playgroundPage = (orders: ReadonlyArray<PlaygroundOrder>, language: Language): SitePage => {
  const texts = inLanguage(TEXTS, language)
  const other: Language = language === "zh" ? "en" : "zh"
  const heads = [texts.order, texts.provider, texts.amount, texts.state, texts.buttons]
  return {
    status: 200,
    title: texts.title,
    language,
    body: [
      element(
        "main",
        { class: "sheet" },
        element("h1", { class: "headline" }, texts.title),
        element("p", { class: "lead" }, texts.lead),
        element("p", {}, element("a", { href: `/?lang=${other}`, lang: other }, texts.other)),
        orders.length === 0
          ? element("p", { class: "card" }, texts.none)
          : element(
              "table",
              { class: "table" },
              element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, head)))),
              element("tbody", {}, ...orders.map((order) => orderElement(order, language, texts)))
            ),
        element("h2", {}, texts.steps),
        element("ol", {}, ...texts.walk.map((step) => element("li", {}, step)))
      )
    ]
  }
}

const orderElement = (order: PlaygroundOrder, language: Language, { acts }: PageTexts) => {
  const { provider, number, amountFen, state } = order
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, number),
    ...[provider, yuanText(amountFen), state].map((text) => element("td", {}, text)),
    element(
      "td",
      {},
      element(
        "div",
        { class: "acts" },
        ...(Object.entries(acts) as ReadonlyArray<[PlaygroundAct, string]>).map(([act, label]) =>
          element(
            "form",
            { method: "post", action: `/?number=${encodeURIComponent(number)}&act=${act}&lang=${language}` },
            element("button", { class: "button small" }, label)
          )
        )
      )
    )
  )
}

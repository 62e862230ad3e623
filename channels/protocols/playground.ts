import { element, type SitePage } from "../../core/channel/index.ts"
import { type SimulatorReply, type SimulatorRequest, startSimulatorServer } from "./simulator/server.ts"
import { WechatOauthSimulator } from "./wechat-oauth/simulator.ts"
import { WechatPaySimulator } from "./wechatpay-v3/simulator.ts"
import { startYsepaySimulator } from "./ysepay/simulator.ts"

/** An account file for `payhub channel add <provider> --account FILE`. */
export interface PlaygroundAccount {
  readonly provider: string
  readonly name: string
  readonly account: unknown
}

export interface Playground {
  readonly accounts: ReadonlyArray<PlaygroundAccount>
  /** A page that lists the providers' orders and pays them. */
  readonly console: string
  readonly stop: () => Promise<void>
}

/** One order of a simulated provider, with what can be done to it. */
interface Row {
  readonly provider: string
  readonly number: string
  readonly amountFen: number
  readonly state: string
  readonly pay: () => unknown
  readonly payWrongAmount: () => unknown
  readonly notifyAgain: () => unknown
}

/** The core's web kit, which a channel may not import: what renders the page, and the files that the page links. */
export interface PlaygroundWeb {
  readonly respond: (page: SitePage) => Response
  readonly asset: (name: string) => Response | undefined
}

/** The providers' simulators on loopback, for a person to play with: real wire, real signatures, no money. */
export const startPlayground = async (web: PlaygroundWeb): Promise<Playground> => {
  const yinsheng = await startYsepaySimulator()
  const oauth = await WechatOauthSimulator.start({})
  const wechat = await WechatPaySimulator.start({ serialMode: "both", oauthOrigin: oauth.origin })
  const appId = wechat.appIds[0] ?? ""
  oauth.apps.set(appId, wechat.appSecret)

  const rows = (): ReadonlyArray<Row> => [
    ...[...yinsheng.book.values()].map((trade) => ({
      provider: "Yinsheng",
      number: trade.outTradeNo,
      amountFen: trade.amountFen,
      state: trade.status,
      pay: () => yinsheng.pay(trade.outTradeNo),
      payWrongAmount: () => yinsheng.pay(trade.outTradeNo, { amountFen: trade.amountFen + 1 }),
      notifyAgain: () => yinsheng.pushAgain(trade.outTradeNo)
    })),
    ...[...wechat.book.orders.values()].map((order) => ({
      provider: "WeChat Pay",
      number: order.outTradeNo,
      amountFen: order.totalFen,
      state: order.state,
      pay: () => {
        wechat.pay(order.outTradeNo)
        return wechat.notify(order.outTradeNo)
      },
      payWrongAmount: () => {
        wechat.pay(order.outTradeNo, { amountFen: order.totalFen + 1 })
        return wechat.notify(order.outTradeNo)
      },
      notifyAgain: () => wechat.notify(order.outTradeNo)
    }))
  ]

  const server = await startSimulatorServer((request) => answer(rows(), web, request))
  const app = { appId, appSecret: wechat.appSecret, hosts: { api: oauth.origin, authorize: oauth.origin } }
  return {
    accounts: [
      { provider: "yinsheng-qrcode", name: "Simulated Yinsheng QR", account: yinsheng.account() },
      { provider: "wechat-jsapi", name: "Simulated WeChat Pay", account: wechat.account() },
      {
        provider: "wechat-jsapi",
        name: "Simulated WeChat by Yinsheng",
        account: { acquirer: "yinsheng", ...yinsheng.account(), ...app }
      }
    ],
    console: `${server.origin}/`,
    stop: async () => {
      await server.stop()
      await Promise.all([yinsheng.stop(), oauth.stop(), wechat.stop()])
    }
  }
}

const ACTS = { pay: "Pay", payWrongAmount: "Pay 1 fen too much", notifyAgain: "Send the notice again" } as const

const answer = async (
  rows: ReadonlyArray<Row>,
  web: PlaygroundWeb,
  { method, url }: SimulatorRequest
): Promise<SimulatorReply> => {
  if (method === "POST") {
    const row = rows.find(({ number }) => number === url.searchParams.get("number"))
    const act = url.searchParams.get("act") ?? ""
    if (row !== undefined && Object.hasOwn(ACTS, act)) await row[act as keyof typeof ACTS]()
    return { status: 303, headers: { location: "/" } }
  }
  const asset = url.pathname.startsWith("/assets/") ? web.asset(url.pathname.slice("/assets/".length)) : undefined
  const shown = asset ?? web.respond(page(rows))
  const body = new Uint8Array(await shown.arrayBuffer())
  return { status: shown.status, headers: Object.fromEntries(shown.headers), body }
}

const page = (rows: ReadonlyArray<Row>): SitePage => ({
  status: 200,
  title: "Simulated providers",
  language: "en",
  body: [
    element(
      "main",
      { class: "sheet" },
      element("h1", { class: "headline" }, "Simulated providers"),
      element("p", { class: "lead" }, "Orders that the gateway has placed here. Reload to see new ones."),
      element(
        "table",
        { class: "table" },
        element("thead", {}, element("tr", {}, ...HEADS.map((head) => element("th", { scope: "col" }, head)))),
        element("tbody", {}, ...rows.map(rowElement))
      )
    )
  ]
})

const HEADS = ["Order", "Provider", "Fen", "State", "Buttons"]

const rowElement = ({ provider, number, amountFen, state }: Row) =>
  element(
    "tr",
    {},
    element("th", { scope: "row" }, number),
    ...[provider, String(amountFen), state].map((text) => element("td", {}, text)),
    element(
      "td",
      {},
      element("div", { class: "acts" }, ...Object.entries(ACTS).map(([act, label]) => button(number, act, label)))
    )
  )

const button = (number: string, act: string, label: string) =>
  element(
    "form",
    { method: "post", action: `/?number=${encodeURIComponent(number)}&act=${act}` },
    element("button", { class: "button small" }, label)
  )

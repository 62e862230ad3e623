import type { Language, SitePage } from "../../core/channel/index.ts"
import { type PlaygroundAct, type PlaygroundOrder, playgroundPage } from "./playground-page.ts"
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

/** The core's web kit, which a channel may not import: what renders the page, and the files that the page links. */
export interface PlaygroundWeb {
  /** The language for a page: `?lang=` of its URL, else what the browser accepts. */
  readonly language: (url: URL, acceptLanguage: string | null) => Language
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

  const rows = (): ReadonlyArray<PlaygroundOrder> => [
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

const isAct = (act: string): act is PlaygroundAct => ["pay", "payWrongAmount", "notifyAgain"].includes(act)

const answer = async (
  rows: ReadonlyArray<PlaygroundOrder>,
  web: PlaygroundWeb,
  { method, url, headers }: SimulatorRequest
): Promise<SimulatorReply> => {
  const language = web.language(url, headers["accept-language"] ?? null)
  if (method === "POST") {
    const row = rows.find(({ number }) => number === url.searchParams.get("number"))
    const act = url.searchParams.get("act") ?? ""
    if (row !== undefined && isAct(act)) await row[act]()
    return { status: 303, headers: { location: `/?lang=${language}` } }
  }
  const asset = url.pathname.startsWith("/assets/") ? web.asset(url.pathname.slice("/assets/".length)) : undefined
  const shown = asset ?? web.respond(playgroundPage(rows, language))
  const body = new Uint8Array(await shown.arrayBuffer())
  return { status: shown.status, headers: Object.fromEntries(shown.headers), body }
}

import { type Html, html } from "../../core/channel/index.ts"
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
  /** The page that lists the providers' orders, with buttons that pay them. */
  readonly console: string
  readonly stop: () => Promise<void>
}

/** One order of a simulated provider, with its buttons. */
interface Row {
  readonly provider: string
  readonly number: string
  readonly amountFen: number
  readonly state: string
  readonly pay: () => unknown
  readonly payWrongAmount: () => unknown
  readonly notifyAgain: () => unknown
}

/** Starts the providers' simulators on loopback for a person to try: real wire, real signatures, no money. */
export const startPlayground = async (): Promise<Playground> => {
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

  const server = await startSimulatorServer((request) => answer(rows(), request))
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

const answer = async (rows: ReadonlyArray<Row>, { method, url }: SimulatorRequest): Promise<SimulatorReply> => {
  if (method === "POST") {
    const row = rows.find(({ number }) => number === url.searchParams.get("number"))
    const act = url.searchParams.get("act") ?? ""
    if (row !== undefined && Object.hasOwn(ACTS, act)) await row[act as keyof typeof ACTS]()
    return { status: 303, headers: { location: "/" } }
  }
  const headers = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; form-action 'self'"
  }
  return { status: 200, headers, body: page(rows).text }
}

const page = (rows: ReadonlyArray<Row>): Html => html`<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Simulated providers</title>
<h1>Simulated providers</h1><p>Orders that the gateway has placed here. Reload to see new ones.</p>
<table cellpadding="6"><tr><th>Provider<th>Order<th>Fen<th>State<th></tr>
${rows.map(rowHtml)}</table></html>`

const rowHtml = ({ provider, number, amountFen, state }: Row): Html =>
  html`<tr><td>${provider}<td>${number}<td>${amountFen}<td>${state}<td>${Object.entries(ACTS).map(
    ([act, label]) =>
      html`<form method="post" action="/?number=${encodeURIComponent(number)}&act=${act}"><button>${label}</button></form>`
  )}</tr>\n`

import type { IncomingMessage, ServerResponse } from "node:http"
import { type Html, html } from "../../core/channel/index.ts"
import { serveSimulator } from "./simulator/server.ts"
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

/** The providers' simulators on loopback, for a person to play with: real wire, real signatures, no money. */
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

  const server = await serveSimulator((request, response) => answer(rows(), request, response))
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
      await Promise.all([server.stop(), yinsheng.stop(), oauth.stop(), wechat.stop()])
    }
  }
}

const ACTS = { pay: "Pay", payWrongAmount: "Pay 1 fen too much", notifyAgain: "Send the notice again" } as const

const answer = async (rows: ReadonlyArray<Row>, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const url = new URL(request.url ?? "/", "http://playground")
  if (request.method === "POST") {
    const row = rows.find(({ number }) => number === url.searchParams.get("number"))
    const act = url.searchParams.get("act") ?? ""
    if (row !== undefined && Object.hasOwn(ACTS, act)) await row[act as keyof typeof ACTS]()
    response.writeHead(303, { location: "/" }).end()
    return
  }
  const headers = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; form-action 'self'"
  }
  response.writeHead(200, headers).end(page(rows).text)
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

import { describe } from "bun:test"
import { startSimulatorServer } from "../../channels/protocols/simulator/server.ts"
import { WechatOauthSimulator } from "../../channels/protocols/wechat-oauth/simulator.ts"
import { WechatPaySimulator } from "../../channels/protocols/wechatpay-v3/simulator.ts"
import provider from "../../channels/wechat-jsapi/index.ts"
import { describeChannel, type KitNotice, type KitSimulator } from "../../core/kit/index.ts"
import { startYinsheng } from "./kit-yinsheng.ts"

const APP_ID = "wx8888888888888888"

/** Catches what is sent to it: the simulator makes a notice only by sending it. */
const startLetterbox = async () => {
  let caught: KitNotice | undefined
  const server = await startSimulatorServer(({ headers, body }) => {
    caught = {
      headers: Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith("wechatpay-"))),
      body
    }
    return { status: 200 }
  })
  return { url: `${server.origin}/api/notice/acc_kit`, caught: () => caught, stop: server.stop }
}

const start = async (): Promise<KitSimulator> => {
  const oauth = await WechatOauthSimulator.start({})
  const wechat = await WechatPaySimulator.start({ serialMode: "both", oauthOrigin: oauth.origin })
  oauth.apps.set(APP_ID, wechat.appSecret)
  const letterbox = await startLetterbox()
  const account = wechat.account()
  const { platformCertificates: _, ...verification } = account.verification
  return {
    account: {
      ...account,
      // Both keys are pinned, so that only the order's own calls are made.
      verification: { ...verification, platformCertificates: [wechat.platformCertificatePem] }
    },
    noticeUrl: letterbox.url,
    pay: (orderNo, how) => {
      if (wechat.book.orders.get(orderNo)?.state !== "NOTPAY") return false
      wechat.pay(orderNo, how)
      return true
    },
    notice: async (orderNo, { amountFen, currency, paid = true, receiver, signedBy } = {}) => {
      const order = wechat.book.orders.get(orderNo)
      if (order === undefined) throw new Error(`no order ${orderNo}`)
      if (signedBy !== undefined) await wechat.notify(orderNo, signedBy === "nobody" ? "unsigned" : "wrong-signature")
      else {
        const told = wechat.book.transaction(order)
        const amount = {
          ...told.amount,
          ...(amountFen === undefined ? {} : { total: amountFen }),
          ...(currency === undefined && receiver === undefined ? {} : { currency: currency ?? "CNY" })
        }
        const success = { trade_state: "SUCCESS", transaction_id: "4200000001", success_time: new Date().toISOString() }
        const others = { ...success, mchid: receiver === "another" ? "1900000002" : undefined }
        const resource = {
          ...told,
          amount,
          ...(paid ? {} : { trade_state: "NOTPAY" }),
          ...(receiver === undefined ? {} : others)
        }
        await wechat.notifyWith(letterbox.url, paid ? "TRANSACTION.SUCCESS" : "TRANSACTION.OTHER", resource)
      }
      return letterbox.caught()
    },
    fault: (fault) => {
      if (fault === "other-order" || fault === "other-amount") return false
      wechat.inject({ fault })
      return true
    },
    book: (orderNo) => {
      const order = wechat.book.orders.get(orderNo)
      if (order === undefined) return undefined
      const refunds = [...order.refunds.values()].filter(({ status }) => status === "SUCCESS")
      const refundedFen = refunds.reduce((sum, { refundFen }) => sum + refundFen, 0)
      return { amountFen: order.totalFen, paidFen: order.paidFen, refundedFen }
    },
    trades: () => wechat.book.orders.size,
    settleRefund: (refundNo) => wechat.finishRefund(refundNo),
    login: (authorizeUrl, openid) => new URL(oauth.visit(authorizeUrl, openid)).searchParams.get("code") ?? "",
    stranger: "nobody",
    stop: async () => {
      await letterbox.stop()
      await oauth.stop()
      await wechat.stop()
    }
  }
}

/** The same channel through Yinsheng, with Yinsheng's keys and notices and WeChat's login. */
const startThroughYinsheng = async (): Promise<KitSimulator> => {
  const appSecret = "wechat-app-secret-0123456789"
  const oauth = await WechatOauthSimulator.start({ [APP_ID]: appSecret })
  const hosts = { api: oauth.origin, authorize: oauth.origin }
  const yinsheng = await startYinsheng({ acquirer: "yinsheng", appId: APP_ID, appSecret, hosts })
  return {
    ...yinsheng,
    login: (authorizeUrl, openid) => new URL(oauth.visit(authorizeUrl, openid)).searchParams.get("code") ?? "",
    stranger: "nobody",
    stop: async () => {
      await oauth.stop()
      await yinsheng.stop()
    }
  }
}

describe("Through WeChat Pay itself", () => describeChannel(provider, { simulator: start }))
describe("Through Yinsheng", () =>
  describeChannel(provider, { simulator: startThroughYinsheng, noticeSignature: "values" }))

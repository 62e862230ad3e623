import { generateKeyPairSync } from "node:crypto"
import { orderKeyOf } from "../../channels/protocols/ysepay/order-number.ts"
import { startYsepaySimulator } from "../../channels/protocols/ysepay/simulator.ts"
import { signedNoticeForm } from "../../channels/protocols/ysepay/simulator-wire.ts"
import type { KitSimulator } from "../../core/kit/index.ts"

const keyOf = (orderNo: string) => orderKeyOf(orderNo).out_trade_no
const stranger = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey

/** Starts Yinsheng's simulator for the kit. @param settings the account's fields besides Yinsheng's own */
export const startYinsheng = async (settings: Readonly<Record<string, unknown>> = {}): Promise<KitSimulator> => {
  const simulator = await startYsepaySimulator({ pushesMax: 1 })
  return {
    account: { ...settings, ...simulator.account() },
    pay: async (orderNo, how) => {
      if (simulator.book.get(keyOf(orderNo))?.status !== "WAIT_BUYER_PAY") return false
      await simulator.pay(keyOf(orderNo), { ...how, notify: false })
      return true
    },
    notice: (orderNo, { amountFen, currency, paid = true, receiver, signedBy } = {}) => {
      const change = {
        // One key signs for all merchants: this is what another one's payment looks like, paid under our order's number.
        ...(receiver === undefined ? {} : { trade_no: "01O261124999999999", trade_status: "TRADE_SUCCESS" }),
        ...(receiver === "another" ? { seller_id: "shanghu_other" } : {}),
        ...(amountFen === undefined
          ? {}
          : { total_amount: `${Math.floor(amountFen / 100)}.${String(amountFen % 100).padStart(2, "0")}` }),
        ...(currency === undefined ? {} : { currency }),
        ...(paid ? {} : { trade_status: "WAIT_BUYER_PAY" })
      }
      const body = simulator.notice(keyOf(orderNo), change)
      const headers = { "content-type": "application/x-www-form-urlencoded" }
      if (signedBy === undefined) return { headers, body }
      const fields = new URLSearchParams(body)
      fields.delete("sign")
      return { headers, body: signedBy === "nobody" ? fields.toString() : signedNoticeForm(new Map(fields), stranger) }
    },
    fault: (fault) => {
      simulator.inject({ fault })
      // A query whose signature does not verify is asked once more by the other method, whose answer is spoiled as well.
      if (fault === "wrong-signature" || fault === "unsigned") simulator.inject({ fault, call: "trade.query" })
      return true
    },
    book: (orderNo) => {
      const trade = simulator.book.get(keyOf(orderNo))
      if (trade === undefined) return undefined
      const refunds = [...trade.refunds.values()].filter(({ state }) => state === "success")
      const refundedFen = refunds.reduce((sum, { refundFen }) => sum + refundFen, 0)
      return { amountFen: trade.amountFen, paidFen: trade.paidFen ?? 0, refundedFen }
    },
    trades: () => simulator.book.size,
    stop: () => simulator.stop()
  }
}

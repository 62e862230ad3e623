import { Clock, Effect } from "effect"
import {
  type Bill,
  ChannelHttp,
  ChannelRejected,
  ChannelUncertain,
  type ChargeState,
  type RefundState
} from "../../../core/channel/index.ts"
import { callYsepay } from "./call.ts"
import type { OrderKey } from "./order-number.ts"
import { textOf } from "./response.ts"
import type { YsepaySession } from "./session.ts"
import { type FeeFrom, readRefundState, readTrade } from "./trade.ts"

/**
 * Asks what has become of an order. `absent` = Yinsheng does not know the order (yet). An answer counts only if it is
 * about this order, and about this seller where it names one: a payment rests on it alone.
 */
export const lookUpTrade = Effect.fnUntraced(function* (
  session: YsepaySession,
  key: OrderKey,
  account: { readonly sellerId: string; readonly feeFrom: FeeFrom }
): Effect.fn.Return<ChargeState, ChannelRejected | ChannelUncertain, ChannelHttp> {
  const answer = yield* askTrade(session, key, account.sellerId)
  if (answer.kind === "absent") return { state: "absent" }
  if (answer.kind === "refused") return yield* unsure(answer.reason)
  const seller = textOf(answer.node, "seller_id")
  if (seller !== undefined && seller !== account.sellerId) {
    return yield* new ChannelUncertain({ why: "unreadable", detail: `an answer about seller ${seller}` })
  }
  const nowMs = yield* Clock.currentTimeMillis
  return yield* readTrade(answer.node, { outTradeNo: key.out_trade_no, nowMs, feeFrom: account.feeFrom })
})

/**
 * Asks `trade.order.query`, the richer of the two queries, and `trade.query` where the signature of its answer does not
 * verify: over which bytes the real one is signed is unknown (protocols/channels.md, section I, A7).
 */
const askTrade = (session: YsepaySession, key: OrderKey, sellerId: string) =>
  callYsepay(session, "ysepay.online.trade.order.query", { ...key, seller_id: sellerId }).pipe(
    Effect.catchIf(
      (failure) => failure._tag === "ChannelUncertain" && failure.why === "bad-signature",
      () => callYsepay(session, "ysepay.online.trade.query", { ...key })
    )
  )

/** Asks `trade.refund.query`. `absent` = Yinsheng does not know the refund (yet). */
export const lookUpRefund = Effect.fnUntraced(function* (
  session: YsepaySession,
  key: OrderKey,
  refund: { readonly refundNo: string; readonly tradeNo: string | null }
): Effect.fn.Return<RefundState | { readonly state: "absent" }, ChannelRejected | ChannelUncertain, ChannelHttp> {
  const answer = yield* callYsepay(session, "ysepay.online.trade.refund.query", {
    ...key,
    trade_no: refund.tradeNo ?? undefined,
    out_request_no: refund.refundNo,
    refund_query_type: "1"
  })
  if (answer.kind === "absent") return { state: "absent" }
  if (answer.kind === "refused") return yield* unsure(answer.reason)
  return yield* readRefundState(answer.node, { outTradeNo: key.out_trade_no, refundNo: refund.refundNo })
})

/**
 * Asks `bill.downloadurl.get` and downloads the file. Its bytes stay as they are: format and encoding are undocumented.
 * @param date yyyy-MM-dd, Beijing
 */
export const downloadBill = Effect.fnUntraced(function* (
  session: YsepaySession,
  date: string
): Effect.fn.Return<Bill, ChannelRejected | ChannelUncertain, ChannelHttp> {
  const answer = yield* callYsepay(session, "ysepay.online.bill.downloadurl.get", { account_date: date })
  if (answer.kind !== "done") return yield* new ChannelRejected({ reason: answer.reason })
  const url = textOf(answer.node, "bill_download_url")
  if (url === undefined || !URL.canParse(url)) return yield* unsure("no bill_download_url")
  const http = yield* ChannelHttp
  const file = yield* http.send({ method: "GET", url })
  if (file.status !== 200) return yield* unsure(`HTTP ${file.status} for the bill`)
  const name =
    new URL(url).pathname
      .split("/")
      .at(-1)
      ?.replaceAll(/[^\w.-]/g, "") || "bill"
  return { fileName: `yinsheng-${date}-${name}`, content: file.body }
})

/**
 * For a query that follows another call. ChannelRejected of the query says only that the query was not sent, which is
 * no definite no about the call before it.
 */
export const afterwards = <A, R>(
  question: Effect.Effect<A, ChannelRejected | ChannelUncertain, R>
): Effect.Effect<A, ChannelUncertain, R> =>
  question.pipe(
    Effect.catchTag("ChannelRejected", ({ reason }) =>
      Effect.fail(new ChannelUncertain({ why: "connection", detail: reason }))
    )
  )

const unsure = (detail: string) => new ChannelUncertain({ why: "server-error", detail })

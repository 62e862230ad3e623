import { Effect, Option, Schema } from "effect"
import {
  CHANNEL_CODES,
  type Channel,
  type ChannelProvider,
  type GatewayUrls,
  NoticeRefused,
  type Payment,
  type Presentation,
  type RefundState
} from "../../core/channel/index.ts"
import { SANDBOX_APP_ID, SandboxAccount, testMode } from "./account.ts"
import { call } from "./call.ts"
import { verified } from "./sign.ts"
import { sandboxSite } from "./site.ts"
import {
  ChargeAnswer,
  CloseAnswer,
  NoticeJson,
  OpenidAnswer,
  type PaymentJson,
  QueryAnswer,
  RefundAnswer
} from "./wire.ts"

export { SandboxAccount } from "./account.ts"
export { type SandboxPaid, type SandboxPayment, sandboxPay } from "./pay.ts"

/** The channel of all test-mode merchants. It talks HTTP to its own site in the same gateway and moves no money. */
const sandbox: ChannelProvider<SandboxAccount> = {
  id: "sandbox",
  products: Object.entries(CHANNEL_CODES).map(([code, product]) => ({ code, ...product })),
  account: SandboxAccount,
  egress: (_account, gateway) => [new URL(gateway.localUrl).host],
  open: (account, gateway) => Effect.succeed(openChannel(account, gateway)),
  testMode,
  site: sandboxSite
}

export default sandbox

const openChannel = ({ signingKey }: SandboxAccount, gateway: GatewayUrls): Channel => ({
  charge: (request) =>
    call(
      signingKey,
      gateway,
      "charge",
      {
        order_no: request.orderNo,
        code: request.code,
        amount_fen: request.amountFen,
        description: request.description,
        expires_ms: request.expiresAt.getTime(),
        return_url: request.returnUrl,
        jsapi:
          request.jsapi === undefined
            ? null
            : { app_id: request.jsapi.appId ?? SANDBOX_APP_ID, openid: request.jsapi.openid }
      },
      ChargeAnswer
    ).pipe(Effect.map((answer) => presentation(request.code, answer))),

  query: (charge) =>
    call(signingKey, gateway, "query", { order_no: charge.orderNo }, QueryAnswer).pipe(
      Effect.map((answer) => {
        if (answer.state === "paid") return { state: "paid", payment: payment(answer.payment) }
        if (answer.state === "failed") return { state: "failed", reason: "the payer declined" }
        return { state: answer.state }
      })
    ),

  readNotice: (raw) =>
    Effect.gen(function* () {
      if (raw.method !== "POST" || verified(signingKey, "notice", raw.headers, raw.body) === undefined) {
        return yield* new NoticeRefused({ why: "bad-signature" })
      }
      const read = decodeNotice(Buffer.from(raw.body).toString("utf8"))
      if (Option.isNone(read)) return yield* new NoticeRefused({ why: "unreadable" })
      const { type, order_no: orderNo, payment: paid } = read.value
      // The key is this account's alone, so the signature binds the notice to the account.
      if (type !== "trade.paid" || paid === null) return { kind: "news" as const, orderNo }
      return { kind: "payment" as const, orderNo, payment: payment(paid) }
    }),

  replies: {
    accepted: { status: 200, contentType: "text/plain", body: "success" },
    refused: { status: 400, contentType: "text/plain", body: "fail" }
  },

  close: (charge) =>
    Effect.map(call(signingKey, gateway, "close", { order_no: charge.orderNo }, CloseAnswer), ({ state }) => ({
      state
    })),

  refund: ({ charge, refundNo, refundFen }) =>
    Effect.map(
      call(
        signingKey,
        gateway,
        "refund",
        { order_no: charge.orderNo, refund_no: refundNo, refund_fen: refundFen },
        RefundAnswer
      ),
      refundState
    ),

  queryRefund: ({ charge, refundNo }) =>
    Effect.map(
      call(signingKey, gateway, "refund-query", { order_no: charge.orderNo, refund_no: refundNo }, RefundAnswer),
      refundState
    ),

  payer: {
    authorizeUrl: ({ redirectUrl, state, appId }) =>
      `${gateway.publicUrl}/sandbox/wechat/authorize?appid=${encodeURIComponent(appId ?? SANDBOX_APP_ID)}` +
      `&redirect_uri=${encodeURIComponent(redirectUrl)}&response_type=code&scope=snsapi_base` +
      `&state=${state}#wechat_redirect`,
    identify: ({ code, appId }) =>
      Effect.map(
        call(signingKey, gateway, "openid", { code, app_id: appId ?? SANDBOX_APP_ID }, OpenidAnswer),
        ({ openid }) => ({ openid })
      )
  }
})

const decodeNotice = Schema.decodeUnknownOption(Schema.fromJsonString(NoticeJson))

const presentation = (code: string, answer: typeof ChargeAnswer.Type): Presentation => {
  if (answer.jsapi_pay_info !== null) return { kind: "jsapi", params: answer.jsapi_pay_info }
  const flow = Object.hasOwn(CHANNEL_CODES, code) ? CHANNEL_CODES[code as keyof typeof CHANNEL_CODES].flow : "qrcode"
  if (flow === "redirect") return { kind: "redirect", url: answer.pay_url }
  if (flow === "app") return { kind: "app", order: answer.pay_url }
  // A wxpay_js order without a payer is requested, and shown, as a code to scan.
  return { kind: "qrcode", content: answer.pay_url }
}

const payment = (paid: typeof PaymentJson.Type): Payment => ({
  channelTradeNo: paid.trade_no,
  amountFen: paid.amount_fen,
  currency: paid.currency,
  paidAt: new Date(paid.paid_at_ms),
  feeFen: paid.fee_fen ?? undefined
})

const refundState = (answer: typeof RefundAnswer.Type): RefundState => {
  if (answer.state === "pending") return { state: "pending" }
  if (answer.state === "failed") return { state: "failed", reason: answer.reason }
  const { refund_fen: refundFen, trade_no: channelRefundNo, at_ms } = answer.refund
  return { state: "refunded", refundFen, channelRefundNo, at: new Date(at_ms) }
}

import { Clock, Effect } from "effect"
import type { AccountInvalid, Channel } from "../../core/channel/index.ts"
import { wechatPayActs } from "../protocols/wechatpay-v3/acts.ts"
import { orderRefused, rejected, uncertain } from "../protocols/wechatpay-v3/errors.ts"
import { jsapiOrder, readPrepayId } from "../protocols/wechatpay-v3/order.ts"
import { openSession, payOrigin } from "../protocols/wechatpay-v3/session.ts"
import { jsapiParams, newNonce } from "../protocols/wechatpay-v3/sign.ts"
import type { DirectAccount } from "./account.ts"
import { apiOrigin, knowsApp, payerIdentity, payerOf } from "./payer.ts"

export const wechatPayEgress = (account: DirectAccount): ReadonlyArray<string> =>
  [payOrigin(account), apiOrigin(account.hosts)].map((origin) => new URL(origin).host)

export const openWechatPay = Effect.fnUntraced(function* (
  account: DirectAccount
): Effect.fn.Return<Channel, AccountInvalid> {
  const session = yield* openSession(account)
  const { client, mchid, signer } = session
  return {
    // Queries, closing, notices, refunds and bills are the same for all of WeChat Pay's products.
    ...wechatPayActs(session, (appId) => knowsApp(account, appId)),

    // POST /v3/pay/transactions/jsapi, then the bridge's parameters, signed (protocols/channels.md C2, C6).
    charge: Effect.fnUntraced(function* (request) {
      const { appId, openid } = yield* payerOf(account, request.jsapi)
      const answer = yield* client.call(
        jsapiOrder({
          mchid,
          appId,
          openid,
          outTradeNo: request.orderNo,
          description: request.description,
          amountFen: request.amountFen,
          expiresAt: request.expiresAt,
          notifyUrl: request.noticeUrl
        })
      )
      if (answer.kind === "refused") {
        return yield* orderRefused(answer.refusal) ? rejected(answer.refusal) : uncertain(answer.refusal)
      }
      const prepayId = yield* readPrepayId(answer.body)
      const at = Math.floor((yield* Clock.currentTimeMillis) / 1000)
      const params = jsapiParams(signer.privateKey, { appId, prepayId, at, nonce: newNonce() })
      return { kind: "jsapi", params } as const
    }),

    payer: payerIdentity(account, account.hosts)
  }
})

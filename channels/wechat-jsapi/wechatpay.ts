import { Clock, Effect } from "effect"
import type { AccountInvalid, Channel } from "../../core/channel/index.ts"
import { wechatPayActs } from "../protocols/wechatpay-v3/acts.ts"
import { readPrepayId } from "../protocols/wechatpay-v3/order.ts"
import { placeWechatPayOrder } from "../protocols/wechatpay-v3/place-order.ts"
import { openWechatPaySession } from "../protocols/wechatpay-v3/session.ts"
import { bridgeParams, newNonceStr } from "../protocols/wechatpay-v3/sign.ts"
import type { WechatPayJsapiAccount } from "./account.ts"
import { knowsApp, payerIdentity, payerOf } from "./payer.ts"

export const openWechatPayJsapi = Effect.fnUntraced(function* (
  account: WechatPayJsapiAccount
): Effect.fn.Return<Channel, AccountInvalid> {
  const session = yield* openWechatPaySession(account)
  return {
    // Queries, closing, notices, refunds and bills are the same for all of WeChat Pay's products.
    ...wechatPayActs(session, { knowsApp: (appId) => knowsApp(account, appId) }),

    // POST /v3/pay/transactions/jsapi: official accounts and mini-programs alike.
    charge: Effect.fnUntraced(function* (order) {
      const { appId, openid } = yield* payerOf(account, order.jsapi)
      const own = { product: "jsapi", appId, fields: { payer: { openid } } } as const
      const prepayId = yield* readPrepayId(yield* placeWechatPayOrder(session, order, own))
      const at = Math.floor((yield* Clock.currentTimeMillis) / 1000)
      const params = bridgeParams(session.signer.privateKey, { appId, prepayId, at, nonce: newNonceStr() })
      return { kind: "jsapi", params } as const
    }),

    payer: payerIdentity(account, account.hosts)
  }
})

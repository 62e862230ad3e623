import { Effect } from "effect"
import { ChannelRejected, type ChargeRequest, type PayerIdentity } from "../../core/channel/index.ts"
import { AUTHORIZE_ORIGIN, authorizeUrl } from "../protocols/wechat-oauth/authorize.ts"
import { API_ORIGIN, identify } from "../protocols/wechat-oauth/identify.ts"
import type { AccountApps, LoginHosts } from "./account.ts"

/** Whether an order may be paid under an AppID. */
export const knowsApp = (account: AccountApps, appId: string): boolean =>
  appId === account.appId || (account.moreApps ?? []).some((app) => app.appId === appId)

/** The order's own AppID, or the account's AppID for this kind of order. */
const appIdOf = (
  account: AccountApps,
  order: { readonly appId: string | null; readonly miniProgram: boolean }
): string => order.appId ?? (order.miniProgram ? account.miniProgramAppId : undefined) ?? account.appId

/** The AppID and openid that an order is charged under. ChannelRejected: there are none. */
export const payerOf = (
  account: AccountApps,
  jsapi: ChargeRequest["jsapi"]
): Effect.Effect<
  { readonly appId: string; readonly openid: string; readonly miniProgram: boolean },
  ChannelRejected
> => {
  if (jsapi === undefined) return Effect.fail(new ChannelRejected({ reason: "a JSAPI order needs the payer's openid" }))
  const appId = appIdOf(account, jsapi)
  return knowsApp(account, appId)
    ? Effect.succeed({ appId, openid: jsapi.openid, miniProgram: jsapi.miniProgram })
    : Effect.fail(
        new ChannelRejected({
          reason: `this account does not list AppID ${appId}: add it to moreApps`,
          concerns: "everyone"
        })
      )
}

const apiOrigin = (hosts: LoginHosts | undefined): string => hosts?.api ?? API_ORIGIN

/** The host that exchanges login codes. */
export const loginEgress = (hosts: LoginHosts | undefined): ReadonlyArray<string> => [new URL(apiOrigin(hosts)).host]

/** Identifies the payer by WeChat's silent login, with the account's own AppSecrets. */
export const payerIdentity = (account: AccountApps, hosts: LoginHosts | undefined): PayerIdentity => ({
  authorizeUrl: ({ redirectUrl, state, appId }) =>
    authorizeUrl({ origin: hosts?.authorize ?? AUTHORIZE_ORIGIN, appId: appId ?? account.appId, redirectUrl, state }),
  identify: Effect.fnUntraced(function* ({ code, ...order }) {
    const { miniProgram } = order
    const appId = appIdOf(account, order)
    const app = [account, ...(account.moreApps ?? [])].find((each) => each.appId === appId)
    if (app?.appSecret === undefined) {
      return yield* new ChannelRejected({
        reason: `this account has no AppSecret of ${appId}: add it to moreApps`,
        concerns: "everyone"
      })
    }
    const { appSecret } = app
    return yield* identify({ origin: apiOrigin(hosts), app: { appId: app.appId, appSecret }, code, miniProgram })
  })
})

import { Effect, Schema } from "effect"
import { ProviderOrigin } from "../protocols/provider-url.ts"
import { wechatPayAccountFields, wechatPayHostFields } from "../protocols/wechatpay-v3/account-fields.ts"
import { ysepayAccountFields } from "../protocols/ysepay/account-fields.ts"

const AppId = Schema.String.check(Schema.isPattern(/^wx[0-9a-zA-Z]{6,30}$/)).annotate({
  description: "AppID of an official account or mini-program (wx…)"
})

const AppSecret = Schema.RedactedFromValue(Schema.String).annotate({
  description: "AppSecret, from mp.weixin.qq.com; exchanges login codes for the payer's openid"
})

/** The official accounts and mini-programs in which payers meet the account; the same for both acquirers. */
const appFields = {
  appId: AppId,
  appSecret: AppSecret,
  moreApps: Schema.optionalKey(
    Schema.Array(Schema.Struct({ appId: AppId, appSecret: Schema.optionalKey(AppSecret) })).annotate({
      description: "further AppIDs that orders may name; without an AppSecret the merchant brings the openid"
    })
  ),
  miniProgramAppId: Schema.optionalKey(
    AppId.annotate({ description: "which of them mini-program orders without an AppID are for; default appId" })
  )
}
export type AccountApps = Schema.Struct.Type<typeof appFields>

/** The origins of WeChat's login, set only for a simulator. */
const loginHostFields = { api: Schema.optionalKey(ProviderOrigin), authorize: Schema.optionalKey(ProviderOrigin) }
export type LoginHosts = Schema.Struct.Type<typeof loginHostFields>

// The account's form asks for the merchant number, then the apps, then the keys.
const { mchid, ...merchantKeys } = wechatPayAccountFields

/** A direct merchant of WeChat Pay (直连商户). */
export const WechatPayJsapiAccount = Schema.Struct({
  acquirer: Schema.Literal("wechatpay"),
  mchid,
  ...appFields,
  ...merchantKeys,
  hosts: Schema.optionalKey(Schema.Struct({ ...wechatPayHostFields, ...loginHostFields }))
})
export type WechatPayJsapiAccount = typeof WechatPayJsapiAccount.Type

/** A merchant of Yinsheng (银盛), which passes the payment on to WeChat Pay. */
export const YinshengJsapiAccount = Schema.Struct({
  acquirer: Schema.Literal("yinsheng"),
  ...ysepayAccountFields,
  ...appFields,
  payerIpField: Schema.Literals(["payer_ip", "submer_ip", "none"])
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed("payer_ip" as const)))
    .annotate({ description: "what the version in use calls the payer's address (payer_ip is the newer name)" }),
  hosts: Schema.optionalKey(Schema.Struct(loginHostFields))
})
export type YinshengJsapiAccount = typeof YinshengJsapiAccount.Type

/** The acquirer is WeChat Pay itself, or Yinsheng, which stands before it. */
export const WechatJsapiAccount = Schema.Union([WechatPayJsapiAccount, YinshengJsapiAccount])
export type WechatJsapiAccount = typeof WechatJsapiAccount.Type

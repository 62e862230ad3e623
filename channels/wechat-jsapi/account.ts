import { Effect, Schema } from "effect"
import { Origin, accountFields as wechatPayFields } from "../protocols/wechatpay-v3/account-fields.ts"
import { accountFields as ysepayFields } from "../protocols/ysepay/index.ts"

const AppId = Schema.String.check(Schema.isPattern(/^wx[0-9a-zA-Z]{6,30}$/)).annotate({
  description: "AppID of an official account or mini-program (wx…)"
})

const AppSecret = Schema.RedactedFromValue(Schema.String).annotate({
  description: "AppSecret, from mp.weixin.qq.com; exchanges login codes for the payer's openid"
})

/** The official accounts and mini-programs that payers meet an account in; the same for both acquirers. */
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

export interface Apps {
  readonly appId: string
  readonly appSecret: typeof AppSecret.Type
  readonly moreApps?: ReadonlyArray<{ readonly appId: string; readonly appSecret?: typeof AppSecret.Type }>
  readonly miniProgramAppId?: string
}

// The AppIDs stand behind the merchant number, as the README lists them.
const { mchid, ...keyFields } = wechatPayFields

/** A merchant of WeChat Pay's own (直连商户). */
export const DirectAccount = Schema.Struct({
  acquirer: Schema.Literal("wechatpay"),
  mchid,
  ...appFields,
  ...keyFields,
  hosts: Schema.optionalKey(
    Schema.Struct({
      pay: Schema.optionalKey(Origin),
      api: Schema.optionalKey(Origin),
      authorize: Schema.optionalKey(Origin)
    })
  )
})
export type DirectAccount = typeof DirectAccount.Type

/** A merchant of Yinsheng (银盛), which passes the payment on to WeChat Pay. */
export const ThroughYinshengAccount = Schema.Struct({
  acquirer: Schema.Literal("yinsheng"),
  ...ysepayFields,
  ...appFields,
  payerIpField: Schema.Literals(["payer_ip", "submer_ip", "none"])
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed("payer_ip" as const)))
    .annotate({ description: "what the version in use calls the payer's address (payer_ip is the newer name)" }),
  hosts: Schema.optionalKey(Schema.Struct({ api: Schema.optionalKey(Origin), authorize: Schema.optionalKey(Origin) }))
})
export type ThroughYinshengAccount = typeof ThroughYinshengAccount.Type

/** Who receives the money: WeChat Pay itself, or Yinsheng on top of it. */
export const WechatJsapiAccount = Schema.Union([DirectAccount, ThroughYinshengAccount])
export type WechatJsapiAccount = typeof WechatJsapiAccount.Type

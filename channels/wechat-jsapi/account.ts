import { Effect, Schema } from "effect"
import { accountFields } from "../protocols/ysepay/index.ts"

/** `https://host` or `https://host:port`; plain http for a simulator beside the gateway only (loopback, dotless names). */
const Origin = Schema.String.check(
  Schema.isPattern(/^(https:\/\/[^/?#@\s]+|http:\/\/(localhost|127\.0\.0\.1|[a-z0-9-]+)(:\d+)?)$/),
  Schema.makeFilter((text) => URL.canParse(text), { expected: "a URL" })
).annotate({
  description: "https://host, without a path"
})

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

/** A merchant of WeChat Pay's own (直连商户). */
export const WechatPayAccount = Schema.Struct({
  acquirer: Schema.Literal("wechatpay"),
  mchid: Schema.String.check(Schema.isPattern(/^\d{6,32}$/)).annotate({ description: "merchant number (商户号)" }),
  ...appFields,
  privateKey: Schema.RedactedFromValue(Schema.String).annotate({
    description: "apiclient_key.pem, or apiclient_cert.p12 in Base64"
  }),
  password: Schema.optionalKey(
    Schema.RedactedFromValue(Schema.String).annotate({ description: "of apiclient_cert.p12: the merchant number" })
  ),
  merchantSerial: Schema.optionalKey(
    Schema.String.check(Schema.isPattern(/^[0-9A-Fa-f]{8,64}$/)).annotate({
      description: "serial number of the API certificate (API证书序列号); known from a .p12"
    })
  ),
  apiV3Key: Schema.RedactedFromValue(Schema.String).annotate({ description: "APIv3 key (APIv3密钥), 32 characters" }),
  verification: Schema.Struct({
    publicKeyId: Schema.optionalKey(
      Schema.String.check(Schema.isPattern(/^PUB_KEY_ID_\d+$/)).annotate({ description: "微信支付公钥ID" })
    ),
    publicKey: Schema.optionalKey(Schema.String.annotate({ description: "微信支付公钥, pub_key.pem" })),
    platformCertificates: Schema.optionalKey(
      Schema.Union([Schema.Literal("download"), Schema.Array(Schema.String)]).annotate({
        description: '"download", or the platform certificates (平台证书) as PEM'
      })
    )
  }).annotate({
    description: "what WeChat Pay's signatures are checked with: its public key, its certificates, or both"
  }),
  hosts: Schema.optionalKey(
    Schema.Struct({
      pay: Schema.optionalKey(Origin),
      api: Schema.optionalKey(Origin),
      authorize: Schema.optionalKey(Origin)
    })
  )
})
export type WechatPayAccount = typeof WechatPayAccount.Type

/** A merchant of Yinsheng (银盛), which passes the payment on to WeChat Pay. */
export const YinshengAccount = Schema.Struct({
  acquirer: Schema.Literal("yinsheng"),
  ...accountFields,
  ...appFields,
  payerIpField: Schema.Literals(["payer_ip", "submer_ip", "none"])
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed("payer_ip" as const)))
    .annotate({ description: "what the version in use calls the payer's address (payer_ip is the newer name)" }),
  hosts: Schema.optionalKey(Schema.Struct({ api: Schema.optionalKey(Origin), authorize: Schema.optionalKey(Origin) }))
})
export type YinshengAccount = typeof YinshengAccount.Type

/** Who receives the money: WeChat Pay itself, or Yinsheng on top of it. */
export const WechatJsapiAccount = Schema.Union([WechatPayAccount, YinshengAccount])
export type WechatJsapiAccount = typeof WechatJsapiAccount.Type

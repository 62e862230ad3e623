import { Schema } from "effect"
import { ProviderOrigin } from "../provider-url.ts"

/** The fields that every account of a direct merchant (直连商户) has; a channel adds those of its product. */
export const wechatPayAccountFields = {
  mchid: Schema.String.check(Schema.isPattern(/^\d{6,32}$/)).annotate({ description: "merchant number (商户号)" }),
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
  })
}

/** WeChat Pay's part of an account's `hosts`; a channel whose payers log in adds the login's hosts. */
export const wechatPayHostFields = { pay: Schema.optionalKey(ProviderOrigin) }

export interface WechatPayAccount extends Schema.Struct.Type<typeof wechatPayAccountFields> {
  readonly hosts?: Schema.Struct.Type<typeof wechatPayHostFields>
}

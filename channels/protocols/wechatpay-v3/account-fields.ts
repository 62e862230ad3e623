import { Schema } from "effect"

/** `https://host` or `https://host:port`; plain http for a simulator beside the gateway only (loopback, dotless names). */
export const Origin = Schema.String.check(
  Schema.isPattern(/^(https:\/\/[^/?#@\s]+|http:\/\/(localhost|127\.0\.0\.1|[a-z0-9-]+)(:\d+)?)$/),
  Schema.makeFilter((text) => URL.canParse(text), { expected: "a URL" })
).annotate({
  description: "https://host, without a path"
})

/** What WeChat Pay gives a merchant, and how its signatures are checked; a channel adds its product's own fields. */
export const accountFields = {
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

/** The fields that the protocol reads of an account; `hosts.pay` is where it is called. */
export type WechatPayAccount = Schema.Struct.Type<typeof accountFields> & {
  readonly hosts?: { readonly pay?: string }
}

import { Effect, Schema } from "effect"
import { BANK_TYPES, PRODUCTION_GATEWAYS } from "../protocols/ysepay/index.ts"

const Text = Schema.String.check(Schema.isTrimmed(), Schema.isMinLength(1))
const Url = Schema.String.check(
  // Signed, but not secret: plain http is for a simulator beside the gateway only (a name without dots, loopback).
  Schema.isPattern(/^(https:\/\/[^\s@?#]+|http:\/\/(localhost|127\.0\.0\.1|[a-z0-9-]+)(:\d+)?(\/[^\s?#]*)?)$/)
)
const withDefault = <S extends Schema.Top>(schema: S, value: S["Encoded"]) =>
  schema.pipe(Schema.withDecodingDefaultKey(Effect.succeed(value)))

/** What Yinsheng gives a merchant, and the settings that its documents leave open. README.md says where each is from. */
export const YinshengAccount = Schema.Struct({
  /** 发起方 (service provider or the merchant itself), ≤ 20. */
  partnerId: Text.check(Schema.isMaxLength(20)),
  /** 收款方: the merchant who receives the money, ≤ 20. */
  sellerId: Text.check(Schema.isMaxLength(20)),
  /** Demanded by older versions of the interface only. */
  sellerName: Schema.optionalKey(Text.check(Schema.isMaxLength(50))),
  /** 业务代码, assigned by Yinsheng. */
  businessCode: Text.check(Schema.isMaxLength(10)),
  /** The merchant's private key: PEM, Base64, or Base64 of the .pfx. */
  privateKey: Schema.RedactedFromValue(Schema.String, { label: "privateKey" }),
  /** Of the .pfx or of an encrypted PEM. */
  password: Schema.optionalKey(Schema.RedactedFromValue(Schema.String, { label: "password" })),
  /** Yinsheng's certificate (businessgate.cer) or public key: PEM or Base64. */
  platformCertificate: Schema.String,
  gateways: withDefault(
    Schema.Struct({
      pay: withDefault(Url, PRODUCTION_GATEWAYS.pay),
      openapi: withDefault(Url, PRODUCTION_GATEWAYS.openapi),
      search: withDefault(Url, PRODUCTION_GATEWAYS.search)
    }),
    {}
  ),
  /** The wallet that YINSHENG_QRCODE's code is for: Yinsheng's code, such as 1903000. */
  bankType: withDefault(Schema.String.check(Schema.isPattern(/^\d{7,9}$/)), BANK_TYPES.alipay),
  /** Method → version, where Yinsheng told the merchant another one. */
  versions: withDefault(Schema.Record(Schema.String, Schema.String.check(Schema.isPattern(/^\d\.\d$/))), {}),
  /** Whether the fee is the gateway's rate, or total_amount − settlement_amount as Yinsheng reports them. */
  feeFrom: withDefault(Schema.Literals(["rate", "settlement"]), "rate"),
  /** Hosts that bill files come from, where they are none of the gateways'. */
  billHosts: withDefault(Schema.Array(Text), [])
})

export type YinshengAccount = typeof YinshengAccount.Type

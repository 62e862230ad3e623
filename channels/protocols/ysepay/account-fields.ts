import { Effect, Schema } from "effect"
import { ProviderUrl } from "../provider-url.ts"
import { PRODUCTION_GATEWAYS } from "./methods.ts"

const Text = Schema.String.check(Schema.isTrimmed(), Schema.isNonEmpty())
const withDefault = <S extends Schema.Top>(schema: S, value: S["Encoded"]) =>
  schema.pipe(Schema.withDecodingDefaultKey(Effect.succeed(value)))

/**
 * The fields of every Yinsheng account: credentials, and settings for what Yinsheng's documents leave open. A channel
 * adds those of its product.
 */
export const ysepayAccountFields = {
  partnerId: Text.check(Schema.isMaxLength(20)).annotate({ description: "发起方: who calls, ≤ 20 characters" }),
  sellerId: Text.check(Schema.isMaxLength(20)).annotate({ description: "收款方: who receives the money" }),
  sellerName: Schema.optionalKey(
    Text.check(Schema.isMaxLength(50)).annotate({ description: "demanded by older versions of the interface only" })
  ),
  businessCode: Text.check(Schema.isMaxLength(10)).annotate({ description: "业务代码, assigned by Yinsheng" }),
  privateKey: Schema.RedactedFromValue(Schema.String, { label: "privateKey" }).annotate({
    description: "the merchant's private key: PEM, Base64, or the .pfx in Base64"
  }),
  password: Schema.optionalKey(
    Schema.RedactedFromValue(Schema.String, { label: "password" }).annotate({
      description: "of the .pfx, or of an encrypted PEM"
    })
  ),
  platformCertificate: Schema.String.annotate({
    description: "Yinsheng's certificate (businessgate.cer) or public key: PEM or Base64"
  }),
  gateways: withDefault(
    Schema.Struct({
      pay: withDefault(ProviderUrl, PRODUCTION_GATEWAYS.pay),
      openapi: withDefault(ProviderUrl, PRODUCTION_GATEWAYS.openapi),
      search: withDefault(ProviderUrl, PRODUCTION_GATEWAYS.search)
    }),
    {}
  ).annotate({ description: "the three gateways, each with its path" }),
  versions: withDefault(Schema.Record(Schema.String, Schema.String.check(Schema.isPattern(/^\d\.\d$/))), {}).annotate({
    description: "method → version, where Yinsheng told the merchant another one"
  }),
  feeFrom: withDefault(Schema.Literals(["rate", "settlement"]), "rate").annotate({
    description: "the fee: the gateway's rate, or total_amount − settlement_amount as Yinsheng reports them"
  }),
  billHosts: withDefault(Schema.Array(Text), []).annotate({
    description: "hosts that bill files come from, where they are none of the gateways'"
  })
}

export type YsepayAccount = Schema.Struct.Type<typeof ysepayAccountFields>

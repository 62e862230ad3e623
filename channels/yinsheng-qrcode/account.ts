import { Effect, Schema } from "effect"
import { ysepayAccountFields } from "../protocols/ysepay/account-fields.ts"
import { BANK_TYPES } from "../protocols/ysepay/methods.ts"

/** A merchant of Yinsheng (银盛). README.md says where each field comes from. */
export const YinshengQrcodeAccount = Schema.Struct({
  ...ysepayAccountFields,
  bankType: Schema.String.check(Schema.isPattern(/^\d{7,9}$/))
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed(BANK_TYPES.alipay)))
    .annotate({ description: "the wallet that YINSHENG_QRCODE's code is for: Yinsheng's code, such as 1903000" })
})

export type YinshengQrcodeAccount = typeof YinshengQrcodeAccount.Type

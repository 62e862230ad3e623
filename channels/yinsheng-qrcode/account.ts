import { Effect, Schema } from "effect"
import { accountFields, BANK_TYPES } from "../protocols/ysepay/index.ts"

/** A merchant of Yinsheng (银盛). README.md says where each field is from. */
export const YinshengAccount = Schema.Struct({
  ...accountFields,
  bankType: Schema.String.check(Schema.isPattern(/^\d{7,9}$/))
    .pipe(Schema.withDecodingDefaultKey(Effect.succeed(BANK_TYPES.alipay)))
    .annotate({ description: "the wallet that YINSHENG_QRCODE's code is for: Yinsheng's code, such as 1903000" })
})

export type YinshengAccount = typeof YinshengAccount.Type

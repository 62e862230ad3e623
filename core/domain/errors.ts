import { Schema } from "effect"

/*
 * Everything that can end a merchant's call, one tag for each answer of the contract's section 10. core/http/errors has
 * a row for every tag; a new tag without its row does not compile.
 */

export class MalformedRequest extends Schema.TaggedError<MalformedRequest>()("MalformedRequest", {}) {}
export class AppIdMissing extends Schema.TaggedError<AppIdMissing>()("AppIdMissing", {}) {}
export class MerchantUnknown extends Schema.TaggedError<MerchantUnknown>()("MerchantUnknown", {}) {}
/** `testMode`: the app_id is a test merchant's; the answer then points to the signature debugger. */
export class SignatureInvalid extends Schema.TaggedError<SignatureInvalid>()("SignatureInvalid", {
  testMode: Schema.optionalKey(Schema.Boolean)
}) {}
export class MerchantDisabled extends Schema.TaggedError<MerchantDisabled>()("MerchantDisabled", {}) {}
export class TimestampExpired extends Schema.TaggedError<TimestampExpired>()("TimestampExpired", {}) {}
export class IpForbidden extends Schema.TaggedError<IpForbidden>()("IpForbidden", {}) {}
export class NonceUsed extends Schema.TaggedError<NonceUsed>()("NonceUsed", {}) {}

/** Invalid fields in the table's order; a message is a key of core/http/merchant/field-messages.ts or literal text. */
export class FieldsInvalid extends Schema.TaggedError<FieldsInvalid>()("FieldsInvalid", {
  errors: Schema.Array(Schema.Struct({ field: Schema.String, messages: Schema.Array(Schema.String) }))
}) {}
export class AmountNotPositive extends Schema.TaggedError<AmountNotPositive>()("AmountNotPositive", {}) {}
export class OrderNumberMissing extends Schema.TaggedError<OrderNumberMissing>()("OrderNumberMissing", {}) {}
export class DuplicateOrder extends Schema.TaggedError<DuplicateOrder>()("DuplicateOrder", {}) {}
export class OrderNotFound extends Schema.TaggedError<OrderNotFound>()("OrderNotFound", {}) {}

/** Too many calls; a slot is free again after `retryAfterMs`. The message names `windowMs`. */
export class ThrottleExceeded extends Schema.TaggedError<ThrottleExceeded>()("ThrottleExceeded", {
  retryAfterMs: Schema.Number,
  windowMs: Schema.Number
}) {}

/** No channel takes the order. With `orderNo`, the order is stored and its merchant_order_no is used up. */
export class ChannelUnavailable extends Schema.TaggedError<ChannelUnavailable>()("ChannelUnavailable", {
  orderNo: Schema.NullOr(Schema.String)
}) {}

/**
 * The order is stored and nobody knows whether the channel took it: reconcile keeps asking; the merchant must query.
 */
export class ChargeUncertain extends Schema.TaggedError<ChargeUncertain>()("ChargeUncertain", {
  orderNo: Schema.String
}) {}

export class PayLinkExpired extends Schema.TaggedError<PayLinkExpired>()("PayLinkExpired", {}) {}
export class OtherPayer extends Schema.TaggedError<OtherPayer>()("OtherPayer", {}) {}

/**
 * A store did not answer. Unless `mayHaveHappened` is set, nothing was changed and the caller may try again. `store`
 * and `cause` are for the log only.
 */
export class StoreUnavailable extends Schema.TaggedError<StoreUnavailable>()("StoreUnavailable", {
  store: Schema.String,
  cause: Schema.optional(Schema.Defect()),
  /** The store received the request and its answer was lost: nobody knows whether the change was made. */
  mayHaveHappened: Schema.optionalKey(Schema.Boolean)
}) {}

/** More concurrent calls than the gateway takes, or more orders of one merchant or account than may wait for a channel. */
export class Overloaded extends Schema.TaggedError<Overloaded>()("Overloaded", {}) {}

export type CashierError =
  | MalformedRequest
  | AppIdMissing
  | MerchantUnknown
  | SignatureInvalid
  | MerchantDisabled
  | TimestampExpired
  | IpForbidden
  | NonceUsed
  | FieldsInvalid
  | AmountNotPositive
  | OrderNumberMissing
  | DuplicateOrder
  | OrderNotFound
  | ThrottleExceeded
  | ChannelUnavailable
  | ChargeUncertain
  | PayLinkExpired
  | OtherPayer
  | StoreUnavailable
  | Overloaded

import { Schema } from "effect"

/** A definite no: nothing was charged and nothing will be. The order becomes FAILED, or another account is tried. */
export class ChannelRejected extends Schema.TaggedError<ChannelRejected>()("ChannelRejected", {
  /** The provider's own words, for the order's timeline; never shown to a merchant or payer. */
  reason: Schema.String,
  /** Set by ChannelHttp: the provider could not be connected to, so it has refused nothing. */
  unsent: Schema.optionalKey(Schema.Boolean)
}) {
  override get message() {
    return `the channel refused: ${this.reason}`
  }
}

/** Nobody knows whether the payer can be or was charged. Never tried elsewhere; reconcile asks until it knows. */
export class ChannelUncertain extends Schema.TaggedError<ChannelUncertain>()("ChannelUncertain", {
  why: Schema.Literals(["timeout", "connection", "bad-signature", "server-error", "unreadable", "egress", "defect"]),
  /** What helps the operator, without secrets; for the timeline only. */
  detail: Schema.optionalKey(Schema.String)
}) {
  override get message() {
    return `nobody knows what the channel did (${this.why}${this.detail === undefined ? "" : `: ${this.detail}`})`
  }
}

/** A notice that is not the provider's word: unsigned, ill-signed, unreadable. It changes nothing. */
export class NoticeRefused extends Schema.TaggedError<NoticeRefused>()("NoticeRefused", {
  why: Schema.Literals(["bad-signature", "unreadable", "stale", "not-ours"]),
  detail: Schema.optionalKey(Schema.String)
}) {
  override get message() {
    return `notice refused (${this.why}${this.detail === undefined ? "" : `: ${this.detail}`})`
  }
}

/** An account that cannot work: the sentence says which field and what to do, and holds no secret. */
export class AccountInvalid extends Schema.TaggedError<AccountInvalid>()("AccountInvalid", {
  field: Schema.String,
  message: Schema.String
}) {}

import { Schema } from "effect"

/** A definite no: nothing was or will be charged. The order becomes FAILED, or another account is tried. */
export class ChannelRejected extends Schema.TaggedError<ChannelRejected>()("ChannelRejected", {
  /** The provider's own words, for the order's timeline; never shown to a merchant or payer. */
  reason: Schema.String,
  /**
   * Whom the refusal is about, where the provider says so. `payer`: this payer alone (a wrong openid, a wallet that may
   * not, a used login code), so another payer may be taken. `everyone`: whoever pays, this account refuses. Absent =
   * the provider does not say.
   */
  concerns: Schema.optionalKey(Schema.Literals(["payer", "everyone"])),
  /** Set by ChannelHttp where no connection was made: the provider itself has refused nothing. */
  unsent: Schema.optionalKey(Schema.Boolean)
}) {
  override get message() {
    return `the channel refused: ${this.reason}`
  }
}

/** Nobody knows whether the payer can be or was charged. No other account is tried; reconcile asks until it knows. */
export class ChannelUncertain extends Schema.TaggedError<ChannelUncertain>()("ChannelUncertain", {
  why: Schema.Literals(["timeout", "connection", "bad-signature", "server-error", "unreadable", "egress", "defect"]),
  /** Help for the operator, for the timeline only; must hold no secret. */
  detail: Schema.optionalKey(Schema.String)
}) {
  override get message() {
    return `nobody knows what the channel did (${this.why}${this.detail === undefined ? "" : `: ${this.detail}`})`
  }
}

/** A notice that cannot be believed: unsigned, wrongly signed, unreadable. It changes nothing. */
export class NoticeRefused extends Schema.TaggedError<NoticeRefused>()("NoticeRefused", {
  why: Schema.Literals(["bad-signature", "unreadable", "stale", "not-ours"]),
  detail: Schema.optionalKey(Schema.String)
}) {
  override get message() {
    return `notice refused (${this.why}${this.detail === undefined ? "" : `: ${this.detail}`})`
  }
}

/** An account that cannot work. The sentence names the field and the remedy, and holds no secret. */
export class AccountInvalid extends Schema.TaggedError<AccountInvalid>()("AccountInvalid", {
  field: Schema.String,
  message: Schema.String
}) {}

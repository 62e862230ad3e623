import { Schema } from "effect"

/** Why the gateway does not start: the variable (or file) at fault, and a sentence that says what to do; no secrets. */
export class StartRefused extends Schema.TaggedError<StartRefused>()("StartRefused", {
  variable: Schema.String,
  message: Schema.String
}) {}

import { randomBytes } from "node:crypto"
import { Schema } from "effect"
import { FaultSettings } from "./faults.ts"

/** The sandbox's account. The gateway makes it at its first start, one for all test-mode merchants. */
export const SandboxAccount = Schema.Struct({
  /** The HMAC-SHA256 key of both sides: the channel signs requests with it, the provider answers and notices. */
  signingKey: Schema.RedactedFromValue(Schema.String.check(Schema.isMinLength(32)), { label: "signingKey" }),
  /** Faults of every order; those of a magic amount (faults.ts) take precedence. */
  faults: Schema.optionalKey(FaultSettings)
})

export type SandboxAccount = typeof SandboxAccount.Type

/** 0.60 %, as Chinese acquirers charge small merchants. */
const FEE_RATE_BP = 60

/** The AppID of JSAPI orders that name none. */
export const SANDBOX_APP_ID = "wxsandbox000000000"

/** The settings of a new account, as the account's JSON: a random key and no faults. */
const newAccount = (): typeof SandboxAccount.Encoded => ({ signingKey: randomBytes(32).toString("base64url") })

/** What makes the sandbox the channel of test-mode merchants. */
export const testMode = {
  newAccount,
  feeRateBp: FEE_RATE_BP,
  bridgeScript: "/sandbox/wechat/bridge.js",
  faultsPage: "/sandbox/"
}

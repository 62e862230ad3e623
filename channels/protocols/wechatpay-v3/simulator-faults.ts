import type { CallFault } from "../simulator/faults.ts"

/** The faults of one call that this simulator supports. */
export const WECHATPAY_CALL_FAULTS = [
  "refused", // a signed 403 NO_AUTH
  "rate-limited", // a signed 429 FREQUENCY_LIMITED
  "busy", // a signed 500 SYSTEM_ERROR
  "cut-request",
  "cut-answer",
  "http-500-done",
  "wrong-signature",
  "stale",
  "unsigned",
  "probe",
  "unknown-serial",
  "garbage" // validly signed; a bill's file is changed on the way
] as const satisfies ReadonlyArray<CallFault>
export type WechatPayCallFault = (typeof WECHATPAY_CALL_FAULTS)[number]

import { ChannelRejected, ChannelUncertain } from "../../../core/channel/index.ts"

/** A refusal by WeChat Pay: `{code, message}` under a 4xx status. */
export interface Refusal {
  readonly status: number
  readonly code: string
  readonly message: string
  /** WeChat Pay's Request-ID, which its support asks for. */
  readonly requestId: string
}

/** One line for the timeline. The message is WeChat Pay's own: it names fields, never keys. */
export const refusalText = ({ status, code, message, requestId }: Refusal): string =>
  `${status} ${code} ${message}${requestId === "" ? "" : ` (Request-ID ${requestId})`}`

/*
 * The tables of protocols/channels.md C8. They apply only to 4xx answers that are unsigned or verified; a 5xx never
 * gets here. A code that no table names is uncertain: asking again is always safe.
 */

/** Codes of any call that was refused before it did anything. */
const REFUSED_BEFORE: ReadonlyArray<string> = [
  "PARAM_ERROR",
  "SIGN_ERROR",
  "NO_AUTH",
  "APPID_MCHID_NOT_MATCH",
  "MCH_NOT_EXISTS",
  "ACCOUNT_ERROR"
]

/** Codes that mean: the order was not made, or can no longer be paid. */
const ORDER_REFUSED: ReadonlyArray<string> = [
  ...REFUSED_BEFORE,
  "INVALID_REQUEST",
  "ORDER_CLOSED",
  "RULE_LIMIT",
  "FREQUENCY_LIMITED",
  "RATE_LIMITED"
]

/**
 * Whether an order was definitely refused. OUT_TRADE_NO_USED and ORDERPAID are not in the table: an order of that
 * number exists and may be paid. INVALID_REQUEST can mean the same, as "201 商户订单号重复" (seen by users of several SDKs),
 * so its text decides.
 */
export const orderRefused = (refusal: Refusal): boolean =>
  ORDER_REFUSED.includes(refusal.code) && !(refusal.code === "INVALID_REQUEST" && /重复|已支付/.test(refusal.message))

/** Codes that mean: no money was sent back. FREQUENCY_LIMITED is missing because it may answer a repeated request. */
const REFUND_REFUSED: ReadonlyArray<string> = [...REFUSED_BEFORE, "NOT_ENOUGH", "RESOURCE_NOT_EXISTS"]

/** Whether a refund was definitely refused. INVALID_REQUEST may mean "already done", so such a refund is queried. */
export const refundRefused = (refusal: Refusal): boolean => REFUND_REFUSED.includes(refusal.code)

/** Whether WeChat Pay has no such order or refund. */
export const isAbsent = ({ status, code }: Refusal): boolean =>
  status === 404 && (code === "ORDER_NOT_EXIST" || code === "RESOURCE_NOT_EXISTS")

/** What a refused close says about the order; undefined = nothing certain. */
export const closeMeaning = (refusal: Refusal): "closed" | "paid" | undefined => {
  if (refusal.code === "ORDERPAID" || refusal.code === "ORDER_PAID") return "paid"
  if (refusal.code === "ORDER_CLOSED" || isAbsent(refusal)) return "closed"
  return undefined
}

/** Codes about the payer's own account (ACCOUNT_ERROR: 用户账号异常), in both spellings. */
const ABOUT_PAYER: ReadonlyArray<string> = ["ACCOUNT_ERROR", "ACCOUNTERROR", "USER_ACCOUNT_ABNORMAL"]
/** Codes about the merchant's keys and numbers. */
const ABOUT_MERCHANT: ReadonlyArray<string> = ["SIGN_ERROR", "APPID_MCHID_NOT_MATCH", "MCH_NOT_EXISTS"]

/**
 * Whom a refusal of an order concerns. A wrong openid is a PARAM_ERROR or an INVALID_REQUEST that names the openid
 * (无效的openid, appid and openid not match); the other texts of these codes say nothing about whom they concern.
 */
const concernsOf = ({ code, message }: Refusal): ChannelRejected["concerns"] => {
  if (ABOUT_MERCHANT.includes(code)) return "everyone"
  const names = (code === "PARAM_ERROR" || code === "INVALID_REQUEST") && /openid/i.test(message)
  return names || ABOUT_PAYER.includes(code) ? "payer" : undefined
}

export const rejected = (refusal: Refusal) => {
  const concerns = concernsOf(refusal)
  return new ChannelRejected({ reason: refusalText(refusal), ...(concerns === undefined ? {} : { concerns }) })
}
export const uncertain = (refusal: Refusal) =>
  new ChannelUncertain({ why: "server-error", detail: refusalText(refusal) })
export const unreadable = (detail: string) => new ChannelUncertain({ why: "unreadable", detail })

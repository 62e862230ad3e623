import { ChannelRejected, ChannelUncertain } from "../../../core/channel/index.ts"
import { saysNotNow } from "../not-now.ts"

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
 * The tables of protocols/channels.md C8 and I. They apply only to 4xx answers that are unsigned or verified; a 5xx never
 * gets here. Only codes that prove that nothing was done are in a table, each with the proof. A code that no table names
 * is uncertain, as are FREQUENCY_LIMITED, RATE_LIMITED and RULE_LIMIT (业务规则限制请求频率): they say "not now", and
 * asking again is always safe.
 */

/** WeChat Pay spells its codes in two ways (ORDER_NOT_EXIST, ORDERNOTEXIST), so that they compare without underscores. */
const plainCode = ({ code }: Refusal): string => code.toUpperCase().replaceAll("_", "")

/** Codes of any call that was refused before it did anything. */
const REFUSED_BEFORE: ReadonlyArray<string> = [
  "PARAMERROR", // a field was refused when the request was read
  "SIGNERROR", // the request was not even read
  "NOAUTH", // the merchant may not use the product
  "APPIDMCHIDNOTMATCH", // the merchant is not bound to the AppID
  "MCHNOTEXISTS" // there is no such merchant
]

/** Codes that mean: the order was not made, or can no longer be paid. */
const ORDER_REFUSED: ReadonlyArray<string> = [
  ...REFUSED_BEFORE,
  "ORDERCLOSED" // an order of this number was made and closed: nobody can pay it any more
]

/** Codes that refuse this request, and may mean as well that an order of this number exists and can be paid. */
const ORDER_DOUBTFUL: ReadonlyArray<string> = [
  "INVALIDREQUEST", // a broken rule, or "请求重入时，参数与首次请求时不一致", or "201 商户订单号重复"
  "TRADEERROR", // "for business reasons"
  "ACCOUNTERROR", // the payer's account
  "USERACCOUNTABNORMAL"
]

/**
 * What a refused order means. `ask`: whether WeChat Pay knows an order of this number decides. OUT_TRADE_NO_USED and
 * ORDERPAID are in no table: an order of that number exists and may be paid.
 */
export const orderMeaning = (refusal: Refusal): "refused" | "ask" | "uncertain" => {
  if (ORDER_REFUSED.includes(plainCode(refusal))) return "refused"
  return ORDER_DOUBTFUL.includes(plainCode(refusal)) && !saysNotNow(refusal.message) ? "ask" : "uncertain"
}

/** Codes that mean: no money was sent back. */
const REFUND_REFUSED: ReadonlyArray<string> = [
  ...REFUSED_BEFORE,
  "NOTENOUGH", // the merchant's balance is too small
  "RESOURCENOTEXISTS", // there is no such payment
  "USERACCOUNTABNORMAL" // the payer's account cannot take the money; the refund was not made
]

/** Whether a refund was definitely refused. INVALID_REQUEST may mean "already done", so such a refund is queried. */
export const refundRefused = (refusal: Refusal): boolean => REFUND_REFUSED.includes(plainCode(refusal))

/** Whether WeChat Pay has no such order or refund. */
export const isAbsent = (refusal: Refusal): boolean =>
  refusal.status === 404 && ["ORDERNOTEXIST", "RESOURCENOTEXISTS"].includes(plainCode(refusal))

/** What a refused close says about the order; undefined = nothing certain. */
export const closeMeaning = (refusal: Refusal): "closed" | "paid" | undefined => {
  if (plainCode(refusal) === "ORDERPAID") return "paid"
  if (plainCode(refusal) === "ORDERCLOSED" || isAbsent(refusal)) return "closed"
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

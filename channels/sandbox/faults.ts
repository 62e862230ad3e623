import { Schema } from "effect"
import type { CallFault, OrderFault } from "../protocols/simulator/faults.ts"

/** The stage of an order's life at which a fault happens. */
export type FaultStage = "charge" | "query" | "close" | "refund" | "payment" | "notice"

interface Fault {
  /** Whole fen: an order of exactly this amount gets the fault. */
  readonly amountFen: number
  readonly stage: FaultStage
  /** What the account's `faults` setting calls it. */
  readonly name: string
  /** Its name in the vocabulary of all simulators. A lost answer is a 504 here, since a site answers every request. */
  readonly fault: CallFault | OrderFault
  /** Completes "this amount makes the sandbox …". */
  readonly zh: string
  readonly en: string
}

/**
 * Everything that the sandbox can do wrong: the one list behind the code, the payer's page, /sandbox/ and the README.
 * 888,801 … 888,822 fen (8,888.01 … 8,888.22 yuan) are amounts that no ordinary test uses.
 */
export const FAULTS = [
  {
    amountFen: 888_801,
    stage: "charge",
    name: "refuse",
    fault: "refused",
    zh: "明确拒绝下单",
    en: "definitely refuse the charge"
  },
  {
    amountFen: 888_802,
    stage: "charge",
    name: "lost",
    fault: "lost-answer",
    zh: "已接受下单，但应答丢失（504）；之后可查询、可支付",
    en: "take the charge and lose the answer (504); it can be queried and paid later"
  },
  {
    amountFen: 888_803,
    stage: "charge",
    name: "hang",
    fault: "lost-request",
    zh: "下单一直不应答，且没有产生交易",
    en: "never answer the charge, and make no trade"
  },
  {
    amountFen: 888_804,
    stage: "charge",
    name: "bad-signature",
    fault: "wrong-signature",
    zh: "已接受下单，但应答签名错误",
    en: "take the charge and answer with a wrong signature"
  },
  {
    amountFen: 888_805,
    stage: "charge",
    name: "error",
    fault: "http-500",
    zh: "下单返回 500，且没有产生交易",
    en: "answer the charge with 500, and make no trade"
  },
  {
    amountFen: 888_806,
    stage: "charge",
    name: "garbage",
    fault: "garbage",
    zh: "已接受下单，但应答无法解析（签名正确）",
    en: "take the charge and answer something unreadable, correctly signed"
  },
  {
    amountFen: 888_807,
    stage: "charge",
    name: "late",
    fault: "late-answer",
    zh: "3 秒后才应答下单",
    en: "answer the charge only after 3 seconds"
  },
  {
    amountFen: 888_808,
    stage: "query",
    name: "error",
    fault: "http-500",
    zh: "每次查询都返回 500",
    en: "answer every query with 500"
  },
  {
    amountFen: 888_809,
    stage: "close",
    name: "error",
    fault: "http-500",
    zh: "关单返回 500，交易仍可支付",
    en: "answer every close with 500 and leave the trade payable"
  },
  {
    amountFen: 888_810,
    stage: "refund",
    name: "pending",
    fault: "refund-pending",
    zh: "退款先应答处理中，查询退款时才成功",
    en: "answer a refund as pending; only the refund query says refunded"
  },
  {
    amountFen: 888_811,
    stage: "notice",
    name: "twice",
    fault: "notice-twice",
    zh: "支付后把同一通知发送两次",
    en: "send the notice of the payment twice"
  },
  {
    amountFen: 888_812,
    stage: "notice",
    name: "parallel",
    fault: "notices-at-once",
    zh: "支付后同时发送五次通知",
    en: "send the notice of the payment five times at once"
  },
  {
    amountFen: 888_813,
    stage: "payment",
    name: "wrong-amount",
    fault: "wrong-amount",
    zh: "少收 1 分：通知和查询的金额都比订单少 0.01 元",
    en: "take one fen less: notice and query say 0.01 yuan less than the order"
  },
  {
    amountFen: 888_814,
    stage: "notice",
    name: "forged",
    fault: "forged-notice",
    zh: "通知签名错误，只有查询知道已支付",
    en: "sign the notice wrongly; only a query knows of the payment"
  },
  {
    amountFen: 888_815,
    stage: "notice",
    name: "silent",
    fault: "no-notice",
    zh: "支付后不发送通知，只有查询知道已支付",
    en: "send no notice; only a query knows of the payment"
  },
  {
    amountFen: 888_816,
    stage: "notice",
    name: "late",
    fault: "late-notice",
    zh: "支付 5 秒后才发送通知",
    en: "send the notice 5 seconds after the payment"
  },
  {
    amountFen: 888_817,
    stage: "notice",
    name: "out-of-order",
    fault: "notices-out-of-order",
    zh: "通知乱序：先发失败，再发已支付，最后发已关闭",
    en: "send notices out of order: failed, then paid, then closed"
  },
  {
    amountFen: 888_818,
    stage: "notice",
    name: "second-payment",
    fault: "second-payment",
    zh: "再发一笔通知，交易号不同（重复支付）",
    en: "send a second payment's notice with another trade number"
  },
  {
    amountFen: 888_819,
    stage: "close",
    name: "late-payment",
    fault: "late-payment",
    zh: "关单应答已关闭，随后仍到账并发送已支付通知",
    en: "answer the close as closed and then report a payment all the same"
  },
  {
    amountFen: 888_820,
    stage: "payment",
    name: "fee",
    fault: "reported-fee",
    zh: "自行上报手续费 1.00 元",
    en: "report a fee of its own, 1.00 yuan"
  },
  {
    amountFen: 888_821,
    stage: "payment",
    name: "currency",
    fault: "other-currency",
    zh: "以美元（USD）而非人民币上报支付",
    en: "report the payment in USD instead of CNY"
  },
  {
    amountFen: 888_822,
    stage: "payment",
    name: "reused-number",
    fault: "reused-trade-number",
    zh: "所有这类订单都使用同一个交易号",
    en: "use one and the same trade number for every such order"
  }
] as const satisfies ReadonlyArray<Fault>

/** The fee of the row `fee`, in fen. */
export const REPORTED_FEE_FEN = 100
/** How many notices the row `parallel` sends at once. */
export const PARALLEL_NOTICES = 5

type Row<S extends FaultStage> = Extract<(typeof FAULTS)[number], { readonly stage: S }>

const named = <S extends FaultStage>(stage: S) =>
  Schema.optionalKey(
    Schema.Literals(FAULTS.filter((row) => row.stage === stage).map((row) => row.name) as Array<Row<S>["name"]>)
  )

/** The faults of an account, at most one for each stage. */
export const FaultSettings = Schema.Struct({
  charge: named("charge"),
  query: named("query"),
  close: named("close"),
  refund: named("refund"),
  payment: named("payment"),
  notice: named("notice")
})

export type FaultSettings = typeof FaultSettings.Type

/** The row of a magic amount, if it is one. */
const faultOfAmount = (amountFen: number): (typeof FAULTS)[number] | undefined =>
  FAULTS.find((fault) => fault.amountFen === amountFen)

/** The faults of an order of this amount: the account's settings, over which the amount's own row takes precedence. */
export const faultsOf = (settings: FaultSettings | undefined, amountFen: number): FaultSettings => {
  const row = faultOfAmount(amountFen)
  return row === undefined ? (settings ?? {}) : { ...settings, [row.stage]: row.name }
}

/** The fault at a stage, in the vocabulary of all simulators. */
export const faultAt = <S extends FaultStage>(faults: FaultSettings, stage: S) =>
  FAULTS.find((row) => row.stage === stage && row.name === faults[stage])?.fault as Row<S>["fault"] | undefined

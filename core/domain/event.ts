import type { Bilingual } from "./language.ts"
import type { Anomaly } from "./order.ts"

/** What a webhook tells a merchant of: X-PayHub-Event-Type (contract sections 9 and 13). */
export type WebhookKind = "payment" | "refund"

/** Every kind of line in an order's timeline, with its text. */
export const EVENTS = {
  created: { zh: "订单已创建", en: "The order was stored" },
  "charge.accepted": { zh: "渠道已受理", en: "The channel took the order" },
  "charge.rejected": { zh: "渠道已拒绝", en: "The channel refused the order" },
  "charge.uncertain": { zh: "渠道结果未知", en: "Nobody knows whether the channel took the order" },
  account: { zh: "订单已转到另一渠道账户", en: "The order moved to another channel account" },
  payer: { zh: "订单已绑定付款人", en: "The order was bound to its payer" },
  "payer.released": {
    zh: "渠道拒绝该付款人，订单已解除绑定",
    en: "The channel refused the payer; the order is unbound"
  },
  "login.rejected": { zh: "付款人登录被拒绝", en: "The payer's login was refused" },
  "login.uncertain": { zh: "付款人登录结果未知", en: "Nobody knows who the payer is: the login was not answered" },
  notice: { zh: "收到渠道通知", en: "A notice of the channel arrived" },
  paid: { zh: "支付成功", en: "The payment was settled" },
  failed: { zh: "支付失败", en: "The order failed" },
  closed: { zh: "订单已关闭", en: "The order was closed" },
  "flag.amount-mismatch": { zh: "支付金额不符", en: "A payment of another amount was kept" },
  "flag.currency-mismatch": { zh: "支付币种不符", en: "A payment in another currency was kept" },
  "flag.late-payment": { zh: "订单结束后收到支付", en: "A payment arrived after the order had ended" },
  "flag.second-payment": { zh: "重复支付", en: "The order was paid a second time" },
  "flag.trade-reused": { zh: "渠道交易号已用于另一订单", en: "The trade number has credited another order" },
  "flag.fee-mismatch": {
    zh: "渠道手续费无法使用",
    en: "The channel's fee was impossible; the account's rate was used"
  },
  "flag.other-account": { zh: "支付发生在另一渠道账户", en: "The order was paid at an account that it is not at" },
  "webhook.attempt": { zh: "推送通知", en: "A webhook was pushed" },
  "webhook.resent": { zh: "通知已重新推送", en: "The webhook was made due again" }
} as const satisfies Record<`flag.${Anomaly}`, Bilingual> & Record<string, Bilingual>

export type EventKind = keyof typeof EVENTS

export const EVENT_KINDS = Object.keys(EVENTS) as unknown as readonly [EventKind, ...Array<EventKind>]

/** The kinds that the store writes as events; the other lines are read from other tables. */
export type WrittenEventKind = Exclude<EventKind, "created" | `charge.${string}` | "notice" | "webhook.attempt">

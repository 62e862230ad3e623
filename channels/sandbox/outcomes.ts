import type { Bilingual } from "../../core/channel/index.ts"
import type { FAULTS } from "./faults.ts"

/** What a merchant sees of a fault. tests/channels/sandbox-outcomes.test.ts places, pays and queries an order of each amount. */
export interface Outcome extends Bilingual {
  /** The code of the answer to the order. */
  readonly answer: 200 | 400 | 500
  /** The order's status once the payer has paid, if there is anything to pay, and the gateway has asked. */
  readonly status: "PENDING" | "PAID" | "FAILED"
  /** How many webhooks of different events the merchant gets. */
  readonly webhooks: 0 | 1
}

type Row = (typeof FAULTS)[number]
/** The name of a fault with its stage, for each row: a fault without an outcome does not compile. */
type FaultKey = Row extends infer R ? (R extends Row ? `${R["stage"]}: ${R["name"]}` : never) : never

export const OUTCOMES: Readonly<Record<FaultKey, Outcome>> = {
  "charge: refuse": {
    answer: 400,
    status: "FAILED",
    webhooks: 0,
    zh: "下单失败，应答带有 data.order_no；订单号已用掉，换新单号重试",
    en: "The order fails with data.order_no in the answer; its number is used, order again under a new one"
  },
  "charge: lost": {
    answer: 500,
    status: "PAID",
    webhooks: 1,
    zh: "结果未知：订单为 PENDING，用 merchant_order_no 查询；用户仍可能支付",
    en: "Nobody knows: the order is PENDING, query it by merchant_order_no; it may still be paid"
  },
  "charge: hang": {
    answer: 500,
    status: "PENDING",
    webhooks: 0,
    zh: "等到网关的时限才应答；订单为 PENDING，到期后关闭",
    en: "The answer comes at the gateway's deadline; the order is PENDING and is closed after its expiry"
  },
  "charge: bad-signature": {
    answer: 500,
    status: "PAID",
    webhooks: 1,
    zh: "结果未知：不可信的应答不算数，订单为 PENDING，用户仍可能支付",
    en: "Nobody knows: an answer that cannot be trusted counts for nothing; the order is PENDING and may still be paid"
  },
  "charge: error": {
    answer: 500,
    status: "PENDING",
    webhooks: 0,
    zh: "结果未知：订单为 PENDING，到期后关闭",
    en: "Nobody knows: the order is PENDING and is closed after its expiry"
  },
  "charge: garbage": {
    answer: 500,
    status: "PAID",
    webhooks: 1,
    zh: "结果未知：订单为 PENDING，用户仍可能支付",
    en: "Nobody knows: the order is PENDING and may still be paid"
  },
  "charge: late": {
    answer: 200,
    status: "PAID",
    webhooks: 1,
    zh: "下单应答慢 3 秒，其余正常；客户端的超时要足够长",
    en: "The answer takes 3 seconds longer, all else is normal; give your client time enough"
  },
  "query: error": {
    answer: 200,
    status: "PAID",
    webhooks: 1,
    zh: "支付后正常；一直不付，则到期也不会关闭，保持 PENDING",
    en: "Normal once it is paid; unpaid, it is not closed at its expiry but stays PENDING"
  },
  "close: error": {
    answer: 200,
    status: "PAID",
    webhooks: 1,
    zh: "支付后正常；一直不付，则到期后仍为 PENDING，仍可支付",
    en: "Normal once it is paid; unpaid, it stays PENDING after its expiry and can still be paid"
  },
  "refund: pending": {
    answer: 200,
    status: "PAID",
    webhooks: 1,
    zh: "支付正常；退款先是处理中，稍后才成功",
    en: "The payment is normal; a refund is in progress first and succeeds later"
  },
  "notice: twice": {
    answer: 200,
    status: "PAID",
    webhooks: 1,
    zh: "只入账一次，回调只有一个事件",
    en: "It is booked once, and there is one event of it"
  },
  "notice: parallel": {
    answer: 200,
    status: "PAID",
    webhooks: 1,
    zh: "只入账一次，回调只有一个事件",
    en: "It is booked once, and there is one event of it"
  },
  "payment: wrong-amount": {
    answer: 200,
    status: "PENDING",
    webhooks: 0,
    zh: "金额不符，不会成为 PAID；由运营方处理",
    en: "The amount does not match, so it never becomes PAID; the operator decides"
  },
  "notice: forged": {
    answer: 200,
    status: "PAID",
    webhooks: 1,
    zh: "伪造的通知被拒绝；网关自己查询后（默认约 30 秒）才成为 PAID",
    en: "The forged notice is refused; it becomes PAID when the gateway asks by itself, after about 30 s by default"
  },
  "notice: silent": {
    answer: 200,
    status: "PAID",
    webhooks: 1,
    zh: "网关自己查询后（默认约 30 秒）才成为 PAID",
    en: "It becomes PAID when the gateway asks by itself, after about 30 s by default"
  },
  "notice: late": {
    answer: 200,
    status: "PAID",
    webhooks: 1,
    zh: "支付后约 5 秒才成为 PAID",
    en: "It becomes PAID about 5 seconds after the payment"
  },
  "notice: out-of-order": {
    answer: 200,
    status: "PAID",
    webhooks: 1,
    zh: "成为 PAID 并保持；失败与关闭的通知不起作用",
    en: "It becomes PAID and stays so; the notices of failure and of closing change nothing"
  },
  "notice: second-payment": {
    answer: 200,
    status: "PAID",
    webhooks: 1,
    zh: "只入账一次；第二笔付款由运营方退回",
    en: "It is booked once; the second payment is the operator's to refund"
  },
  "close: late-payment": {
    answer: 200,
    status: "PAID",
    webhooks: 1,
    zh: "支付后正常；一直不付，则到期后为 CLOSED，随后到账的钱由运营方处理",
    en: "Normal once it is paid; unpaid, it is CLOSED after its expiry, and the money that comes then is the operator's to decide on"
  },
  "payment: fee": {
    answer: 200,
    status: "PAID",
    webhooks: 1,
    zh: "fee 为 1.00，actual_amount 相应为 8887.20",
    en: "fee is 1.00, and actual_amount 8887.20 accordingly"
  },
  "payment: currency": {
    answer: 200,
    status: "PENDING",
    webhooks: 0,
    zh: "币种不符，不会成为 PAID；由运营方处理",
    en: "The currency does not match, so it never becomes PAID; the operator decides"
  },
  "payment: reused-number": {
    answer: 200,
    status: "PAID",
    webhooks: 1,
    zh: "第一笔正常；之后同一交易号的订单保持 PENDING，由运营方处理",
    en: "The first order is normal; later ones with the same trade number stay PENDING, and the operator decides"
  }
}

import { OtherPayer, PayLinkExpired } from "../../domain/errors.ts"
import type { Rows } from "./row.ts"

/** Errors about the payer and the payment link. */
export const PAYER_ROWS = {
  PayLinkExpired: {
    code: 400,
    message: { zh: "支付链接已过期,请重新生成", en: "The payment link has expired, make a new one" },
    error: new PayLinkExpired(),
    cause: {
      zh: "pay_token 未知、超过 10 分钟，或订单已不可支付。",
      en: "The pay_token is unknown or older than ten minutes, or the order can no longer be paid."
    },
    remedy: { zh: "重新调用 wechat-js-pay 生成新的支付链接。", en: "Make a new payment link with wechat-js-pay." }
  },
  OtherPayer: {
    code: 400,
    message: { zh: "订单已由其他付款人发起支付", en: "Another payer has begun to pay this order" },
    error: new OtherPayer(),
    cause: {
      zh: "另一个 openid 已经对这笔订单发起支付。",
      en: "Another openid has already begun to pay this order."
    },
    remedy: { zh: "由原付款人完成支付，或为新付款人另下一单。", en: "Let that payer finish, or place another order." }
  }
} as const satisfies Partial<Rows>

import type { Texts } from "../../core/channel/index.ts"

/** The words of the sandbox's pages. */
export const sandboxTexts = {
  sandbox: { zh: "沙箱", en: "Sandbox" },
  otherLanguage: { zh: "English", en: "中文" },
  footer: {
    zh: "沙箱 · 测试环境，不会产生真实扣款",
    en: "Sandbox · Test mode, no real money moves"
  },
  amountDue: { zh: "待支付", en: "Amount due" },
  pay: { zh: "支付", en: "Pay" },
  decline: { zh: "拒绝", en: "Decline" },
  stall: { zh: "稍后（不应答）", en: "No answer" },
  stalled: {
    zh: "沙箱没有发送任何应答，交易仍待支付。您可以关闭此页，也可以继续支付。",
    en: "The sandbox has answered nothing; the trade is still pending. You may leave this page, or pay now."
  },
  countdown: { zh: "剩余支付时间", en: "Time left to pay" },
  payBefore: { zh: "请在此时间前支付：{time}", en: "Pay before {time}" },
  product: { zh: "支付方式", en: "Method" },
  orderNo: { zh: "订单号", en: "Order" },
  tradeNo: { zh: "交易号", en: "Trade" },
  paidAt: { zh: "支付时间", en: "Paid at" },
  back: { zh: "返回商户", en: "Back to the shop" },
  faultNote: { zh: "此订单会让沙箱：", en: "This order makes the sandbox" },
  allFaults: { zh: "查看所有特殊金额", en: "All magic amounts" },
  faultsTitle: { zh: "沙箱的特殊金额", en: "The sandbox's magic amounts" },
  faultsLead: {
    zh: "下单金额恰好等于下列数值时，沙箱会按说明出错，用来测试各种异常。其他金额一切正常。",
    en: "An order of exactly one of these amounts makes the sandbox go wrong as described, so that every failure can be tested. All other amounts work."
  },
  faultsHow: {
    zh: "用测试商户（pk_test_…）下单，amount 传金额下方的数值（单位为分）。商户看到的，是付款人付款、网关向沙箱查询之后的结果。",
    en: "Order as a test merchant (pk_test_…) with the number below the amount (in fen) as amount. What the merchant sees is how it ends once the payer has paid and the gateway has asked the sandbox."
  },
  faultsAmount: { zh: "金额", en: "Amount" },
  faultsDoes: { zh: "此金额会让沙箱", en: "This amount makes the sandbox" },
  faultsSees: { zh: "商户看到", en: "The merchant sees" },
  faultsOutcome: {
    zh: "下单应答 {answer}，订单 {status}，回调 {webhooks} 次",
    en: "Answer {answer}, order {status}, webhooks: {webhooks}"
  },
  title: {
    pending: { zh: "沙箱支付", en: "Sandbox payment" },
    paid: { zh: "支付成功", en: "Paid" },
    "paid-unconfirmed": { zh: "已支付，待网关确认", en: "Paid, awaiting the gateway" },
    failed: { zh: "支付失败", en: "Payment failed" },
    closed: { zh: "订单已关闭", en: "Order closed" }
  },
  explain: {
    paid: { zh: "网关已确认收到支付通知。", en: "The gateway has confirmed the payment." },
    "paid-unconfirmed": {
      zh: "您已支付，网关尚未确认。请勿重复支付。",
      en: "You have paid; the gateway has not confirmed yet. Do not pay again."
    },
    failed: { zh: "您已拒绝支付，没有扣款。", en: "You declined. No money was taken." },
    closed: {
      zh: "订单已过期或已被关闭，不能再支付。",
      en: "The order has expired or was closed. It can no longer be paid."
    }
  },
  /** Pages that only say something. */
  messages: {
    unknown: {
      title: { zh: "支付链接无效", en: "This payment link is not valid" },
      advice: { zh: "请返回商户重新下单。", en: "Please go back to the shop and order again." }
    },
    missing: {
      title: { zh: "页面不存在", en: "No such page" },
      advice: { zh: "沙箱里没有这个页面。", en: "The sandbox has no such page." }
    },
    method: {
      title: { zh: "请求方法不支持", en: "Method not supported" },
      advice: { zh: "请从页面上的按钮操作。", en: "Please use the buttons on the page." }
    },
    authorize: {
      title: { zh: "授权参数错误", en: "The authorisation request is wrong" },
      advice: { zh: "请检查：", en: "Check" }
    }
  }
} satisfies Texts

/** The words of the sandbox's pages, in the two languages that merchants read. */
export type Language = "zh" | "en"

const zh = {
  sandbox: "沙箱",
  other: "English",
  footer: "沙箱 Sandbox · 测试环境,不会产生真实扣款",
  amountDue: "待支付",
  pay: "支付",
  decline: "拒绝",
  stall: "稍后(不应答)",
  stalled: "沙箱没有发送任何应答,交易仍待支付。您可以关闭此页,也可以继续支付。",
  countdown: "剩余支付时间",
  expiresAt: "请在此时间前支付:",
  product: "支付方式",
  orderNo: "订单号",
  tradeNo: "交易号",
  paidAt: "支付时间",
  back: "返回商户",
  faultNote: "此订单会让沙箱:",
  allFaults: "查看所有特殊金额",
  faultsTitle: "沙箱的特殊金额",
  faultsLead: "下单金额恰好等于下列数值时,沙箱会按说明出错,用来测试各种异常。其他金额一切正常。",
  faultsAmount: "金额",
  faultsDoes: "此金额会让沙箱",
  faultsSetting: "账户设置 faults",
  title: {
    pending: "沙箱支付",
    paid: "支付成功",
    "paid-unconfirmed": "已支付,待网关确认",
    failed: "支付失败",
    closed: "订单已关闭"
  },
  explain: {
    paid: "网关已确认收到支付通知。",
    "paid-unconfirmed": "您已支付,网关尚未确认。请勿重复支付。",
    failed: "您已拒绝支付,没有扣款。",
    closed: "订单已过期或已被关闭,不能再支付。"
  },
  messages: {
    unknown: ["支付链接无效", "请返回商户重新下单。"],
    missing: ["页面不存在", "沙箱里没有这个页面。"],
    method: ["请求方法不支持", "请从页面上的按钮操作。"],
    authorize: ["授权参数错误", "请检查:"]
  }
} as const

type Texts<T> = {
  readonly [K in keyof T]: T[K] extends string
    ? string
    : T[K] extends readonly [string, string]
      ? readonly [string, string]
      : Texts<T[K]>
}
export type Text = Texts<typeof zh>

const en: Text = {
  sandbox: "Sandbox",
  other: "中文",
  footer: "沙箱 Sandbox · Test mode, no real money moves",
  amountDue: "Amount due",
  pay: "Pay",
  decline: "Decline",
  stall: "No answer",
  stalled: "The sandbox has answered nothing; the trade is still pending. You may leave this page, or pay now.",
  countdown: "Time left to pay",
  expiresAt: "Pay before",
  product: "Method",
  orderNo: "Order",
  tradeNo: "Trade",
  paidAt: "Paid at",
  back: "Back to the shop",
  faultNote: "This order makes the sandbox",
  allFaults: "All magic amounts",
  faultsTitle: "The sandbox's magic amounts",
  faultsLead:
    "An order of exactly one of these amounts makes the sandbox go wrong as described, so that every failure can be tested. All other amounts work.",
  faultsAmount: "Amount",
  faultsDoes: "This amount makes the sandbox",
  faultsSetting: "Account setting faults",
  title: {
    pending: "Sandbox payment",
    paid: "Paid",
    "paid-unconfirmed": "Paid, awaiting the gateway",
    failed: "Payment failed",
    closed: "Order closed"
  },
  explain: {
    paid: "The gateway has confirmed the payment.",
    "paid-unconfirmed": "You have paid; the gateway has not confirmed yet. Do not pay again.",
    failed: "You declined. No money was taken.",
    closed: "The order has expired or was closed. It can no longer be paid."
  },
  messages: {
    unknown: ["This payment link is not valid", "Please go back to the shop and order again."],
    missing: ["No such page", "The sandbox has no such page."],
    method: ["Method not supported", "Please use the buttons on the page."],
    authorize: ["The authorisation request is wrong", "Check"]
  }
}

export const texts: { readonly [L in Language]: Text } = { zh, en }

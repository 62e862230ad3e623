import type { Language } from "../web/language.ts"

/** Everything a payer reads. The Chinese of `expired`, `otherPayer` and `unavailable` is the contract's own. */
export interface PayTexts {
  readonly title: string
  readonly payee: string
  readonly product: string
  readonly orderNo: string
  readonly pay: string
  readonly askAgain: string
  readonly done: string
  readonly secured: string
  readonly needsScript: string
  readonly paid: readonly [title: string, advice: string]
  readonly refunded: readonly [title: string, advice: string]
  readonly expired: readonly [title: string, advice: string]
  readonly otherPayer: readonly [title: string, advice: string]
  readonly unavailable: readonly [title: string, advice: string]
  readonly openInWechat: readonly [title: string, advice: string]
  readonly qrCode: string
  readonly copyLink: string
  readonly copied: string
  readonly copyFailed: string
  readonly orPaste: string
  readonly sandbox: string
  readonly sandboxAdvice: string
  /** The status line of the page that pays, by what is going on. */
  readonly status: {
    readonly checking: string
    readonly waiting: string
    readonly opening: string
    readonly paying: string
    readonly confirming: string
    readonly unsure: string
    readonly ready: string
    readonly cancelled: string
    readonly failed: string
    readonly noBridge: string
    readonly offline: string
    readonly busy: string
  }
}

export const payTexts: { readonly [L in Language]: PayTexts } = {
  zh: {
    title: "微信支付",
    payee: "收款方",
    product: "商品",
    orderNo: "订单号",
    pay: "立即支付",
    askAgain: "查询支付结果",
    done: "完成",
    secured: "支付由微信支付完成",
    needsScript: "请允许本页面运行脚本,否则无法唤起微信支付。",
    paid: ["支付成功", "商家已收到您的付款,可以关闭本页面。"],
    refunded: ["订单已退款", "款项将按原路退回,到账时间以微信支付通知为准。"],
    expired: [
      "支付链接已过期,请重新生成",
      "请返回商家页面重新下单。如果已经付款,请勿重复支付,付款结果以商家订单为准。"
    ],
    otherPayer: [
      "订单已由其他付款人发起支付",
      "同一订单只能由一个微信账号支付。请由发起支付的微信完成,或联系商家重新下单。"
    ],
    unavailable: ["支付渠道不可用", "您没有被扣款。请稍后再试,或联系商家更换支付方式。"],
    openInWechat: ["请在微信中打开", "用微信扫一扫下方二维码,在微信中完成支付。"],
    qrCode: "支付页面的二维码,请用微信扫一扫",
    copyLink: "复制支付链接",
    copied: "已复制,请到微信中粘贴打开",
    copyFailed: "复制失败,请从地址栏复制链接",
    orPaste: "正在使用手机?复制链接,发送到微信中打开。",
    sandbox: "在沙箱中继续",
    sandboxAdvice: "这是一笔测试订单,不会真实扣款。",
    status: {
      checking: "正在查询订单状态…",
      waiting: "正在等待微信支付…",
      opening: "正在唤起微信支付…",
      paying: "请在微信支付窗口中完成付款",
      confirming: "正在确认支付结果,请稍候…",
      unsure: "暂未收到支付结果。如果已经付款,请勿重复支付,稍后再查询。",
      ready: "订单尚未支付",
      cancelled: "您已取消支付,可以重新发起",
      failed: "支付未完成,请重试",
      noBridge: "没有检测到微信支付。请确认在微信中打开本页面,然后重试。",
      offline: "网络不通畅,暂时查不到订单状态,请稍后重试",
      busy: "操作有些频繁,请稍候…"
    }
  },
  en: {
    title: "WeChat Pay",
    payee: "Pay to",
    product: "Item",
    orderNo: "Order",
    pay: "Pay now",
    askAgain: "Check the result",
    done: "Done",
    secured: "The payment is made by WeChat Pay",
    needsScript: "Please allow scripts on this page, or WeChat Pay cannot open.",
    paid: ["Payment successful", "The merchant has your payment. You can close this page."],
    refunded: ["Order refunded", "The money goes back the way it came. WeChat Pay tells you when it has arrived."],
    expired: [
      "This payment link has expired, please get a new one",
      "Go back to the merchant and place the order again. If you have already paid, do not pay twice: the merchant's order shows the result."
    ],
    otherPayer: [
      "Another payer has already started to pay this order",
      "An order can be paid by one WeChat account only. Finish it there, or ask the merchant for a new order."
    ],
    unavailable: [
      "The payment channel is not available",
      "You were not charged. Please try again later, or ask the merchant for another way to pay."
    ],
    openInWechat: ["Please open this page in WeChat", "Scan the QR code with WeChat and pay there."],
    qrCode: "QR code of the payment page, to scan with WeChat",
    copyLink: "Copy the payment link",
    copied: "Copied: paste it into a WeChat chat and open it",
    copyFailed: "Could not copy: please copy the link from the address bar",
    orPaste: "On your phone? Copy the link and open it in WeChat.",
    sandbox: "Continue in the sandbox",
    sandboxAdvice: "This is a test order. No money moves.",
    status: {
      checking: "Looking up the order…",
      waiting: "Waiting for WeChat Pay…",
      opening: "Opening WeChat Pay…",
      paying: "Please finish the payment in the WeChat Pay window",
      confirming: "Confirming your payment, one moment…",
      unsure: "There is no result yet. If you have paid, do not pay again: check once more in a moment.",
      ready: "Not paid yet",
      cancelled: "You cancelled the payment. You can start it again.",
      failed: "The payment was not completed. Please try again.",
      noBridge: "WeChat Pay was not found. Make sure this page is open in WeChat, then try again.",
      offline: "The connection is poor and the order cannot be looked up. Please try again in a moment.",
      busy: "A few too many requests, one moment…"
    }
  }
}

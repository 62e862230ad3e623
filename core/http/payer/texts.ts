import type { Texts } from "../../domain/language.ts"

/** Everything that a payer reads. The Chinese titles of `expired`, `otherPayer`, `unavailable` and `busy` are the contract's. */
export const payTexts = {
  title: { zh: "微信支付", en: "WeChat Pay" },
  testMode: { zh: "测试订单，不会真实扣款", en: "Test order, no money moves" },
  payee: { zh: "收款方", en: "Pay to" },
  paidTo: { zh: "收款方", en: "Paid to" },
  paidAt: { zh: "支付时间", en: "Paid at" },
  payBefore: { zh: "请在 {time} 前完成支付", en: "Please pay before {time}" },
  timeLeft: { zh: "剩余支付时间 {time}", en: "Time left to pay: {time}" },
  product: { zh: "商品", en: "Item" },
  orderNo: { zh: "订单号", en: "Order" },
  pay: { zh: "立即支付", en: "Pay now" },
  askAgain: { zh: "查询支付结果", en: "Check the result" },
  done: { zh: "完成", en: "Done" },
  back: { zh: "返回商家", en: "Back to the merchant" },
  secured: { zh: "支付由微信支付完成", en: "The payment is made by WeChat Pay" },
  needsScript: {
    zh: "请允许本页面运行脚本，否则无法唤起微信支付。",
    en: "Please allow scripts on this page, or WeChat Pay cannot open."
  },
  paid: {
    title: { zh: "支付成功", en: "Payment successful" },
    advice: {
      zh: "商家已收到您的付款，可以关闭本页面。",
      en: "The merchant has your payment. You can close this page."
    }
  },
  refunded: {
    title: { zh: "订单已退款", en: "Order refunded" },
    advice: {
      zh: "款项将按原路退回，到账时间以支付机构的通知为准。",
      en: "The money goes back the way it came. Your payment provider tells you when it has arrived."
    }
  },
  failed: {
    title: { zh: "支付失败", en: "Payment failed" },
    advice: {
      zh: "请返回商家页面重新下单。如果已经付款，请勿重复支付，付款结果以商家订单为准。",
      en: "Go back to the merchant and place the order again. If you have already paid, do not pay twice: the merchant's order shows the result."
    }
  },
  closed: {
    title: { zh: "订单已关闭", en: "Order closed" },
    advice: {
      zh: "订单未支付，已不能再支付。如果已经付款，请勿重复支付，付款结果以商家订单为准。",
      en: "The order was not paid and can no longer be paid. If you have already paid, do not pay twice: the merchant's order shows the result."
    }
  },
  /** The page that the payer comes back to while nobody knows yet. */
  returned: {
    title: { zh: "正在确认支付结果", en: "Confirming your payment" },
    advice: { zh: "请稍候，请勿重复支付。", en: "One moment, please. Do not pay again." },
    unsure: {
      zh: "暂未收到支付结果。如果已经付款，请勿重复支付，稍后再查询。",
      en: "There is no result yet. If you have paid, do not pay again: check once more in a moment."
    }
  },
  expired: {
    title: { zh: "支付链接已过期,请重新生成", en: "This payment link has expired, please get a new one" },
    advice: {
      zh: "请返回商家页面重新下单。如果已经付款，请勿重复支付，付款结果以商家订单为准。",
      en: "Go back to the merchant and place the order again. If you have already paid, do not pay twice: the merchant's order shows the result."
    }
  },
  otherPayer: {
    title: { zh: "订单已由其他付款人发起支付", en: "Another payer has already started to pay this order" },
    advice: {
      zh: "同一订单只能由一个微信账号支付。请由发起支付的微信完成，或联系商家重新下单。",
      en: "An order can be paid by one WeChat account only. Finish it there, or ask the merchant for a new order."
    }
  },
  unavailable: {
    title: { zh: "支付渠道不可用", en: "The payment channel is not available" },
    advice: {
      zh: "您没有被扣款。请稍后再试，或联系商家更换支付方式。",
      en: "You were not charged. Please try again later, or ask the merchant for another way to pay."
    }
  },
  busy: {
    title: { zh: "请求过于频繁,请{seconds}秒后重试", en: "Too many requests, please try again in {seconds} s" },
    advice: {
      zh: "您没有被扣款。请稍候片刻，然后刷新本页面。",
      en: "You were not charged. Please wait a moment, then reload this page."
    }
  },
  openInWechat: {
    title: { zh: "请在微信中打开", en: "Please open this page in WeChat" },
    advice: { zh: "用微信扫一扫下方二维码，在微信中完成支付。", en: "Scan the QR code with WeChat and pay there." },
    advicePhone: {
      zh: "请复制支付链接，在微信中发送给自己，再点开链接完成支付。",
      en: "Copy the payment link, send it to yourself in WeChat, and open it there to pay."
    },
    copyByHand: { zh: "链接就在浏览器的地址栏中。", en: "The link is in your browser's address bar." }
  },
  notInWecom: {
    title: { zh: "企业微信中无法支付，请在微信中打开", en: "WeCom cannot pay this order: please open it in WeChat" },
    advice: {
      zh: "用个人微信扫一扫下方二维码，或复制链接发送到微信中打开。",
      en: "Scan the QR code with your own WeChat, or copy the link and open it there."
    }
  },
  notInMiniProgram: {
    title: {
      zh: "小程序内的网页无法支付，请在微信中打开",
      en: "A page inside a mini-program cannot pay: please open it in WeChat"
    },
    advice: {
      zh: "复制链接，发送到微信聊天中打开，或用微信扫一扫下方二维码。",
      en: "Copy the link and open it in a WeChat chat, or scan the QR code with WeChat."
    }
  },
  qrCode: { zh: "支付页面的二维码，请用微信扫一扫", en: "QR code of the payment page, to scan with WeChat" },
  copyLink: { zh: "复制支付链接", en: "Copy the payment link" },
  copied: { zh: "已复制，请到微信中粘贴打开", en: "Copied: paste it into a WeChat chat and open it" },
  copyFailed: { zh: "复制失败，请从地址栏复制链接", en: "Could not copy: please copy the link from the address bar" },
  orPaste: {
    zh: "也可以复制链接，发送到微信中打开。",
    en: "You can also copy the link and open it in WeChat."
  },
  sandbox: { zh: "在沙箱中继续", en: "Continue in the sandbox" },
  sandboxAdvice: { zh: "这是一笔测试订单，不会真实扣款。", en: "This is a test order. No money moves." },
  status: {
    checking: { zh: "正在查询订单状态…", en: "Looking up the order…" },
    waiting: { zh: "正在等待微信支付…", en: "Waiting for WeChat Pay…" },
    opening: { zh: "正在唤起微信支付…", en: "Opening WeChat Pay…" },
    paying: { zh: "请在微信支付窗口中完成付款", en: "Please finish the payment in the WeChat Pay window" },
    confirming: { zh: "正在确认支付结果，请稍候…", en: "Confirming your payment, one moment…" },
    unsure: {
      zh: "暂未收到支付结果。如果已经付款，请勿重复支付，稍后再查询。",
      en: "There is no result yet. If you have paid, do not pay again: check once more in a moment."
    },
    ready: { zh: "订单尚未支付", en: "Not paid yet" },
    cancelled: { zh: "您已取消支付，可以重新发起", en: "You cancelled the payment. You can start it again." },
    failed: { zh: "支付未完成，请重试", en: "The payment was not completed. Please try again." },
    noBridge: {
      zh: "没有检测到微信支付。请确认在微信中打开本页面，然后重试。",
      en: "WeChat Pay was not found. Make sure this page is open in WeChat, then try again."
    },
    offline: {
      zh: "网络不通畅，暂时查不到订单状态，请稍后重试",
      en: "The connection is poor and the order cannot be looked up. Please try again in a moment."
    },
    busy: { zh: "操作有些频繁，请稍候…", en: "A few too many requests, one moment…" }
  }
} satisfies Texts

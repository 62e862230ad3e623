import type { Language } from "../web/language.ts"

export interface DemoTexts {
  readonly title: string
  readonly mode: string
  readonly docs: string
  /** Pieces that are not broken where a line holds them. */
  readonly headline: ReadonlyArray<string>
  readonly lead: string
  readonly merchant: string
  readonly form: {
    readonly heading: string
    readonly amount: string
    readonly note: string
    readonly noteValue: string
    readonly way: string
    readonly qrcode: readonly [name: string, what: string]
    readonly jsapi: readonly [name: string, what: string]
    readonly submit: string
  }
  readonly checkout: {
    readonly heading: string
    readonly qrCode: string
    readonly scan: string
    readonly openLink: string
    readonly pay: string
    readonly another: string
    readonly amount: string
    readonly orderNo: string
    readonly merchantOrderNo: string
  }
  readonly journey: {
    readonly heading: string
    readonly steps: ReadonlyArray<readonly [id: string, title: string, what: string]>
    readonly timeline: string
  }
  readonly wire: {
    readonly heading: string
    readonly lead: string
    readonly request: string
    readonly response: string
    readonly webhook: string
    readonly copy: string
  }
  readonly snippets: { readonly heading: string; readonly lead: string }
  readonly foot: string
  readonly needsScript: string
  /** What the page's script says; `{0}` is filled in. */
  readonly script: Readonly<Record<string, string>>
}

export const demoTexts: { readonly [L in Language]: DemoTexts } = {
  zh: {
    title: "PayHub 演示",
    mode: "测试模式",
    docs: "接口文档",
    headline: ["走完一笔支付:", "从下单,", "到验签通过的回调"],
    lead: "这是您自己部署的支付网关。下面每一步都是真实的接口调用,只是付款在沙箱中完成,不会产生任何扣款。",
    merchant: "测试商户",
    form: {
      heading: "创建订单",
      amount: "金额(元)",
      note: "商品说明",
      noteValue: "一杯拿铁",
      way: "支付方式",
      qrcode: ["扫码支付", "返回二维码,用户扫码付款"],
      jsapi: ["微信 JSAPI", "返回支付链接,在微信内付款"],
      submit: "提交订单"
    },
    checkout: {
      heading: "收银台",
      qrCode: "付款二维码",
      scan: "手机能访问本网关时,可直接扫码",
      openLink: "这是微信内的支付链接。订单处于测试模式,可以在沙箱中完成付款。",
      pay: "在沙箱中付款",
      another: "再下一单",
      amount: "金额",
      orderNo: "平台订单号",
      merchantOrderNo: "商户订单号"
    },
    journey: {
      heading: "这笔支付的进度",
      steps: [
        ["signed", "商户发出签名请求", "参数按名称排序,用 app_secret 做 HMAC-SHA256 签名"],
        ["stored", "订单入库,状态为待支付", "先持久化,再请求支付渠道"],
        ["paying", "用户在沙箱付款", "打开付款页,选择支付、拒绝或稍后"],
        ["settled", "渠道通知验签通过,订单已支付", "核对签名、金额、币种和状态后,在同一个事务中入账"],
        ["delivered", "回调送达商户,商户验签通过", "商户返回 success 才算送达,否则自动重试"]
      ],
      timeline: "订单时间线"
    },
    wire: {
      heading: "真实报文",
      lead: "商户系统需要收发的全部内容,一字不差。",
      request: "下单请求",
      response: "下单响应",
      webhook: "支付回调",
      copy: "复制"
    },
    snippets: { heading: "自己动手", lead: "在终端中运行,走的是同一套接口。" },
    foot: "测试商户的 app_secret 只在首次启动时打印一次,遗失后可以重置。",
    needsScript: "请允许本页面运行脚本。",
    script: {
      amountInvalid: "请输入 0.01 到 100000000.00 之间的金额,最多两位小数",
      noteTooLong: "商品说明最多 {0} 个字符",
      placing: "正在提交…",
      submit: "提交订单",
      wait: "{0} 秒后可再次提交",
      tooMany: "请求过于频繁,请等待 {0} 秒后再试。",
      refused: "网关拒绝了订单:{0}",
      unreachable: "无法连接网关。请确认网关正在运行,然后重试。",
      stateUnreachable: "暂时无法读取订单状态,正在重试…",
      stepDone: "已完成",
      stepActive: "进行中",
      stepFailed: "未通过",
      stepIdle: "未开始",
      signature: "签名 {0}",
      answered: "网关返回 {0}",
      waitingPayer: "等待付款",
      orderEnded: "订单状态:{0}",
      money: "实收 {0} 元,手续费 {1} 元",
      pushing: "正在推送到商户…",
      attemptFailed: "第 {0} 次推送:{1}",
      delivered: "第 {0} 次推送,{1} 毫秒后收到 success",
      dead: "多次推送均未成功,可用 payhub webhook resend 重发",
      paid: "已支付",
      verified: "签名验证通过",
      unverified: "签名验证未通过",
      signedString: "参与签名的字符串",
      emptyWire: "提交订单后,这里显示真实报文。",
      emptyWebhook: "付款完成后,回调会显示在这里。",
      attempts: "推送记录",
      attempt: "第 {0} 次",
      noAnswer: "无应答",
      copied: "已复制",
      copyFailed: "复制失败"
    }
  },
  en: {
    title: "PayHub demo",
    mode: "Test mode",
    docs: "API docs",
    headline: ["Take one payment all the way, from the order to the verified webhook"],
    lead: "This is your own payment gateway. Every step below is a real API call; only the paying happens in the sandbox, so no money moves.",
    merchant: "Test merchant",
    form: {
      heading: "Place an order",
      amount: "Amount (yuan)",
      note: "Item",
      noteValue: "One latte",
      way: "Way to pay",
      qrcode: ["QR code", "Answers a code that the payer scans"],
      jsapi: ["WeChat JSAPI", "Answers a link to pay inside WeChat"],
      submit: "Place the order"
    },
    checkout: {
      heading: "Checkout",
      qrCode: "QR code to pay",
      scan: "Scan it, if your phone can reach this gateway",
      openLink: "This is a payment link for use inside WeChat. In test mode it can be paid in the sandbox.",
      pay: "Pay in the sandbox",
      another: "Place another order",
      amount: "Amount",
      orderNo: "Order",
      merchantOrderNo: "Merchant's number"
    },
    journey: {
      heading: "Where this payment is",
      steps: [
        ["signed", "The merchant sends a signed request", "Parameters sorted by name, HMAC-SHA256 with the app_secret"],
        ["stored", "The order is stored as PENDING", "On disk before the channel hears of it"],
        ["paying", "The payer pays in the sandbox", "A page where a click pays, declines or stalls"],
        [
          "settled",
          "The channel's notice is verified, the order is PAID",
          "Signature, amount, currency and state, then one transaction"
        ],
        [
          "delivered",
          "The webhook arrives and its signature verifies",
          "Delivered once the merchant answers success, else tried again"
        ]
      ],
      timeline: "The order's timeline"
    },
    wire: {
      heading: "On the wire",
      lead: "All that a merchant's system sends and receives, byte for byte.",
      request: "Request",
      response: "Response",
      webhook: "Webhook",
      copy: "Copy"
    },
    snippets: { heading: "Do it yourself", lead: "The same API, from your terminal." },
    foot: "The test merchant's app_secret was printed once, at the first start. If it is lost, reset it.",
    needsScript: "Please allow scripts on this page.",
    script: {
      amountInvalid: "Enter an amount from 0.01 to 100000000.00 with at most two decimals",
      noteTooLong: "The item may have at most {0} characters",
      placing: "Placing…",
      submit: "Place the order",
      wait: "Again in {0} s",
      tooMany: "Too many orders in a short time. Please wait {0} s and try again.",
      refused: "The gateway refused the order: {0}",
      unreachable: "The gateway cannot be reached. Check that it is running, then try again.",
      stateUnreachable: "The order cannot be read right now, trying again…",
      stepDone: "done",
      stepActive: "in progress",
      stepFailed: "failed",
      stepIdle: "not started",
      signature: "sign {0}",
      answered: "The gateway answered {0}",
      waitingPayer: "Waiting for the payer",
      orderEnded: "The order is {0}",
      money: "{0} yuan received, {1} yuan fee",
      pushing: "Pushing to the merchant…",
      attemptFailed: "Push {0}: {1}",
      delivered: "Push {0}, answered success after {1} ms",
      dead: "All pushes failed; payhub webhook resend sends it again",
      paid: "Paid",
      verified: "Signature verified",
      unverified: "Signature does not verify",
      signedString: "The string that is signed",
      emptyWire: "Place an order to see what really travels.",
      emptyWebhook: "The webhook shows up here once the order is paid.",
      attempts: "Pushes",
      attempt: "Push {0}",
      noAnswer: "no answer",
      copied: "Copied",
      copyFailed: "Not copied"
    }
  }
}

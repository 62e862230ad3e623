import type { Texts } from "../../domain/language.ts"

/** The words of `/demo`. "|" in `headline` is where its line may break; `script` is what the page's script says. */
export const demoTexts = {
  title: { zh: "PayHub 演示", en: "PayHub demo" },
  mode: { zh: "测试模式", en: "Test mode" },
  docs: { zh: "接口文档", en: "API docs" },
  faults: { zh: "特殊金额", en: "Magic amounts" },
  headline: {
    zh: "走完一笔支付：|从下单，|到验签通过的回调",
    en: "Take one payment all the way, from the order to the verified webhook"
  },
  lead: {
    zh: "这是您自己部署的支付网关。下面每一步都是真实的接口调用，只是付款在沙箱中完成，不会产生任何扣款。",
    en: "This is your own payment gateway. Every step below is a real API call; only the paying happens in the sandbox, so no money moves."
  },
  merchant: { zh: "测试商户", en: "Test merchant" },
  form: {
    heading: { zh: "创建订单", en: "Place an order" },
    amount: { zh: "金额（元）", en: "Amount (yuan)" },
    note: { zh: "商品说明", en: "Item" },
    noteValue: { zh: "一杯拿铁", en: "One latte" },
    way: { zh: "支付方式", en: "Way to pay" },
    qrcode: {
      name: { zh: "扫码支付", en: "QR code" },
      what: { zh: "返回二维码，用户扫码付款", en: "Answers a code that the payer scans" }
    },
    jsapi: {
      name: { zh: "微信 JSAPI", en: "WeChat JSAPI" },
      what: { zh: "返回支付链接，在微信内付款", en: "Answers a link to pay inside WeChat" }
    },
    submit: { zh: "提交订单", en: "Place the order" }
  },
  checkout: {
    heading: { zh: "收银台", en: "Checkout" },
    qrCode: { zh: "付款二维码", en: "QR code to pay" },
    scan: { zh: "手机能访问本网关时，可直接扫码", en: "Scan it, if your phone can reach this gateway" },
    openLink: {
      zh: "这是微信内的支付链接。订单处于测试模式，可以在沙箱中完成付款。",
      en: "This is a payment link for use inside WeChat. In test mode it can be paid in the sandbox."
    },
    pay: { zh: "在沙箱中付款", en: "Pay in the sandbox" },
    another: { zh: "再下一单", en: "Place another order" },
    amount: { zh: "金额", en: "Amount" },
    orderNo: { zh: "平台订单号", en: "Order" },
    merchantOrderNo: { zh: "商户订单号", en: "Merchant's number" }
  },
  journey: {
    heading: { zh: "这笔支付的进度", en: "Where this payment is" },
    steps: {
      signed: {
        title: { zh: "商户发出签名请求", en: "The merchant sends a signed request" },
        what: {
          zh: "参数按名称排序，用 app_secret 做 HMAC-SHA256 签名",
          en: "Parameters sorted by name, HMAC-SHA256 with the app_secret"
        }
      },
      stored: {
        title: { zh: "订单入库，状态为待支付", en: "The order is stored as PENDING" },
        what: { zh: "先持久化，再请求支付渠道", en: "On disk before the channel hears of it" }
      },
      paying: {
        title: { zh: "用户在沙箱付款", en: "The payer pays in the sandbox" },
        what: { zh: "打开付款页，选择支付、拒绝或稍后", en: "A page where a click pays, declines or stalls" }
      },
      settled: {
        title: { zh: "渠道通知验签通过，订单已支付", en: "The channel's notice is verified, the order is PAID" },
        what: {
          zh: "核对签名、金额、币种和状态后，在同一个事务中入账",
          en: "Signature, amount, currency and state, then one transaction"
        }
      },
      delivered: {
        title: { zh: "回调送达商户，商户验签通过", en: "The webhook arrives and its signature verifies" },
        what: {
          zh: "商户返回 success 才算送达，否则自动重试",
          en: "Delivered once the merchant answers success, else tried again"
        }
      }
    },
    timeline: { zh: "订单时间线", en: "The order's timeline" }
  },
  wire: {
    heading: { zh: "真实报文", en: "On the wire" },
    lead: {
      zh: "商户系统需要收发的全部内容，一字不差。",
      en: "All that a merchant's system sends and receives, byte for byte."
    },
    request: { zh: "下单请求", en: "Request" },
    response: { zh: "下单响应", en: "Response" },
    webhook: { zh: "支付回调", en: "Webhook" },
    copy: { zh: "复制", en: "Copy" }
  },
  snippets: {
    heading: { zh: "自己动手", en: "Do it yourself" },
    lead: { zh: "在终端中运行，走的是同一套接口。", en: "The same API, from your terminal." }
  },
  foot: {
    zh: "测试商户的 app_secret 只在首次启动时打印一次，遗失后可以重置。",
    en: "The test merchant's app_secret was printed once, at the first start. If it is lost, reset it."
  },
  needsScript: { zh: "请允许本页面运行脚本。", en: "Please allow scripts on this page." },
  script: {
    amountInvalid: {
      zh: "请输入 0.01 到 100000000.00 之间的金额，最多两位小数",
      en: "Enter an amount from 0.01 to 100000000.00 with at most two decimals"
    },
    noteTooLong: { zh: "商品说明最多 {max} 个字符", en: "The item may have at most {max} characters" },
    placing: { zh: "正在提交…", en: "Placing…" },
    submit: { zh: "提交订单", en: "Place the order" },
    wait: { zh: "{seconds} 秒后可再次提交", en: "Again in {seconds} s" },
    tooMany: {
      zh: "请求过于频繁，请等待 {seconds} 秒后再试。",
      en: "Too many orders in a short time. Please wait {seconds} s and try again."
    },
    refused: { zh: "网关拒绝了订单：{message}", en: "The gateway refused the order: {message}" },
    unreachable: {
      zh: "无法连接网关。请确认网关正在运行，然后重试。",
      en: "The gateway cannot be reached. Check that it is running, then try again."
    },
    stateUnreachable: {
      zh: "暂时无法读取订单状态，正在重试…",
      en: "The order cannot be read right now, trying again…"
    },
    /** What a screen reader says when a step has ended. */
    announced: { zh: "{step}：{state}", en: "{step}: {state}" },
    stepDone: { zh: "已完成", en: "done" },
    stepActive: { zh: "进行中", en: "in progress" },
    stepFailed: { zh: "未通过", en: "failed" },
    stepIdle: { zh: "未开始", en: "not started" },
    signature: { zh: "签名 {sign}", en: "sign {sign}" },
    answered: { zh: "网关返回 {answer}", en: "The gateway answered {answer}" },
    waitingPayer: { zh: "等待付款", en: "Waiting for the payer" },
    orderEnded: { zh: "订单状态：{status}", en: "The order is {status}" },
    money: { zh: "实收 {received} 元，手续费 {fee} 元", en: "{received} yuan received, {fee} yuan fee" },
    pushing: { zh: "正在推送到商户…", en: "Pushing to the merchant…" },
    attemptFailed: { zh: "第 {attempt} 次推送：{answer}", en: "Push {attempt}: {answer}" },
    delivered: {
      zh: "第 {attempt} 次推送，{ms} 毫秒后收到 success",
      en: "Push {attempt}, answered success after {ms} ms"
    },
    dead: {
      zh: "多次推送均未成功，可用 payhub webhook resend 重发",
      en: "All pushes failed; payhub webhook resend sends it again"
    },
    paid: { zh: "已支付", en: "Paid" },
    verified: { zh: "签名验证通过", en: "Signature verified" },
    unverified: { zh: "签名验证未通过", en: "Signature does not verify" },
    signedString: { zh: "参与签名的字符串", en: "The string that is signed" },
    emptyWire: { zh: "提交订单后，这里显示真实报文。", en: "Place an order to see what really travels." },
    emptyWebhook: { zh: "付款完成后，回调会显示在这里。", en: "The webhook shows up here once the order is paid." },
    attempts: { zh: "推送记录", en: "Pushes" },
    attempt: { zh: "第 {attempt} 次", en: "Push {attempt}" },
    noAnswer: { zh: "无应答", en: "no answer" },
    copied: { zh: "已复制", en: "Copied" },
    copyFailed: { zh: "复制失败", en: "Not copied" }
  }
} satisfies Texts
